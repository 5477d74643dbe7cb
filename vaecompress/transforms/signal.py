"""An activation, and what layers do with it: a layer is its parameters and one call of :class:`Signal`.

The same network runs in several arithmetics: in floats (:class:`FloatSignal`), in integers held in floats
(:class:`~vaecompress.transforms.integer_signal.IntegerSignal`), or it writes itself into a graph
(:mod:`vaecompress.export.graph_signal`). Float arithmetic ignores the grids that exact arithmetic rounds to.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import jax
import jax.numpy as jnp

from vaecompress.transforms import exact, resample
from vaecompress.transforms.exact import Grid

Array = jax.Array

LINEAR, LEAKY, UNIT = "linear", "leaky", "unit"
LEAKY_SLOPE = 0.25

UNIT_EXPONENT = 8
"""Grid of an activation in 0..1."""


class Weights(NamedTuple):
    """Parameters of a layer: kernel [I, O] or, depthwise, [3, 3, C], and bias [O]; ``path`` names them in a graph."""

    path: str
    kernel: Array
    bias: Array


class Signal(Protocol):
    """An activation [N, H, W, C]."""

    @property
    def channels(self) -> int:
        """C."""

    def dense(self, weights: Weights, activation: str, grid: Grid, splits: int) -> Self:
        """A 1x1 convolution and an activation, on ``grid``; exact in ``splits`` groups of inputs."""

    def depthwise(self, weights: Weights, grid: Grid) -> Self:
        """A zero-padded 3x3 convolution of every channel with its own kernel, on ``grid``."""

    def gain(self, gain: Array, name: str, grid: Grid | None = None) -> Self:
        """Times a gain [N, C] of 11-bit mantissa, on ``grid`` (None: as it was); in a graph the input ``name``."""

    def add(self, other: Self, limit: int = exact.ACTIVATION_LIMIT) -> Self:
        """The sum on the grid of ``other``, this one rounded to it, the sum clipped to ``limit``."""

    def plus(self, other: Self) -> Self:
        """The sum of two on one grid, not clipped."""

    def multiply(self, gate: Self) -> Self:
        """Times a gate in 0..1, rounded to this grid."""

    def coarser(self, bits: int) -> Self:
        """On a grid of ``bits`` fraction bits less, clipped to 12 bits."""

    def beside(self, other: Self) -> Self:
        """The channels of both, one after the other."""

    def depth_to_space(self, block: int) -> Self:
        """Channels to space; channels of one position share their grid, as after an upsampling layer."""

    def space_to_depth(self, block: int) -> Self:
        """Space to channels."""

    def fitted(self, exponent: Array, bits: int) -> Array:
        """``exponent`` [C], lowered until the values of a float signal fit ``bits`` bits."""


S = TypeVar("S", bound=Signal)


def activate(x: Array, activation: str) -> Array:
    """``leaky``: ReLU with slope 1/4 below zero; ``unit``: clip to 0..1; ``linear``: as it is. Any shape."""
    if activation == LEAKY:
        return jnp.where(x < 0, LEAKY_SLOPE * x, x)
    return jnp.clip(x, 0.0, 1.0) if activation == UNIT else x


@dataclass(frozen=True)
class FloatSignal:
    """Real values [N, H, W, C], in the type they come in. Nothing is rounded or clipped."""

    value: Array
    exact: ClassVar[bool] = False

    @property
    def channels(self) -> int:
        """C."""
        return int(self.value.shape[-1])

    def dense(self, weights: Weights, activation: str, grid: Grid, splits: int) -> "FloatSignal":
        """As :meth:`Signal.dense`."""
        rows = self.value.reshape(-1, self.channels) @ self._cast(weights.kernel) + self._cast(weights.bias)
        return FloatSignal(activate(rows.reshape(*self.value.shape[:-1], rows.shape[-1]), activation))

    def depthwise(self, weights: Weights, grid: Grid) -> "FloatSignal":
        """As :meth:`Signal.depthwise`."""
        return FloatSignal(resample.depthwise3x3(self.value, self._cast(weights.kernel)) + self._cast(weights.bias))

    def gain(self, gain: Array, name: str, grid: Grid | None = None) -> "FloatSignal":
        """As :meth:`Signal.gain`."""
        return FloatSignal(self.value * self._cast(gain[:, None, None, :]))

    def add(self, other: "FloatSignal", limit: int = 0) -> "FloatSignal":
        """As :meth:`Signal.add`."""
        return self.plus(other)

    def plus(self, other: "FloatSignal") -> "FloatSignal":
        """As :meth:`Signal.plus`."""
        return FloatSignal(self.value + other.value)

    def multiply(self, gate: "FloatSignal") -> "FloatSignal":
        """As :meth:`Signal.multiply`."""
        return FloatSignal(self.value * gate.value)

    def coarser(self, bits: int) -> "FloatSignal":
        """As :meth:`Signal.coarser`."""
        return self

    def beside(self, other: "FloatSignal") -> "FloatSignal":
        """As :meth:`Signal.beside`."""
        return FloatSignal(jnp.concatenate([self.value, other.value], axis=-1))

    def depth_to_space(self, block: int) -> "FloatSignal":
        """As :meth:`Signal.depth_to_space`."""
        return FloatSignal(resample.depth_to_space(self.value, block))

    def space_to_depth(self, block: int) -> "FloatSignal":
        """As :meth:`Signal.space_to_depth`."""
        return FloatSignal(resample.space_to_depth(self.value, block))

    def fitted(self, exponent: Array, bits: int) -> Array:
        """As :meth:`Signal.fitted`."""
        peak = jnp.max(jnp.abs(self.value.astype(jnp.float32)), axis=(0, 1, 2))
        return jnp.minimum(exponent, bits - exact.ceil_log2(peak))

    def _cast(self, x: Any) -> Array:
        return jnp.asarray(x, self.value.dtype)
