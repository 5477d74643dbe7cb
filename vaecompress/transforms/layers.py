"""The layers every network of the codec is made of.

Each takes and returns a :class:`~vaecompress.transforms.exact.Signal` and so runs in float, in exact integer
arithmetic, or, handed a symbolic tensor, writes itself into a graph. In the float phase, with the collection
``ranges`` mutable, each layer lowers its ``exponent`` until the values seen fit (calibration).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.transforms import exact, resample
from vaecompress.transforms.exact import Signal

Array = jax.Array
Initializer = Callable[..., Array]

LINEAR, LEAKY, UNIT = "linear", "leaky", "unit"
LEAKY_SLOPE = 0.25
FULL_FLOAT32 = jax.lax.Precision.HIGHEST
"""GPUs otherwise multiply float32 matrices in TF32, whose 11 bits do not hold our integers."""

UNIT_EXPONENT = 8
ADDEND_LIMIT = 2 * exact.ACTIVATION_LIMIT + 1
GROUP_REACH = 8
"""A group's part of a sum that is activated afterwards may be so many times larger than the result."""

default_init: Initializer = nn.initializers.lecun_normal()


def near_zero_init(scale: float = 1e-2) -> Initializer:
    """Lecun-normal times ``scale``: for last layers, so that a network starts as a small correction."""
    return nn.initializers.variance_scaling(scale * scale, "fan_in", "truncated_normal")


def activate(x: Array, activation: str) -> Array:
    """``leaky``: ReLU with slope 1/4 below zero; ``unit``: clip to 0..1; ``linear``: as it is."""
    if activation == LEAKY:
        return jnp.where(x < 0, LEAKY_SLOPE * x, x)
    return jnp.clip(x, 0.0, 1.0) if activation == UNIT else x


def exponent_variable(module: nn.Module, name: str, channels: int, finest: float = exact.MAX_EXPONENT) -> Any:
    """The calibrated exponent [channels] of an activation, at most ``finest``, in the collection ``ranges``."""
    return module.variable("ranges", name, lambda: jnp.full((channels,), finest, jnp.float32))


def calibrate(module: nn.Module, variable: Any, value: Array, bits: int) -> None:
    """Lower the exponent so that ``value`` fits ``bits`` bits, where the collection is mutable."""
    if module.is_mutable_collection("ranges") and not module.is_initializing():
        peak = jnp.max(jnp.abs(value.astype(jnp.float32)), axis=(0, 1, 2))
        variable.value = jnp.minimum(variable.value, bits - exact.ceil_log2(peak))


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
    def __call__(self, x: Signal) -> Signal:
        kernel = self.param("kernel", self.kernel_init, (x.channels, self.features), jnp.float32)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32)
        grid = output_grid(self, self.features, self.activation, self.exponent)
        if not x.exact:
            if x.symbolic:
                return Signal(x.value.dense(layer_name(self), kernel, bias, self.activation))
            rows = x.value.reshape(-1, x.channels) @ kernel.astype(x.value.dtype) + bias.astype(x.value.dtype)
            out = activate(rows.reshape(*x.value.shape[:-1], self.features), self.activation)
            if isinstance(grid, nn.Variable):
                calibrate(self, grid, out, exact.ACTIVATION_BITS)
            return Signal(out)
        exponent = grid.value if isinstance(grid, nn.Variable) else grid
        return self._exact(x, kernel, bias, exponent)

    def _exact(self, x: Signal, kernel: Array, bias: Array, exponent: Array) -> Signal:
        assert x.exponent is not None
        assert x.limit is not None
        low, high = clip_range(self.activation, self.limit)
        activation, span_low, span_high, reach = self.activation, low, high, high * self.splits
        if self.splits > 1 and activation != LINEAR:
            activation, span_low, span_high, reach = LINEAR, -GROUP_REACH * high, GROUP_REACH * high, high
        width = x.channels // self.splits
        total = None
        for group in range(self.splits):
            span = slice(group * width, (group + 1) * width)
            part = Signal(x.value[..., span], x.exponent[span], x.limit[span])
            rounded = exact.round_kernel(kernel[span], bias if group == 0 else jnp.zeros_like(bias), part)
            if x.symbolic:
                name = layer_name(self) + (f":{group}" if self.splits > 1 else "")
                value = part.value.exact_dense(name, rounded, part.exponent, exponent, activation, span_low, span_high)
            else:
                rows = jnp.matmul(part.value.reshape(-1, width), rounded.kernel, precision=FULL_FLOAT32) + rounded.bias
                value = rows.reshape(*part.value.shape[:-1], self.features)
                value = exact.on_grid(activate(value, activation), exponent, span_low, span_high)
            total = value if total is None else total + value
        if activation != self.activation:
            total = self._activate_exact(total, exponent, low, high)
        return Signal(total, exponent, np.full((self.features,), reach, np.int64))

    def _activate_exact(self, total: Any, exponent: Array, low: int, high: int) -> Any:
        """The activation of the groups' sum."""
        if isinstance(total, jax.Array):
            return exact.on_grid(activate(total, self.activation), exponent, low, high)
        return total.exact_activate(self.activation, low, high)


