"""The layers in float and in exact arithmetic: close to each other, on the grid that calibration chose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.transforms import layers
from vaecompress.transforms.exact import ACTIVATION_BITS, ACTIVATION_LIMIT, power_of_two
from vaecompress.transforms.integer_signal import IntegerSignal
from vaecompress.transforms.signal import LEAKY, UNIT, FloatSignal

GRID = 7


@pytest.fixture(scope="module")
def x():
    """Values on a grid of 2**-7 that fit 12 bits: exact and float layers can be given the same."""
    return jnp.asarray(np.rint(np.random.default_rng(0).normal(0, 200, (2, 4, 6, 8))) / 2**GRID, jnp.float32)


def exact(x):
    return IntegerSignal.uniform(x, x.shape[-1], GRID, ACTIVATION_LIMIT)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(5),
        layers.Dense(5, LEAKY),
        layers.Dense(5, UNIT),
        layers.Dense(5, splits=4),
        layers.Dense(5, LEAKY, splits=4),
        layers.Depthwise(),
        layers.Upsample(3, LEAKY),
        layers.Block(),
    ],
    ids=lambda layer: f"{type(layer).__name__} {getattr(layer, 'activation', '')} {getattr(layer, 'splits', '')}",
)
def test_exact_layers_follow_their_float_selves(layer, x):
    @jax.jit
    def both(x):
        variables = layer.init(jax.random.key(1), FloatSignal(x))
        out, seen = layer.apply(variables, FloatSignal(x), mutable=["ranges"])
        integer = layer.apply({**variables, **seen}, exact(x))
        return out.value, integer.value, integer.exponent

    wanted, found, exponent = both(x)
    integers = np.asarray(found * power_of_two(exponent))
    np.testing.assert_array_equal(integers, np.rint(integers))
    scale = float(jnp.abs(wanted).max())
    np.testing.assert_allclose(found, wanted, atol=0.012 * scale)


def test_calibration_takes_the_finest_grid_that_holds_the_peak(x):
    layer = layers.Dense(5)
    variables = layer.init(jax.random.key(1), FloatSignal(x))
    out, seen = layer.apply(variables, FloatSignal(x), mutable=["ranges"])
    peak = np.abs(np.asarray(out.value)).max(axis=(0, 1, 2)) * 2.0 ** np.asarray(seen["ranges"]["exponent"])
    assert (peak < 2**ACTIVATION_BITS).all()
    assert (peak >= 2 ** (ACTIVATION_BITS - 1)).all()
    _, again = layer.apply({**variables, **seen}, FloatSignal(x / 8), mutable=["ranges"])
    np.testing.assert_array_equal(again["ranges"]["exponent"], seen["ranges"]["exponent"])


def test_a_gate_and_a_sum_stay_on_the_grid_and_in_range(x):
    gate = jnp.asarray(np.random.default_rng(1).integers(0, 257, x.shape) / 256, jnp.float32)
    gated = exact(x).multiply(IntegerSignal.uniform(gate, x.shape[-1], 8, 256))
    np.testing.assert_array_equal(gated.value * 2**GRID, np.rint(np.asarray(x) * np.asarray(gate) * 2**GRID))
    total = exact(x).add(exact(4 * x))
    np.testing.assert_array_equal(
        total.value * 2**GRID, np.clip(5 * np.asarray(x) * 2**GRID, -ACTIVATION_LIMIT, ACTIVATION_LIMIT)
    )
