"""How far a run is, and what that means for its learning rate, its crops and its arithmetic."""

import math
from dataclasses import dataclass

import numpy as np

from vaecompress.train.presets import Recipe
from vaecompress.train.step import Moment


@dataclass(frozen=True)
class Schedule:
    """Places from 0 to 1 in a run: counted in steps, or, with ``budget_minutes``, in minutes of training.

    With a budget the recipe's number of steps means nothing: everything ends when the budget does.
    """

    recipe: Recipe
    budget_minutes: float | None = None

    def at(self, step: int, minutes: float) -> float:
        """The place after ``step`` steps and ``minutes`` of training; beyond 1 where a budget is overdrawn."""
        return step / self.recipe.steps if self.budget_minutes is None else minutes / self.budget_minutes

    @property
    def exact_from(self) -> float:
        """Where rounding enters the loop, if ever. A run in steps that asks for any gets at least one."""
        share, steps = self.recipe.exact_share, self.recipe.steps
        if not share:
            return math.inf
        if self.budget_minutes is not None:
            return 1.0 - share
        return (steps - max(1, int(steps * share))) / steps

    def crop(self, place: float) -> int:
        """The side of the crops, in pixels."""
        reached = 0.0
        for share, side in self.recipe.crops:
            reached += share
            if place < reached:
                return side
        return self.recipe.crops[-1][1]

    @property
    def decay_from(self) -> float:
        """Where the learning rate begins to fall."""
        return 1.0 - self.recipe.decay_share

    def decay(self, place: float) -> float:
        """What the learning rate is multiplied by: 1, then a cosine down to ``final_rate``."""
        share, floor = self.recipe.decay_share, self.recipe.final_rate
        done = min(max((place - self.decay_from) / share, 0.0), 1.0) if share else 0.0
        return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * done))

    def moment(self, place: float) -> Moment:
        """What a step taken at ``place`` is told."""
        return Moment(np.int32(self.recipe.seed), np.float32(place), np.float32(self.decay(place)))

    def minutes_left(self, step: int, minutes: float, steps_per_s: float) -> float:
        """Minutes to the end at the present rate."""
        if self.budget_minutes is None:
            return (self.recipe.steps - step) / steps_per_s / 60.0
        return max(0.0, self.budget_minutes - minutes)