def layer_name(module: nn.Module) -> str:
    """Path of a layer's parameters, as a graph names its initialisers."""
    return "/".join(module.path)


def output_grid(module: nn.Module, channels: int, activation: str, exponent: Any) -> Any:
    """The fixed exponent [channels] of a layer's output, or the calibrated variable."""
    if activation == UNIT:
        return jnp.full((channels,), float(UNIT_EXPONENT))
    if exponent is not None:
        return jnp.broadcast_to(jnp.asarray(exponent, jnp.float32), (channels,))
    return exponent_variable(module, "exponent", channels)


def clip_range(activation: str, limit: int) -> tuple[int, int]:
    """The integers an output may take."""
    return (0, 1 << UNIT_EXPONENT) if activation == UNIT else (-limit, limit)


class Depthwise(nn.Module):
    """A 3x3 depthwise convolution, zero-padded, with a calibrated output grid."""

    @nn.compact
    def __call__(self, x: Signal) -> Signal:
        channels = x.channels
        kernel = self.param("kernel", nn.initializers.normal(1 / 3), (3, 3, channels), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros_init(), (channels,), jnp.float32)
        grid = exponent_variable(self, "exponent", channels)
        if not x.exact:
            if x.symbolic:
                return Signal(x.value.depthwise(layer_name(self), kernel, bias))
            out = resample.depthwise3x3(x.value, kernel.astype(x.value.dtype)) + bias.astype(x.value.dtype)
            calibrate(self, grid, out, exact.ACTIVATION_BITS)
            return Signal(out)
        limit = exact.ACTIVATION_LIMIT
        rounded = round_taps(kernel, bias, x)
        if x.symbolic:
            value = x.value.exact_depthwise(layer_name(self), rounded, x.exponent, grid.value, -limit, limit)
        else:
            value = resample.depthwise3x3(x.value, rounded.kernel) + rounded.bias
            value = exact.on_grid(value, grid.value, -limit, limit)
        return Signal(value, grid.value, np.full((channels,), limit, np.int64))


def round_taps(kernel: Array, bias: Array, x: Signal) -> exact.ExactKernel:
    """:func:`exact.round_kernel` for a depthwise kernel [3, 3, C]: every tap of a channel sees that channel's input."""
    assert x.exponent is not None
    assert x.limit is not None
    widest = Signal(None, jnp.zeros((9,)), np.full((9,), int(np.max(x.limit)), np.int64))
    step = exact.power_of_two(x.exponent)
    rounded = exact.round_kernel(kernel.reshape(9, -1) / step, bias, widest)
    return replace(rounded, kernel=rounded.kernel.reshape(kernel.shape) * step)


def add(x: Signal, y: Signal) -> Signal:
    """x + y on y's grid: in the exact phase x is rounded to it, and the sum clipped to 12 bits."""
    if not x.exact:
        return Signal(x.value + y.value)
    assert y.exponent is not None
    limit = exact.ACTIVATION_LIMIT
    if x.symbolic:
        value = x.value.exact_add(y.value, y.exponent - x.exponent, -limit, limit)
    else:
        step = exact.power_of_two(y.exponent)
        rounded = exact.straight_through(x.value, jnp.round(x.value * step) / step)
        value = exact.on_grid(rounded + y.value, y.exponent, -limit, limit)
    return Signal(value, y.exponent, np.full((y.channels,), limit, np.int64))


