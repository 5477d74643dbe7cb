"""Our likelihoods, tables and coder against those of tensorflow-compression, the reference of the field."""

import math

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("tensorflow_compression", reason="needs the tfc extra, which exists for Python 3.11")

import jax
import jax.numpy as jnp
import tensorflow as tf
import tensorflow_compression as tfc

from vaecompress.entropy.coder import Decoder, encode
from vaecompress.entropy.tables import TOTAL, TableSet, symmetric_tables
from vaecompress.transforms.likelihoods import FactorizedPrior, ResidualPrior

SCALES = np.geomspace(0.2, 60.0, 16)
TFC_PRECISION_BITS = 16


def parameter_name(variable):
    """What we call a variable of theirs."""
    return variable.name.split("/")[-1].split(":")[0].replace("_", "")


def normal_cdf(x):
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])


@pytest.fixture(scope="module")
def tables():
    return TableSet.from_tables(symmetric_tables(normal_cdf, SCALES))


def test_the_factorised_prior_is_a_noisy_deep_factorized():
    theirs = tfc.NoisyDeepFactorized(batch_shape=(5,), num_filters=(3, 3, 3))
    rng, ours = np.random.default_rng(0), {}
    for variable in theirs.trainable_variables:
        value = rng.normal(0, 0.7, variable.shape).astype(np.float32)
        variable.assign(value)
        ours[parameter_name(variable)] = value[None]
    z = rng.normal(0, 6, (1, 7, 9, 5)).astype(np.float32)
    found = FactorizedPrior(channels=5, sets=1).apply({"params": ours}, z, jnp.zeros(1, int))
    np.testing.assert_allclose(found, theirs.prob(z), rtol=2e-4, atol=1e-7)


def test_the_factorised_prior_starts_as_a_noisy_deep_factorized():
    theirs = tfc.NoisyDeepFactorized(batch_shape=(5,), num_filters=(3, 3, 3))
    module = FactorizedPrior(channels=5, sets=1)
    ours = module.init(jax.random.key(0), jnp.zeros((1, 1, 1, 5)), jnp.zeros(1, int))["params"]
    for variable in theirs.trainable_variables:
        mine = np.asarray(ours[parameter_name(variable)][0])
        if "bias" in variable.name:
            assert np.abs(mine).max() <= 0.5
        else:
            np.testing.assert_allclose(mine, variable.numpy(), rtol=1e-5)


def test_the_residual_prior_mixes_two_noisy_normals():
    params = {"share_logit": jnp.float32(-1.0), "log_ratio": jnp.float32(0.2)}
    share, ratio = 1 / (1 + math.e), 1 + math.exp(0.2)
    rng = np.random.default_rng(1)
    residual = rng.normal(0, 5, 500).astype(np.float32)
    scale = np.exp2(rng.uniform(-2, 6, 500)).astype(np.float32)
    found = ResidualPrior().apply({"params": params}, residual, np.log2(scale))
    narrow, wide = (tfc.NoisyNormal(loc=0.0, scale=scale * factor).prob(residual) for factor in (1.0, ratio))
    np.testing.assert_allclose(found, (1 - share) * narrow + share * wide, rtol=1e-3, atol=1e-6)


def test_tables_are_closer_to_the_density_than_quantised_cdfs(tables):
    for index, scale in enumerate(SCALES):
        table = tables[index]
        symbols = np.arange(len(table.frequencies) - 1) + table.first_symbol
        pmf = normal_cdf((symbols + 0.5) / scale) - normal_cdf((symbols - 0.5) / scale)
        pmf = np.append(pmf, 1 - pmf.sum())
        theirs = np.diff(tfc.pmf_to_quantized_cdf(pmf.astype(np.float32), precision=TFC_PRECISION_BITS))
        ours = table.frequencies / TOTAL
        np.testing.assert_allclose(ours, theirs / 2**TFC_PRECISION_BITS, atol=4e-4)
        possible = pmf > 0
        excess = [np.sum(pmf[possible] * np.log2(pmf[possible] / q[possible])) for q in (ours, theirs / 2**16)]
        assert excess[0] <= excess[1] + 1e-6


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_coded_size_is_that_of_the_range_coder(tables, count):
    rng = np.random.default_rng(2)
    table_index = rng.integers(0, len(SCALES), count).astype(np.uint16)
    symbols = np.rint(rng.normal(size=count) * SCALES[table_index]).astype(np.int32)
    ours = encode([(symbols, table_index)], tables)
    np.testing.assert_array_equal(Decoder(ours, tables).decode(table_index), symbols)
    model = tfc.LocationScaleIndexedEntropyModel(
        tfc.NoisyNormal, len(SCALES), lambda i: tf.gather(SCALES.astype(np.float32), tf.cast(i, tf.int32)), 1, True
    )
    theirs = model.compress(symbols.astype(np.float32), table_index.astype(np.int32)).numpy()
    assert len(ours) <= 1.005 * len(theirs)
    assert len(ours) >= 0.98 * len(theirs)
