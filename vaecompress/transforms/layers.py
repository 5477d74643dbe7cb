"""The layers every network of the codec is made of.

Each takes and returns a :class:`~vaecompress.transforms.signal.Signal`, and so runs in any of its arithmetics. In the
float phase, with the collection ``ranges`` mutable, each layer lowers its ``exponent`` until the values seen fit
(calibration).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.transforms import exact
from vaecompress.transforms.exact import Grid
from vaecompress.transforms.signal import LEAKY, LINEAR, UNIT, UNIT_EXPONENT, S, Weights

Array = jax.Array
Initializer = Callable[..., Array]

ADDEND_LIMIT = 2 * exact.ACTIVATION_LIMIT + 1

default_init: Initializer = nn.initializers.lecun_normal()


def near_zero_init(scale: float = 1e-2) -> Initializer:
    """Lecun-normal times ``scale``: for last layers, so that a network starts as a small correction."""
    return nn.initializers.variance_scaling(scale * scale, "fan_in", "truncated_normal")


def exponent_variable(module: nn.Module, name: str, channels: int, finest: float = exact.MAX_EXPONENT) -> Any:
    """The calibrated exponent [channels] of an activation, at most ``finest``, in the collection ``ranges``."""
    return module.variable("ranges", name, lambda: jnp.full((channels,), finest, jnp.float32))


def calibrated(module: nn.Module, variable: Any, x: S, bits: int = exact.ACTIVATION_BITS) -> S:
    """x; where the collection ``ranges`` is mutable, the exponent is lowered so that x fits ``bits`` bits."""
    if module.is_mutable_collection("ranges") and not module.is_initializing():
        variable.value = x.fitted(variable.value, bits)
    return x


def parameters(module: nn.Module, kernel: Array, bias: Array) -> Weights:
    """A layer's parameters, with their path, as a graph names its initialisers."""
    return Weights("/".join(module.path), kernel, bias)


class Dense(nn.Module):
    """A 1x1 convolution, an activation, and in the exact phase rounding to the output's grid.

    ``exponent``/``limit`` fix the output grid; without them it is calibrated to 12 bits. A layer too wide for the
    2**24 bound works in ``splits`` groups of inputs, each rounded to the output grid before they are added (and then
    activated, where there is an activation).
    """

    features: int
    activation: str = LINEAR
    exponent: Any = None
    limit: int = exact.ACTIVATION_LIMIT
    splits: int = 1
    kernel_init: Initializer = default_init
    bias_init: Initializer = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: S) -> S:
        kernel = self.param("kernel", self.kernel_init, (x.channels, self.features), jnp.float32)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32)
        weights = parameters(self, kernel, bias)
        if self.activation == UNIT:
            unit = Grid(jnp.full((self.features,), float(UNIT_EXPONENT)), 0, 1 << UNIT_EXPONENT)
            return x.dense(weights, self.activation, unit, self.splits)
        if self.exponent is not None:
            exponent = jnp.broadcast_to(jnp.asarray(self.exponent, jnp.float32), (self.features,))
            return x.dense(weights, self.activation, Grid(exponent, -self.limit, self.limit), self.splits)
        variable = exponent_variable(self, "exponent", self.features)
        grid = Grid(variable.value, -self.limit, self.limit)
        return calibrated(self, variable, x.dense(weights, self.activation, grid, self.splits))


class Depthwise(nn.Module):
    """A 3x3 depthwise convolution, zero-padded, with a calibrated output grid."""

    @nn.compact
    def __call__(self, x: S) -> S:
        kernel = self.param("kernel", nn.initializers.normal(1 / 3), (3, 3, x.channels), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros_init(), (x.channels,), jnp.float32)
        variable = exponent_variable(self, "exponent", x.channels)
        grid = Grid(variable.value, -exact.ACTIVATION_LIMIT, exact.ACTIVATION_LIMIT)
        return calibrated(self, variable, x.depthwise(parameters(self, kernel, bias), grid))


class Upsample(nn.Module):
    """Dense to ``features`` at twice the resolution; the four positions of a channel share their grid."""

    features: int
    activation: str = LINEAR

    @nn.compact
    def __call__(self, x: S) -> S:
        grid = exponent_variable(self, "exponent", self.features)
        dense = Dense(4 * self.features, self.activation, exponent=jnp.tile(grid.value, 4), name="dense")
        return calibrated(self, grid, dense(x).depth_to_space(2))


class Block(nn.Module):
    """Residual block: 1x1, leaky, 3x3 depthwise, 1x1; then a gated 1x1 unit (after DCVC-RT, arXiv 2502.20762, 3.2)."""

    expansion: float = 1.0

    @nn.compact
    def __call__(self, x: S) -> S:
        channels = x.channels
        hidden = Dense(channels, LEAKY, name="mix_in")(x)
        hidden = Depthwise(name="depthwise")(hidden)
        x = self._residual(x, hidden, "mix_out")
        width = int(channels * self.expansion)
        value = Dense(width, name="value")(x)
        gate = Dense(width, UNIT, bias_init=nn.initializers.constant(0.5), name="gate")(x)
        return self._residual(x, value.multiply(gate), "project")

    def _residual(self, x: S, hidden: S, name: str) -> S:
        grid = exponent_variable(self, f"{name}_exponent", x.channels)
        update = Dense(x.channels, exponent=grid.value, limit=ADDEND_LIMIT, kernel_init=near_zero_init(0.3), name=name)(
            hidden
        )
        return calibrated(self, grid, x.add(update))


class Stage(nn.Module):
    """``blocks`` residual blocks at one resolution."""

    blocks: int

    @nn.compact
    def __call__(self, x: S) -> S:
        for index in range(self.blocks):
            x = Block(name=f"block{index}")(x)
        return x


SUMS = ("mix_out_exponent", "project_exponent")
"""The calibrated grids of a block's two sums."""


def one_grid_a_stage(ranges: Mapping[str, Any]) -> dict[str, Any]:
    """``ranges`` (exponents [C] by path), where all sums of a stage take the coarsest exponent of each channel.

    So does the :class:`Upsample` that feeds the stage. A decoder then adds integers as they are; where two grids
    differ it multiplies and rounds first, two passes over memory for a bit of twelve in a few channels.
    """
    found = {name: one_grid_a_stage(part) if isinstance(part, Mapping) else part for name, part in ranges.items()}
    for name in found:
        if name.startswith("stage") and found[name]:
            _agree(found[name].values(), found.get(name.replace("stage", "up")))
    return found


def _agree(blocks: Iterable[dict[str, Any]], feed: dict[str, Any] | None) -> None:
    places = [(block, name) for block in blocks for name in SUMS]
    if feed is not None:
        places.append((feed, "exponent"))
    grid = reduce(jnp.minimum, (jnp.asarray(owner[name]) for owner, name in places))
    for owner, name in places:
        owner[name] = grid
