"""Our entropy models, tables and coder held against tensorflow-compression, the field's reference."""

import math

import numpy as np
import pytest

pytest.importorskip("jax", reason="the likelihoods need jax: pip install 'vaecompress[train]'")
pytest.importorskip("tensorflow_compression", reason="the reference needs Python 3.11: pip install 'vaecompress[tfc]'")

import tensorflow as tf
import tensorflow_compression as tfc

from vaecompress.entropy import coder, tables
from vaecompress.transforms.likelihoods import FactorizedPrior, ResidualPrior

TFC_PRECISION_BITS = 16
"""The most that TFC's range coder takes."""


def discrete_normal(scale: float, half_width: int) -> np.ndarray:
    """Mass of the unit intervals around -half_width .. half_width, float64."""
    edges = np.arange(-half_width, half_width + 2) - 0.5
    return np.diff([0.5 * math.erfc(-edge / scale / math.sqrt(2.0)) for edge in edges])


def test_factorized_prior_agrees_with_noisy_deep_factorized() -> None:
    channels = 5
    tf.random.set_seed(3)
    reference = tfc.NoisyDeepFactorized(batch_shape=(channels,), num_filters=(3, 3, 3), init_scale=10.0)
    rng = np.random.default_rng(5)
    base = reference.base
    for variable in (*base._matrices, *base._biases, *base._factors):
        variable.assign_add(rng.normal(0.0, 0.4, variable.shape).astype(np.float32))
    parameters = {
        f"{name}{i}": value.numpy()[None]
        for name, values in (("matrix", base._matrices), ("bias", base._biases), ("factor", base._factors))
        for i, value in enumerate(values)
    }
    values = rng.normal(0.0, 8.0, (2, 30, channels)).astype(np.float32)
    ours = FactorizedPrior(channels, sets=1).apply({"params": parameters}, values, np.zeros(2, np.int32))
    np.testing.assert_allclose(np.asarray(ours), reference.prob(values).numpy(), rtol=1e-4, atol=2e-7)


@pytest.mark.parametrize(("share", "ratio"), [(0.0, 2.0), (0.3, 2.5)])
def test_residual_prior_agrees_with_noisy_normals(share: float, ratio: float) -> None:
    """The prior is a mixture of two of TFC's noisy normals; with no share of the wider one it is the first alone."""
    log2_scale = np.linspace(-2.5, 6.0, 24, dtype=np.float32)[:, None]
    values = np.linspace(-40.0, 40.0, 81, dtype=np.float32)[None, :]
    scale = np.exp2(log2_scale)
    narrow, wide = (tfc.NoisyNormal(loc=0.0, scale=factor * scale).prob(values).numpy() for factor in (1.0, ratio))
    logit = -80.0 if share == 0.0 else math.log(share / (1.0 - share))
    parameters = {"share_logit": np.float32(logit), "log_ratio": np.float32(math.log(ratio - 1.0))}
    ours = ResidualPrior().apply({"params": parameters}, *np.broadcast_arrays(values, log2_scale))
    expected = (1.0 - share) * narrow + share * wide
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize("scale", [0.15, 0.5, 2.0, 11.0])
def test_integer_tables_agree_with_pmf_to_quantized_cdf(scale: float) -> None:
    pmf = discrete_normal(scale, half_width=max(2, round(5 * scale)))
    cdf = tfc.pmf_to_quantized_cdf(pmf.astype(np.float32), precision=TFC_PRECISION_BITS).numpy()
    theirs = np.diff(cdf) / 2.0**TFC_PRECISION_BITS
    ours = tables.quantize_pmf(pmf) / float(tables.TOTAL)
    np.testing.assert_allclose(ours, theirs, atol=len(pmf) / 2.0**TFC_PRECISION_BITS)
    entropy = -(pmf * np.log2(pmf, where=pmf > 0, out=np.zeros_like(pmf))).sum()
    assert -(pmf * np.log2(ours)).sum() <= -(pmf * np.log2(theirs)).sum() + 1e-6
    assert -(pmf * np.log2(ours)).sum() <= entropy + 1e-4


def test_coded_length_agrees_with_the_range_coder() -> None:
    """Same symbols, same tables: within half a percent of each other, on about 10 kB."""
    rng = np.random.default_rng(11)
    scales = np.exp2(np.linspace(-2.0, 5.0, 16))
    cdfs, ours, lowest = [], [], []
    for scale in scales:
        half_width = max(2, round(8 * scale))
        pmf = np.append(discrete_normal(scale, half_width), 0.0)
        cdfs.append(tfc.pmf_to_quantized_cdf(pmf.astype(np.float32), precision=TFC_PRECISION_BITS).numpy())
        units = tables.TOTAL >> TFC_PRECISION_BITS
        ours.append(tables.Table(-half_width, (np.diff(cdfs[-1]) * units).astype(np.uint32)))
        lowest.append(-half_width)
    index = rng.integers(0, len(scales), 30_000)
    symbols = np.rint(rng.normal(0.0, scales[index])).astype(np.int32)
    lookup = np.concatenate([np.append([TFC_PRECISION_BITS], cdf) for cdf in cdfs]).astype(np.int32)
    handle = tfc.create_range_encoder([], lookup)
    handle = tfc.entropy_encode_index(handle, index.astype(np.int32), symbols - np.array(lowest, np.int32)[index])
    theirs = len(tfc.entropy_encode_finalize(handle).numpy())
    table_set = tables.TableSet.from_tables(ours)
    length = len(coder.encode([(symbols, index.astype(np.uint16))], table_set))
    assert 8_000 < theirs < 20_000
    assert length == pytest.approx(theirs, rel=0.005)
    assert 8 * length == pytest.approx(coder.ideal_bits(symbols, index.astype(np.uint16), table_set), rel=0.005)
