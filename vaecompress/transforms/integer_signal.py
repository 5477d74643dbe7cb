"""Activations carried as integers: the bookkeeping of their grids, and the arithmetic on arrays.

The Flax forward pass in this arithmetic is the frozen decoder, bit for bit (:mod:`vaecompress.transforms.exact`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Self, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.transforms import exact, resample
from vaecompress.transforms.exact import ExactKernel, Grid, Limits
from vaecompress.transforms.signal import LINEAR, FloatSignal, Weights, activate

Array = jax.Array
V = TypeVar("V")

FULL_FLOAT32 = jax.lax.Precision.HIGHEST
"""GPUs otherwise multiply float32 matrices in TF32, whose 11 bits do not hold our integers."""

GROUP_REACH = 8
"""A group's part of a sum that is activated afterwards may be so many times larger than the result."""


@dataclass(frozen=True)
class OnGrid(ABC, Generic[V]):
    """An activation of integers within ``-limit..limit`` [C] times ``2**-exponent`` [C], in arithmetic on ``value``."""

    value: V
    exponent: Array
    limit: Limits

    @classmethod
    def uniform(cls, value: V, channels: int, exponent: int, limit: int) -> Self:
        """A signal whose channels all share one exponent and limit; ``value`` must already be on that grid."""
        return cls(value, jnp.full((channels,), float(exponent)), np.full((channels,), limit, np.int64))

    @property
    def channels(self) -> int:
        """C."""
        return len(self.limit)

    def dense(self, weights: Weights, activation: str, grid: Grid, splits: int) -> Self:
        """As :meth:`Signal.dense`: each group is rounded to ``grid`` before they are added, and then activated."""
        if splits == 1:
            return self._on(grid, self._dense(weights.path, self._round(weights), activation, grid))
        reach = 1 if activation == LINEAR else GROUP_REACH
        wide = Grid(grid.exponent, -reach * grid.high, reach * grid.high)
        total = self._group(weights, 0, splits, wide)
        for group in range(1, splits):
            total = total.plus(self._group(weights, group, splits, wide))
        return total if activation == LINEAR else self._on(grid, total._activated(activation, grid))

    def _group(self, weights: Weights, group: int, splits: int, grid: Grid) -> Self:
        """The part of a dense layer that one of ``splits`` groups of inputs gives; the bias is the first one's."""
        width = self.channels // splits
        span = slice(group * width, (group + 1) * width)
        inputs = replace(self, value=self._span(span), exponent=self.exponent[span], limit=self.limit[span])
        bias = weights.bias if group == 0 else jnp.zeros_like(weights.bias)
        part = Weights(f"{weights.path}:{group}", weights.kernel[span], bias)
        return inputs._on(grid, inputs._dense(part.path, inputs._round(part), LINEAR, grid))

    def _round(self, weights: Weights) -> ExactKernel:
        return exact.round_kernel(weights.kernel, weights.bias, self.exponent, self.limit)

    def depthwise(self, weights: Weights, grid: Grid) -> Self:
        """As :meth:`Signal.depthwise`."""
        rounded = exact.round_taps(weights.kernel, weights.bias, self.exponent, self.limit)
        return self._on(grid, self._depthwise(weights.path, rounded, grid))

    def gain(self, gain: Array, name: str, grid: Grid | None = None) -> Self:
        """As :meth:`Signal.gain`."""
        grid = grid or self._grid()
        return self._on(grid, self._gain(gain, name, grid))

    def add(self, other: Self, limit: int = exact.ACTIVATION_LIMIT) -> Self:
        """As :meth:`Signal.add`."""
        grid = Grid(other.exponent, -limit, limit)
        return self._on(grid, self._add(other.value, grid))

    def plus(self, other: Self) -> Self:
        """As :meth:`Signal.plus`."""
        return replace(self, value=self._plus(other.value), limit=self.limit + other.limit)

    def multiply(self, gate: Self) -> Self:
        """As :meth:`Signal.multiply`."""
        return replace(self, value=self._multiply(gate.value, self._grid()))

    def coarser(self, bits: int) -> Self:
        """As :meth:`Signal.coarser`."""
        if bits == 0:
            return self
        grid = Grid(self.exponent - bits, -exact.ACTIVATION_LIMIT, exact.ACTIVATION_LIMIT)
        return self._on(grid, self._coarser(bits, grid))

    def beside(self, other: Self) -> Self:
        """As :meth:`Signal.beside`."""
        exponent = jnp.concatenate([self.exponent, other.exponent])
        return replace(
            self, value=self._beside(other.value), exponent=exponent, limit=np.concatenate([self.limit, other.limit])
        )

    def depth_to_space(self, block: int) -> Self:
        """As :meth:`Signal.depth_to_space`."""
        span = slice(self.channels // (block * block))
        return replace(self, value=self._depth_to_space(block), exponent=self.exponent[span], limit=self.limit[span])

    def space_to_depth(self, block: int) -> Self:
        """As :meth:`Signal.space_to_depth`."""
        times = block * block
        exponent, limit = jnp.tile(self.exponent, times), np.tile(self.limit, times)
        return replace(self, value=self._space_to_depth(block), exponent=exponent, limit=limit)

    def fitted(self, exponent: Array, bits: int) -> Array:
        """As :meth:`Signal.fitted`: the grid is settled."""
        return exponent

    def _grid(self) -> Grid:
        limit = int(np.max(self.limit))
        return Grid(self.exponent, -limit, limit)

    def _on(self, grid: Grid, value: V) -> Self:
        """``value``, which lies on ``grid``."""
        return replace(self, value=value, exponent=grid.exponent, limit=grid.limits())

    @abstractmethod
    def _dense(self, path: str, rounded: ExactKernel, activation: str, grid: Grid) -> V: ...

    @abstractmethod
    def _activated(self, activation: str, grid: Grid) -> V: ...

    @abstractmethod
    def _depthwise(self, path: str, rounded: ExactKernel, grid: Grid) -> V: ...

    @abstractmethod
    def _gain(self, gain: Array, name: str, grid: Grid) -> V: ...

    @abstractmethod
    def _add(self, other: V, grid: Grid) -> V: ...

    @abstractmethod
    def _plus(self, other: V) -> V: ...

    @abstractmethod
    def _multiply(self, gate: V, grid: Grid) -> V: ...

    @abstractmethod
    def _coarser(self, bits: int, grid: Grid) -> V: ...

    @abstractmethod
    def _beside(self, other: V) -> V: ...

    @abstractmethod
    def _depth_to_space(self, block: int) -> V: ...

    @abstractmethod
    def _space_to_depth(self, block: int) -> V: ...

    @abstractmethod
    def _span(self, span: slice) -> V: ...


class IntegerSignal(OnGrid[Array]):
    """Exact arithmetic on float32 arrays [N, H, W, C] of real values; gradients pass straight through the rounding."""

    exact: ClassVar[bool] = True

    def _dense(self, path: str, rounded: ExactKernel, activation: str, grid: Grid) -> Array:
        rows = jnp.matmul(self.value.reshape(-1, self.channels), rounded.kernel, precision=FULL_FLOAT32) + rounded.bias
        value = rows.reshape(*self.value.shape[:-1], rows.shape[-1])
        return exact.on_grid(activate(value, activation), grid)

    def _activated(self, activation: str, grid: Grid) -> Array:
        return exact.on_grid(activate(self.value, activation), grid)

    def _depthwise(self, path: str, rounded: ExactKernel, grid: Grid) -> Array:
        return exact.on_grid(resample.depthwise3x3(self.value, rounded.kernel) + rounded.bias, grid)

    def _gain(self, gain: Array, name: str, grid: Grid) -> Array:
        return exact.on_grid(self.value * exact.round_mantissa(gain)[:, None, None, :], grid)

    def _add(self, other: Array, grid: Grid) -> Array:
        unit = exact.power_of_two(grid.exponent)
        rounded = exact.straight_through(self.value, jnp.round(self.value * unit) / unit)
        return exact.on_grid(rounded + other, grid)

    def _plus(self, other: Array) -> Array:
        return self.value + other

    def _multiply(self, gate: Array, grid: Grid) -> Array:
        return exact.on_grid(self.value * gate, grid)

    def _coarser(self, bits: int, grid: Grid) -> Array:
        return exact.on_grid(self.value, grid)

    def _beside(self, other: Array) -> Array:
        return jnp.concatenate([self.value, other], axis=-1)

    def _depth_to_space(self, block: int) -> Array:
        return resample.depth_to_space(self.value, block)

    def _space_to_depth(self, block: int) -> Array:
        return resample.space_to_depth(self.value, block)

    def _span(self, span: slice) -> Array:
        return self.value[..., span]


ArraySignal = FloatSignal | IntegerSignal
"""What a network runs on."""
