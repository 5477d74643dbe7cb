"""Activations that write themselves into a graph: what goes through the Flax layers in place of arrays.

In exact arithmetic tensors hold the integers themselves; weights are int16 initialisers named after their Flax
parameters, times a power of two per output channel, so that a convolution's sums need only be rounded and clipped.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from vaecompress.export.graph_writer import GraphTensor
from vaecompress.transforms.exact import BOUND_BITS, ExactKernel, Grid
from vaecompress.transforms.integer_signal import OnGrid
from vaecompress.transforms.signal import LEAKY, LINEAR, UNIT_EXPONENT, Weights

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FloatGraph:
    """Float arithmetic in a graph, weights in half precision."""

    value: GraphTensor

    @property
    def channels(self) -> int:
        """C."""
        return self.value.channels

    def dense(self, weights: Weights, activation: str, grid: Grid, splits: int) -> "FloatGraph":
        """As :meth:`Signal.dense`."""
        kernel = np.asarray(weights.kernel, np.float32).T[:, :, None, None]
        return FloatGraph(self._convolved(weights, kernel, 1).activated(activation))

    def depthwise(self, weights: Weights, grid: Grid) -> "FloatGraph":
        """As :meth:`Signal.depthwise`."""
        return FloatGraph(
            self._convolved(weights, np.asarray(weights.kernel, np.float32).transpose(2, 0, 1)[:, None], 9)
        )

    def _convolved(self, weights: Weights, kernel: Array, taps: int) -> GraphTensor:
        writer = self.value.writer
        half = writer.constant(f"{weights.path}/kernel", kernel, np.float16)
        name = writer.emit("Cast", [half], to=TensorProto.FLOAT)
        return self.value.convolution(name, writer.constant(f"{weights.path}/bias", weights.bias), len(kernel), taps)

    def gain(self, gain: jax.Array, name: str, grid: Grid | None = None) -> "FloatGraph":
        """As :meth:`Signal.gain`."""
        return FloatGraph(self.value.times(self.value.writer.gain_input(name, self.channels, None)))

    def add(self, other: "FloatGraph", limit: int = 0) -> "FloatGraph":
        """As :meth:`Signal.add`."""
        return self.plus(other)

    def plus(self, other: "FloatGraph") -> "FloatGraph":
        """As :meth:`Signal.plus`."""
        return FloatGraph(self.value.plus(other.value))

    def multiply(self, gate: "FloatGraph") -> "FloatGraph":
        """As :meth:`Signal.multiply`."""
        return FloatGraph(self.value.times(gate.value.name))

    def coarser(self, bits: int) -> "FloatGraph":
        """As :meth:`Signal.coarser`."""
        return self

    def beside(self, other: "FloatGraph") -> "FloatGraph":
        """As :meth:`Signal.beside`."""
        return FloatGraph(self.value.beside(other.value))

    def depth_to_space(self, block: int) -> "FloatGraph":
        """As :meth:`Signal.depth_to_space`."""
        return FloatGraph(self.value.depth_to_space(block))

    def space_to_depth(self, block: int) -> "FloatGraph":
        """As :meth:`Signal.space_to_depth`."""
        return FloatGraph(self.value.space_to_depth(block))

    def fitted(self, exponent: jax.Array, bits: int) -> jax.Array:
        """As :meth:`Signal.fitted`: a graph sees no values."""
        return exponent


class IntegerGraph(OnGrid[GraphTensor]):
    """Exact arithmetic in a graph, with the proof of every layer's bound."""

    def _dense(self, path: str, rounded: ExactKernel, activation: str, grid: Grid) -> GraphTensor:
        rounded = lowest_terms(rounded)
        kernel = np.asarray(rounded.kernel_int).T[:, :, None, None]
        return _activated(self._convolved(path, rounded, kernel, grid, 1), activation, grid)

    def _activated(self, activation: str, grid: Grid) -> GraphTensor:
        return _activated(self.value, activation, grid)

    def _depthwise(self, path: str, rounded: ExactKernel, grid: Grid) -> GraphTensor:
        rounded = lowest_terms(rounded)
        kernel = np.asarray(rounded.kernel_int).T.reshape(self.channels, 1, 3, 3)
        return _activated(self._convolved(path, rounded, kernel, grid, 9), LINEAR, grid)

    def _convolved(self, path: str, rounded: ExactKernel, kernel: Array, grid: Grid, taps: int) -> GraphTensor:
        writer = self.value.writer
        self._record(path, rounded)
        scale = np.exp2(np.asarray(grid.exponent) - np.asarray(rounded.shift)).astype(np.float32)
        integers = writer.constant(f"{path}/kernel", kernel, np.int16)
        scales = writer.constant(f"{path}/scale", scale[:, None, None, None])
        name = writer.emit("Mul", [writer.emit("Cast", [integers], to=TensorProto.FLOAT), scales])
        bias = writer.constant(f"{path}/bias", np.asarray(rounded.bias_int) * scale)
        return self.value.convolution(name, bias, len(kernel), taps)

    def _record(self, path: str, rounded: ExactKernel) -> None:
        """Keep the proof of the layer's bound, and what turns its integers back into parameters."""
        bound = float(np.max(np.asarray(rounded.headroom)))
        if not bound < 1 << BOUND_BITS:
            raise ValueError(f"{path} exceeds the 2^{BOUND_BITS} bound: {bound}")
        writer = self.value.writer
        writer.bounds[path] = bound
        writer.arrays[f"exact/{path}/input_exponent"] = np.asarray(self.exponent).astype(np.int8)
        writer.arrays[f"exact/{path}/shift"] = np.asarray(rounded.shift).astype(np.int8)
        writer.arrays[f"exact/{path}/bias"] = np.asarray(rounded.bias_int).astype(np.int32)

    def _gain(self, gain: jax.Array, name: str, grid: Grid) -> GraphTensor:
        port = self.value.writer.gain_input(name, self.channels, np.asarray(grid.exponent - self.exponent))
        return self.value.times(port).rounded().clipped(grid.low, grid.high)

    def _add(self, other: GraphTensor, grid: Grid) -> GraphTensor:
        shift, value, writer = np.asarray(grid.exponent - self.exponent), self.value, self.value.writer
        if shift.any():
            factor = np.exp2(shift)[None, :, None, None]
            value = value.times(writer.constant(f"shift_{len(writer.nodes)}", factor)).rounded()
        return value.plus(other).clipped(grid.low, grid.high)

    def _plus(self, other: GraphTensor) -> GraphTensor:
        return self.value.plus(other)

    def _multiply(self, gate: GraphTensor, grid: Grid) -> GraphTensor:
        return self.value.times(gate.name).shifted(-UNIT_EXPONENT).rounded()

    def _coarser(self, bits: int, grid: Grid) -> GraphTensor:
        return self.value.shifted(-bits).rounded().clipped(grid.low, grid.high)

    def _beside(self, other: GraphTensor) -> GraphTensor:
        return self.value.beside(other)

    def _depth_to_space(self, block: int) -> GraphTensor:
        return self.value.depth_to_space(block)

    def _space_to_depth(self, block: int) -> GraphTensor:
        return self.value.space_to_depth(block)

    def _span(self, span: slice) -> GraphTensor:
        return self.value.span(span)


def _activated(value: GraphTensor, activation: str, grid: Grid) -> GraphTensor:
    """An activation of what is measured in units of the grid, rounded and clipped: clipping is all of ``unit``."""
    out = value.activated(activation) if activation == LEAKY else value
    return out.rounded().clipped(grid.low, grid.high)


def lowest_terms(rounded: ExactKernel) -> ExactKernel:
    """The same weights in the coarsest step that holds them: what a model file then says of them is unique.

    Freezing a restored model could otherwise find room for a finer step, and write other bytes for the same decoder.
    """
    weights, bias = (np.asarray(value).astype(np.int64) for value in (rounded.kernel_int, rounded.bias_int))
    bits = np.bitwise_or.reduce(weights, axis=0) | bias
    zeros = np.frexp(np.maximum(bits & -bits, 1).astype(np.float64))[1] - 1
    return replace(
        rounded,
        kernel_int=weights >> zeros,
        bias_int=bias >> zeros,
        shift=np.asarray(rounded.shift) - zeros,
        headroom=np.asarray(rounded.headroom) / 2.0**zeros,
    )