def multiply(x: Signal, gate: Signal) -> Signal:
    """x times a gate in 0..1, rounded to x's grid."""
    if not x.exact:
        return Signal(x.value * gate.value)
    assert x.limit is not None
    assert x.exponent is not None
    limit = int(np.max(x.limit))
    if x.symbolic:
        return x.with_value(x.value.exact_multiply(gate.value, UNIT_EXPONENT, -limit, limit))
    return x.with_value(exact.on_grid(x.value * gate.value, x.exponent, -limit, limit))


def concatenate(signals: Sequence[Signal]) -> Signal:
    """Signals side by side along the channels."""
    if signals[0].symbolic:
        value = signals[0].value.concatenate([s.value for s in signals])
    else:
        value = jnp.concatenate([s.value for s in signals], axis=-1)
    if not signals[0].exact:
        return Signal(value)
    exponents = [s.exponent for s in signals if s.exponent is not None]
    limits = [s.limit for s in signals if s.limit is not None]
    return Signal(value, jnp.concatenate(exponents), np.concatenate(limits))


def depth_to_space(x: Signal, block: int) -> Signal:
    """Channels to space; channels of one position must share their grid, as after :class:`Upsample`."""
    value = x.value.depth_to_space(block) if x.symbolic else resample.depth_to_space(x.value, block)
    if not x.exact:
        return Signal(value)
    assert x.exponent is not None
    assert x.limit is not None
    channels = x.channels // (block * block)
    return Signal(value, x.exponent[:channels], x.limit[:channels])


def space_to_depth(x: Signal, block: int) -> Signal:
    """Space to channels (encoder's side only)."""
    return Signal(x.value.space_to_depth(block) if x.symbolic else resample.space_to_depth(x.value, block))


class Upsample(nn.Module):
    """Dense to ``features`` at twice the resolution; the four positions of a channel share their grid."""

    features: int
    activation: str = LINEAR

    @nn.compact
    def __call__(self, x: Signal) -> Signal:
        grid = exponent_variable(self, "exponent", self.features)
        dense = Dense(4 * self.features, self.activation, exponent=jnp.tile(grid.value, 4), name="dense")
        out = depth_to_space(dense(x), 2)
        if not out.exact and not out.symbolic:
            calibrate(self, grid, out.value, exact.ACTIVATION_BITS)
        return out


class Block(nn.Module):
    """Residual block: 1x1, leaky, 3x3 depthwise, 1x1; then a gated 1x1 unit (after DCVC-RT, arXiv 2502.20762, 3.2)."""

    expansion: float = 1.0

    @nn.compact
    def __call__(self, x: Signal) -> Signal:
        channels = x.channels
        hidden = Dense(channels, LEAKY, name="mix_in")(x)
        hidden = Depthwise(name="depthwise")(hidden)
        x = self._residual(x, hidden, "mix_out")
        width = int(channels * self.expansion)
        value = Dense(width, name="value")(x)
        gate = Dense(width, UNIT, bias_init=nn.initializers.constant(0.5), name="gate")(x)
        return self._residual(x, multiply(value, gate), "project")

    def _residual(self, x: Signal, hidden: Signal, name: str) -> Signal:
        grid = exponent_variable(self, f"{name}_exponent", x.channels)
        update = Dense(
            x.channels, exponent=grid.value, limit=ADDEND_LIMIT, kernel_init=near_zero_init(0.3), name=name
        )(hidden)
        out = add(x, update)
        if not out.exact and not out.symbolic:
            calibrate(self, grid, out.value, exact.ACTIVATION_BITS)
        return out


class Stage(nn.Module):
    """``blocks`` residual blocks at one resolution."""

    blocks: int

    @nn.compact
    def __call__(self, x: Signal) -> Signal:
        for index in range(self.blocks):
            x = Block(name=f"block{index}")(x)
        return x
