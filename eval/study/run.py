"""One row of the study, trained for its budget of processor time, which does not run while nothing is learned."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.train.loop import CALIBRATION_BATCHES
from vaecompress.train.schedule import Schedule
from vaecompress.train.step import StepFunction, make_calibration
from vaecompress.transforms.complexity import decoder_kmac_per_pixel

from .results import Check, Outcome
from .rows import Setup
from .start import Batches
from .step import first_state, model_of, step_of, validate

CHECKED_AT = (0.1, 0.25, 0.5, 0.75)
"""Shares of the budget at which a row is validated, besides its end."""


class Clock:
    """Minutes of processor time since it was made, those of all threads together, pauses left out.

    So rows have equal budgets whatever else the machine does meanwhile.
    """

    def __init__(self) -> None:
        self._began = time.process_time()

    @property
    def minutes(self) -> float:
        """Minutes so far."""
        return (time.process_time() - self._began) / 60.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still meanwhile."""
        began = time.process_time()
        yield
        self._began += time.process_time() - began


class Training:
    """A row in training. ``minutes`` is its budget; without one it takes the recipe's number of steps."""

    def __init__(self, setup: Setup, batches: Batches, pictures: npt.NDArray[np.uint8], minutes: float | None) -> None:
        self.setup, self.batches, self.pictures = setup, batches, pictures
        self.recipe = setup.preset.recipe
        self.schedule = Schedule(self.recipe, minutes)
        self.state = first_state(setup, batches)
        self.pixels = 0
        self.checks: list[Check] = []
        self._calibrated = False

    def outcome(self, name: str, report: Callable[[Check], None]) -> Outcome:
        """Train to the end, or until the loss is not finite. Each check is handed to ``report`` at once."""
        self._compile()
        self.clock = Clock()
        sound = self._train(report)
        kmac = decoder_kmac_per_pixel(self.setup.preset.model)
        return Outcome(name, self.recipe.seed, kmac, not sound, self.checks)

    def _train(self, report: Callable[[Check], None]) -> bool:
        """Whether the loss stayed finite."""
        step, waiting = 0, list(CHECKED_AT)
        loss: Any = 0.0
        while (place := self.schedule.at(step, self.clock.minutes)) < 1.0:
            if waiting and place >= waiting[0]:
                waiting.pop(0)
                self._check(step, report)
            before, loss = loss, self._step(step, place)
            if not math.isfinite(before):  # waits for the step before: one may run ahead
                return False
            step += 1
        if not math.isfinite(loss):
            return False
        self._check(step, report, last=True)
        return True

    def _step(self, step: int, place: float) -> Any:
        exact = place >= self.schedule.exact_from
        if exact and not self._calibrated:
            with self.clock.paused():
                self._calibrate()
        crop = self.schedule.crop(place)
        batch = self.batches.batch(step, self.recipe.batch_size, crop)
        self.state, report = self._take(exact)(self.state, jnp.asarray(batch), self.schedule.moment(place))
        self.pixels += self.recipe.batch_size * crop**2
        return report.loss

    def _compile(self) -> None:
        """Every step function that the budget will need, by a step of a spare state, before the clock runs."""
        for crop, exact in self._phases():
            batch = jnp.zeros((self.recipe.batch_size, crop, crop, 3), jnp.uint8)
            spare = jax.tree_util.tree_map(jnp.copy, self.state)
            self._take(exact)(spare, batch, self.schedule.moment(0.0))[1].loss.block_until_ready()

    def _take(self, exact: bool) -> StepFunction:
        return step_of(self.setup, exact)

    def _phases(self) -> Iterator[tuple[int, bool]]:
        """Side of the crops and whether rounding is in the loop, in each part of the run."""
        begins, rounded = 0.0, self.schedule.exact_from
        for share, crop in self.recipe.crops:
            if begins < rounded:
                yield crop, False
            begins += share
            if begins > rounded:
                yield crop, True

    def _calibrate(self) -> None:
        calibrate = make_calibration(model_of(self.setup))
        crop = self.schedule.crop(1.0)
        for index in range(CALIBRATION_BATCHES):
            batch = self.batches.batch(self.recipe.steps + index, self.recipe.batch_size, crop)
            self.state = calibrate(self.state, jnp.asarray(batch))
        self._calibrated = True

    def _check(self, step: int, report: Callable[[Check], None], last: bool = False) -> None:
        """Validate while the clock stands still, once the device has done all its steps."""
        self.state.step.block_until_ready()
        minutes = self.clock.minutes
        with self.clock.paused():
            if last and self.setup.exact and not self._calibrated:
                self._calibrate()
            by_mse, by_ms_ssim = validate(self.setup, self.state, self.pictures, self._calibrated)
            self.checks.append(Check(minutes, step, self.pixels, by_mse, by_ms_ssim))
            report(self.checks[-1])
