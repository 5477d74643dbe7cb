"""Gains are interpolated in log space between anchors, and in the exact phase they land on the grid."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax.numpy as jnp

from vaecompress.transforms.exact import Grid
from vaecompress.transforms.integer_signal import IntegerSignal
from vaecompress.transforms.quality import GainTable
from vaecompress.transforms.signal import FloatSignal

TABLE = {"params": {"log2_gain": jnp.asarray([[0.0, 4.0], [2.0, 4.0], [6.0, 0.0]])}}


def test_gains_are_log_linear_between_anchors_and_constant_beyond():
    found = GainTable(anchors=3, channels=2).apply(TABLE, jnp.asarray([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0]))
    np.testing.assert_allclose(np.log2(found), [[0, 4], [0, 4], [1, 4], [2, 4], [4, 2], [6, 0], [6, 0]], atol=1e-5)


def test_a_gain_multiplies_each_sample_by_its_own_row():
    x, gain = np.ones((2, 3, 4, 2), np.float32), jnp.asarray([[1.5, 2.0], [3.0, 0.3]])
    found = FloatSignal(jnp.asarray(x)).gain(gain, "gain").value
    np.testing.assert_allclose(found, x * np.asarray(gain)[:, None, None, :])


def test_an_exact_gain_gives_rounded_and_clipped_integers():
    x = IntegerSignal.uniform(jnp.asarray([[[[1.0, 3.0, 7.0]]]]) / 16, 3, exponent=4, limit=7)
    out = x.gain(jnp.asarray([[1.0, 0.7, 5.0]]), "gain", Grid(jnp.asarray([3.0, 4.0, 4.0]), -20, 20))
    np.testing.assert_array_equal(np.asarray(out.value) * [8, 16, 16], [[[[0, 2, 20]]]])
    assert out.limit.tolist() == [20, 20, 20]
