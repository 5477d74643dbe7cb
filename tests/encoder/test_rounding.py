"""Rounding: the dead zone, and the least weight * error^2 + bits of the model's own tables."""

import numpy as np
import pytest

from vaecompress.encoder.rounding import DEAD_ZONE, DeadZone, Weighing
from vaecompress.entropy.coder import ideal_bits
from vaecompress.models import registry

ROWS = slice(0, 1)


@pytest.fixture(scope="module")
def model(tiny_model_path):
    return registry.load(tiny_model_path, threads=1)


def weighed(model, target, index, weight, coverage=1.0):
    """Symbols of targets [N] that are one channel's first row."""
    rounding = Weighing(model.tables, model.shape, np.array([weight]), np.full((1, len(target)), coverage))
    return rounding(ROWS, np.ones((1, 1, len(target)), bool), target.astype(np.float32), index)


def test_the_dead_zone_moves_halves_towards_zero(model):
    target = np.array([0.5, -0.55, 0.65, -1.55, 1.65, 0.0])
    symbols = DeadZone(model.shape)(ROWS, np.ones(6, bool), target, np.ones(6, np.uint16))
    np.testing.assert_array_equal(symbols, [0, 0, 1, -1, 2, 0])
    assert DEAD_ZONE == 0.1


def test_weighing_takes_the_cheapest_of_nearest_next_and_zero(model):
    rng = np.random.default_rng(0)
    target, weight = rng.normal(0, 2, 60), 2.0
    index = rng.integers(1, 60, 60).astype(np.uint16)
    found = weighed(model, target, index, weight)
    for value, place, symbol in zip(target, index, found, strict=True):
        nearest = np.rint(value)
        candidates = {nearest, nearest - np.sign(nearest), 0.0}
        costs = {
            one: weight * (one - value) ** 2
            + ideal_bits(np.array([one], np.int32), np.array([place], np.uint16), model.tables)
            for one in candidates
        }
        assert costs[symbol] <= min(costs.values()) + 1e-4
    assert (found != np.rint(target)).any()


def test_what_no_one_sees_costs_least_and_what_all_see_is_nearest(model):
    target, index = np.linspace(-3, 3, 21), np.full(21, 20, np.uint16)
    np.testing.assert_array_equal(weighed(model, target, index, 5.0, coverage=0.0), np.zeros(21))
    np.testing.assert_array_equal(weighed(model, target, index, 1e9), np.rint(target))
