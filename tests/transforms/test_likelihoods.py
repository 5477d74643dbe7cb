"""Likelihoods are probabilities of integers: they sum to one, and their gradients lead where they should."""

import math

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp

from vaecompress.transforms.likelihoods import (
    MAX_LOG2_SCALE,
    MIN_LIKELIHOOD,
    MIN_LOG2_SCALE,
    SCALE_COUNT,
    SCALE_STEPS_PER_OCTAVE,
    FactorizedPrior,
    ResidualPrior,
    bits,
    bounded,
)

INTEGERS = np.arange(-4096.0, 4097.0, dtype=np.float32)


@pytest.fixture(scope="module")
def residual_prior():
    params = {"share_logit": jnp.float32(-1.0), "log_ratio": jnp.float32(0.3)}
    return ResidualPrior().bind({"params": params})


@pytest.fixture(scope="module")
def hyper_prior():
    """Two sets of three channels, not at their start, where every channel is alike."""
    module = FactorizedPrior(channels=3, sets=2)
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((1, 1, 1, 3)), jnp.zeros(1, int)))
    rng = np.random.default_rng(0)
    return module.bind(jax.tree_util.tree_map(lambda leaf: rng.normal(0, 0.5, leaf.shape).astype(np.float32), params))


@pytest.mark.parametrize("log2_scale", [MIN_LOG2_SCALE, 0.0, 3.5, MAX_LOG2_SCALE])
def test_masses_of_a_residual_sum_to_one(residual_prior, log2_scale):
    mass = np.asarray(residual_prior(INTEGERS, np.full_like(INTEGERS, log2_scale)), np.float64)
    assert mass.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_array_equal(mass, mass[::-1])
    assert (np.diff(mass[4096:]) <= 0).all()


def test_the_tails_of_a_residual_keep_their_precision(residual_prior):
    """The mass of 9 at scale 1 by the complementary error function in double precision."""
    share, ratio = (float(value) for value in residual_prior.mixture())
    tails = [math.erfc(x / math.sqrt(2)) / 2 for x in (8.5, 9.5, 8.5 / ratio, 9.5 / ratio)]
    wanted = (1 - share) * (tails[0] - tails[1]) + share * (tails[2] - tails[3])
    assert float(residual_prior(jnp.float32(9.0), jnp.float32(0.0))) == pytest.approx(wanted, rel=1e-3)


def test_scales_outside_the_tables_count_as_the_outermost(residual_prior):
    found = residual_prior(jnp.asarray([1.0, 1.0]), jnp.asarray([MIN_LOG2_SCALE - 5, MAX_LOG2_SCALE + 5]))
    np.testing.assert_array_equal(found, residual_prior(jnp.ones(2), jnp.asarray([MIN_LOG2_SCALE, MAX_LOG2_SCALE])))


def test_the_last_scale_is_the_largest():
    assert MIN_LOG2_SCALE + (SCALE_COUNT - 1) / SCALE_STEPS_PER_OCTAVE == MAX_LOG2_SCALE


def test_masses_of_a_hyper_latent_sum_to_one_in_every_set_and_channel(hyper_prior):
    z = np.broadcast_to(INTEGERS[None, :, None, None], (2, INTEGERS.size, 1, 3))
    mass = np.asarray(hyper_prior(z, jnp.arange(2)), np.float64)
    np.testing.assert_allclose(mass.sum(axis=(1, 2)), 1.0, atol=1e-4)
    assert (mass >= 0).all()
    assert np.unique(np.round(mass[:, 4096, 0], 4)).size == 6


def test_every_sample_is_judged_by_its_own_set(hyper_prior):
    z = np.random.default_rng(1).normal(0, 3, (4, 2, 5, 3)).astype(np.float32)
    sets = jnp.asarray([1, 0, 0, 1])
    together = hyper_prior(z, sets)
    for sample in range(4):
        alone = hyper_prior(z[sample : sample + 1], sets[sample : sample + 1])
        np.testing.assert_allclose(together[sample], alone[0], rtol=1e-5)


def test_a_bound_lets_gradients_back_into_the_range_only():
    x = jnp.asarray([-2.0, -2.0, 0.5, 3.0, 3.0])
    push = jnp.asarray([1.0, -1.0, 1.0, 1.0, -1.0])
    gradient = jax.grad(lambda x: jnp.sum(bounded(x, 0.0, 1.0) * push))(x)
    np.testing.assert_array_equal(gradient, [0.0, -1.0, 1.0, 1.0, 0.0])


def test_bits_of_the_impossible_are_finite():
    np.testing.assert_allclose(bits(jnp.asarray([1.0, 0.25, 0.0])), [0.0, 2.0, -math.log2(MIN_LIKELIHOOD)], rtol=1e-6)
