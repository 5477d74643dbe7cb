"""Integers in float32: rounding that keeps the 2**24 bound, and gradients that pass straight through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from hypothesis import given, settings
from hypothesis import strategies as st

from vaecompress.transforms import exact
from vaecompress.transforms.exact import BOUND_BITS, WEIGHT_BITS, Grid


def random_grid(rng, channels):
    """Exponents and limits as calibration gives them."""
    exponent = rng.integers(-6, 14, channels).astype(np.float32)
    return jnp.asarray(exponent), np.full((channels,), 2047, np.int64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 40]), st.floats(-12, 12), st.floats(-12, 12))
def test_rounded_kernels_keep_the_bound_and_use_it(seed, inputs, size, bias_size):
    rng = np.random.default_rng(seed)
    exponent, limit = random_grid(rng, inputs)
    kernel = (rng.normal(size=(inputs, 4)) * 2.0**size).astype(np.float32)
    bias = (rng.normal(size=4) * 2.0**bias_size).astype(np.float32)
    rounded = exact.round_kernel(jnp.asarray(kernel), jnp.asarray(bias), exponent, limit)
    weights, offset = np.asarray(rounded.kernel_int, np.float64), np.asarray(rounded.bias_int, np.float64)
    assert (weights == np.rint(weights)).all()
    assert (offset == np.rint(offset)).all()
    headroom = (np.abs(weights) * 2047).sum(0) + np.abs(offset)
    np.testing.assert_array_equal(rounded.headroom, headroom)
    assert (headroom < 2**BOUND_BITS).all()
    assert np.abs(weights).max() <= 2**WEIGHT_BITS
    widest = np.abs(weights).max(0) >= 2 ** (WEIGHT_BITS - 1)
    assert (widest | (headroom > 2 ** (BOUND_BITS - 3))).all()


def test_rounded_kernel_stands_for_its_integers():
    rng = np.random.default_rng(1)
    exponent, limit = random_grid(rng, 6)
    kernel = jnp.asarray(rng.normal(size=(6, 3)), jnp.float32)
    rounded = exact.round_kernel(kernel, jnp.asarray([0.5, -0.25, 3.0]), exponent, limit)
    step = 2.0 ** (np.asarray(exponent, np.float64)[:, None] - np.asarray(rounded.shift, np.float64))
    np.testing.assert_array_equal(rounded.kernel, np.asarray(rounded.kernel_int) * step)
    assert (np.abs(np.asarray(rounded.kernel) - np.asarray(kernel)) <= step / 2).all()
    np.testing.assert_allclose(rounded.bias, [0.5, -0.25, 3.0], atol=2.0**-4)


def test_rounding_a_kernel_twice_changes_nothing():
    rng = np.random.default_rng(2)
    exponent, limit = random_grid(rng, 16)
    once = exact.round_kernel(jnp.asarray(rng.normal(size=(16, 8)), jnp.float32), jnp.zeros(8), exponent, limit)
    again = exact.round_kernel(once.kernel, once.bias, exponent, limit)
    np.testing.assert_array_equal(again.kernel, once.kernel)


def test_straight_through_is_exact_forwards_and_the_identity_backwards():
    x, rounded = jnp.float32(1e8) + 8.0, jnp.float32(0.1)
    value, gradient = jax.value_and_grad(exact.straight_through)(x, rounded)
    assert value == np.float32(0.1)
    assert gradient == 1.0


def test_on_grid_gives_clipped_integers_and_passes_gradients():
    x = jnp.asarray([[-100.0, 0.3, 0.124, 0.125], [2.0, 2.5, 0.126, 100.0]], jnp.float32)
    exponent = jnp.asarray([0.0, 0.0, 2.0, 2.0])
    found = exact.on_grid(x, Grid(exponent, -7, 7))
    np.testing.assert_array_equal(found, [[-7.0, 0.0, 0.0, 0.0], [2.0, 2.0, 0.25, 1.75]])
    np.testing.assert_array_equal(jax.grad(lambda x: exact.on_grid(x, Grid(exponent, -7, 7)).sum())(x), np.ones((2, 4)))


@settings(deadline=None)
@given(st.floats(2.0**-60, 2.0**60, width=32))
def test_gains_have_eleven_bits_of_mantissa(gain):
    rounded = float(exact.round_mantissa(jnp.float32(gain)))
    mantissa, _ = np.frexp(rounded)
    assert mantissa * 2**11 == round(mantissa * 2**11)
    assert abs(rounded - gain) <= gain * 2.0**-11
    assert float(exact.round_mantissa(jnp.float32(rounded))) == rounded


def test_powers_of_two_are_exact_to_the_ends_of_float32():
    exponent = np.arange(-126, 128)
    np.testing.assert_array_equal(exact.power_of_two(jnp.asarray(exponent, jnp.float32)), np.ldexp(1.0, exponent))


def test_ceil_log2_is_the_smallest_power_above():
    x = jnp.asarray([0.0, 0.49, 0.5, 1.0, 2047.0, 2048.0])
    np.testing.assert_array_equal(exact.ceil_log2(x), [0, -1, 0, 1, 11, 12])
