"""How far a run is, in steps or in minutes, and what follows from it."""

import math
from dataclasses import replace

import pytest

from vaecompress.train.presets import Recipe
from vaecompress.train.schedule import Schedule

RECIPE = Recipe(steps=100, crops=((0.6, 128), (0.4, 192)), decay_share=0.4, final_rate=0.1, exact_share=0.08)


def test_places_are_steps_or_minutes() -> None:
    assert Schedule(RECIPE).at(25, minutes=9.0) == 0.25
    assert Schedule(RECIPE, budget_minutes=12.0).at(25, minutes=9.0) == 0.75
    assert Schedule(RECIPE).minutes_left(40, 9.0, steps_per_s=0.5) == pytest.approx(2.0)
    assert Schedule(RECIPE, 12.0).minutes_left(40, 9.0, 0.5) == 3.0
    assert Schedule(RECIPE, 12.0).minutes_left(40, 13.0, 0.5) == 0.0


def test_crops_grow_with_the_run() -> None:
    assert [Schedule(RECIPE).crop(place) for place in (0.0, 0.59, 0.61, 1.0, 1.5)] == [128, 128, 192, 192, 192]


def test_the_rate_holds_and_decays() -> None:
    decay = Schedule(RECIPE).decay
    assert [decay(place) for place in (0.0, 0.6, 0.8, 1.0, 1.7)] == pytest.approx([1.0, 1.0, 0.55, 0.1, 0.1])
    falling = [decay(0.6 + 0.01 * step) for step in range(41)]
    assert falling == sorted(falling, reverse=True)
    assert Schedule(replace(RECIPE, decay_share=0.0)).decay(1.0) == 1.0


def test_a_short_run_still_ends_in_exact_arithmetic() -> None:
    def exact_from(share: float, budget_minutes: float | None = None) -> float:
        return Schedule(replace(RECIPE, exact_share=share), budget_minutes).exact_from

    assert [exact_from(share) for share in (0.08, 0.001, 0.0)] == [0.92, 0.99, math.inf]
    assert exact_from(0.001, budget_minutes=10.0) == 0.999
