"""Writes ONNX graphs: a :class:`GraphTensor` goes through the Flax layers in place of an array and records them.

Activations are channels-first with free batch-1 height and width. In the exact phase they hold the integers themselves;
weights are int16 initialisers named after their Flax parameters, times a power of two per output channel, so that a
convolution's sums need only be rounded and clipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from vaecompress.transforms.exact import BOUND_BITS, ExactKernel
from vaecompress.transforms.layers import LEAKY, LEAKY_SLOPE, UNIT

OPSET, IR_VERSION = 17, 9
Array = npt.NDArray[Any]


@dataclass
class GraphWriter:
    """A graph under construction. ``arrays`` collects what is needed to read parameters back from the graph."""

    name: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: dict[str, onnx.TensorProto] = field(default_factory=dict)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    gain_exponents: dict[str, Array] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def input(self, name: str, channels: int) -> "GraphTensor":
        """A float32 input [1, channels, height, width]."""
        shape = [1, channels, f"{name}_height", f"{name}_width"]
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return GraphTensor(self, name, channels)

    def gain_input(self, name: str, channels: int, exponent: Array | None) -> str:
        """An input [1, channels, 1, 1]; its rows must be multiplied by 2**exponent."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 1, 1]))
        self.gain_exponents[name] = np.zeros(channels) if exponent is None else np.asarray(exponent)
        return name

    def emit(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node of the name of its output; that name. (Without names, onnxruntime 1.20 makes up equal ones.)"""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Add an initialiser; equal names must hold equal values."""
        self.initialisers.setdefault(name, numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def scalar(self, value: float) -> str:
        """A scalar initialiser."""
        return self.constant(f"scalar_{value!r}", np.float32(value))

    def serialise(self, outputs: dict[str, "GraphTensor | str"]) -> bytes:
        """The model with the given outputs."""
        infos = []
        for name, tensor in outputs.items():
            source = tensor if isinstance(tensor, str) else tensor.name
            self.nodes.append(helper.make_node("Identity", [source], [name], name))
            kind = TensorProto.UINT8 if isinstance(tensor, str) else TensorProto.FLOAT
            infos.append(helper.make_tensor_value_info(name, kind, [1, None, None, None]))
        graph = helper.make_graph(self.nodes, self.name, self.inputs, infos, list(self.initialisers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class GraphTensor:
    """A tensor of a graph; stands for an array [1, H, W, channels] in the Flax layers."""

    writer: GraphWriter
    name: str
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Only the last entry, the channels, has a meaning."""
        return (1, 0, 0, self.channels)

    def dense(self, path: str, kernel: jax.Array, bias: jax.Array, activation: str) -> "GraphTensor":
        """A float 1x1 convolution, weights in half precision, and its activation."""
        weights = np.asarray(kernel, np.float32).T[:, :, None, None]
        return self._float_convolution(path, weights, bias)._activated(activation)

    def depthwise(self, path: str, kernel: jax.Array, bias: jax.Array) -> "GraphTensor":
        """A float 3x3 depthwise convolution."""
        weights = np.asarray(kernel, np.float32).transpose(2, 0, 1)[:, None]
        return self._float_convolution(path, weights, bias, **_depthwise_attributes(self.channels))

    def exact_dense(
        self,
        path: str,
        rounded: ExactKernel,
        exponent_in: jax.Array,
        exponent: jax.Array,
        activation: str,
        low: int,
        high: int,
    ) -> "GraphTensor":
        """A 1x1 convolution of integers, its activation, rounding and clipping."""
        rounded = lowest_terms(rounded)
        weights = np.asarray(rounded.kernel_int).T[:, :, None, None]
        out = self._exact_convolution(path, weights, rounded, exponent_in, exponent)
        return out.exact_activate(activation, low, high)

    def exact_activate(self, activation: str, low: int, high: int) -> "GraphTensor":
        """An activation of what lies on the output's grid, rounded and clipped."""
        out = self._unary("LeakyRelu", alpha=LEAKY_SLOPE) if activation == LEAKY else self
        return out._rounded(low, high)

    def exact_depthwise(
        self, path: str, rounded: ExactKernel, exponent_in: jax.Array, exponent: jax.Array, low: int, high: int
    ) -> "GraphTensor":
        """A 3x3 depthwise convolution of integers, rounding and clipping."""
        rounded = lowest_terms(rounded)
        weights = np.asarray(rounded.kernel_int).T.reshape(self.channels, 1, 3, 3)
        attributes = _depthwise_attributes(self.channels)
        return self._exact_convolution(path, weights, rounded, exponent_in, exponent, **attributes)._rounded(low, high)

    def exact_add(self, other: "GraphTensor", shift: jax.Array, low: int, high: int) -> "GraphTensor":
        """This tensor times 2**shift, rounded, plus ``other``, clipped."""
        scaled = self._shifted(np.asarray(shift))
        return (scaled + other)._clipped(low, high)

    def exact_multiply(self, gate: "GraphTensor", gate_bits: int, low: int, high: int) -> "GraphTensor":
        """Times an integer gate of ``gate_bits`` fraction bits, rounded; a gate of at most 1 cannot leave the range."""
        product = self._binary("Mul", gate.name)
        return product._binary("Mul", self.writer.scalar(2.0**-gate_bits))._unary("Round")

    def gain(self, name: str) -> "GraphTensor":
        """Times the gain input ``name``."""
        return self._binary("Mul", self.writer.gain_input(name, self.channels, None))

    def exact_gain(self, name: str, shift: jax.Array, low: int, high: int) -> "GraphTensor":
        """Times the gain input ``name``, whose rows carry 2**shift; rounded and clipped."""
        gain = self.writer.gain_input(name, self.channels, np.asarray(shift))
        return self._binary("Mul", gain)._rounded(low, high)

    def exact_shift(self, shift: int, low: int, high: int) -> "GraphTensor":
        """Times 2**shift, rounded and clipped."""
        return self._binary("Mul", self.writer.scalar(2.0**shift))._rounded(low, high)

    def absolute(self) -> "GraphTensor":
        """Absolute values."""
        return self._unary("Abs")

    def concatenate(self, tensors: Sequence["GraphTensor"]) -> "GraphTensor":
        """Tensors side by side along the channels."""
        name = self.writer.emit("Concat", [t.name for t in tensors], axis=1)
        return GraphTensor(self.writer, name, sum(t.channels for t in tensors))

    def depth_to_space(self, block: int) -> "GraphTensor":
        """Channels to space, mode DCR."""
        name = self.writer.emit("DepthToSpace", [self.name], blocksize=block, mode="DCR")
        return GraphTensor(self.writer, name, self.channels // (block * block))

    def space_to_depth(self, block: int) -> "GraphTensor":
        """Space to channels."""
        name = self.writer.emit("SpaceToDepth", [self.name], blocksize=block)
        return GraphTensor(self.writer, name, self.channels * block * block)

    def levels(self, fraction_bits: int) -> str:
        """Integers of ``fraction_bits`` fraction bits around 128 to 8-bit levels, uint8 [1, H, W, C]."""
        levels = self._binary("Mul", self.writer.scalar(2.0**-fraction_bits))._unary("Round")
        levels = levels._binary("Add", self.writer.scalar(128.0))._clipped(0, 255)
        name = self.writer.emit("Cast", [levels.name], to=TensorProto.UINT8)
        return self.writer.emit("Transpose", [name], perm=[0, 2, 3, 1])

    def __add__(self, other: "GraphTensor") -> "GraphTensor":
        return self._binary("Add", other.name)

    def __mul__(self, other: "GraphTensor") -> "GraphTensor":
        return self._binary("Mul", other.name)

    def __getitem__(self, index: tuple[Any, slice]) -> "GraphTensor":
        span = index[-1]
        if span.start == 0 and span.stop == self.channels:
            return self
        writer, name = self.writer, f"span_{span.start}_{span.stop}"
        starts = writer.constant(f"{name}_start", [span.start], np.int64)
        ends = writer.constant(f"{name}_end", [span.stop], np.int64)
        axes = writer.constant("channel_axis", [1], np.int64)
        return GraphTensor(writer, writer.emit("Slice", [self.name, starts, ends, axes]), span.stop - span.start)

    def _float_convolution(self, path: str, weights: Array, bias: jax.Array, **attributes: Any) -> "GraphTensor":
        writer = self.writer
        half = writer.constant(f"{path}/kernel", weights, np.float16)
        kernel = writer.emit("Cast", [half], to=TensorProto.FLOAT)
        offset = writer.constant(f"{path}/bias", bias)
        name = writer.emit("Conv", [self.name, kernel, offset], **attributes)
        return GraphTensor(writer, name, len(weights))

    def _exact_convolution(
        self,
        path: str,
        weights: Array,
        rounded: ExactKernel,
        exponent_in: jax.Array,
        exponent: jax.Array,
        **attributes: Any,
    ) -> "GraphTensor":
        writer = self.writer
        self._record(path, rounded, exponent_in)
        scale = np.exp2(np.asarray(exponent) - np.asarray(rounded.shift)).astype(np.float32)
        integers = writer.constant(f"{path}/kernel", weights, np.int16)
        scales = writer.constant(f"{path}/scale", scale[:, None, None, None])
        kernel = writer.emit("Mul", [writer.emit("Cast", [integers], to=TensorProto.FLOAT), scales])
        offset = writer.constant(f"{path}/bias", np.asarray(rounded.bias_int) * scale)
        name = writer.emit("Conv", [self.name, kernel, offset], **attributes)
        return GraphTensor(writer, name, len(weights))

    def _record(self, path: str, rounded: ExactKernel, exponent_in: jax.Array) -> None:
        """Keep the proof of the layer's bound, and what turns its integers back into parameters."""
        bound = float(np.max(np.asarray(rounded.headroom)))
        if not bound < 1 << BOUND_BITS:
            raise ValueError(f"{path} exceeds the 2^{BOUND_BITS} bound: {bound}")
        self.writer.bounds[path] = bound
        self.writer.arrays[f"exact/{path}/input_exponent"] = np.asarray(exponent_in).astype(np.int8)
        self.writer.arrays[f"exact/{path}/shift"] = np.asarray(rounded.shift).astype(np.int8)
        self.writer.arrays[f"exact/{path}/bias"] = np.asarray(rounded.bias_int).astype(np.int32)

    def _activated(self, activation: str) -> "GraphTensor":
        if activation == LEAKY:
            return self._unary("LeakyRelu", alpha=LEAKY_SLOPE)
        return self._clipped(0, 1) if activation == UNIT else self

    def _shifted(self, shift: Array) -> "GraphTensor":
        if not shift.any():
            return self
        name = self.writer.constant(f"shift_{len(self.writer.nodes)}", np.exp2(shift)[None, :, None, None])
        return self._binary("Mul", name)._unary("Round")

    def _rounded(self, low: int, high: int) -> "GraphTensor":
        return self._unary("Round")._clipped(low, high)

    def _clipped(self, low: float, high: float) -> "GraphTensor":
        bounds = [self.writer.scalar(float(low)), self.writer.scalar(float(high))]
        return GraphTensor(self.writer, self.writer.emit("Clip", [self.name, *bounds]), self.channels)

    def _unary(self, op: str, **attributes: Any) -> "GraphTensor":
        return GraphTensor(self.writer, self.writer.emit(op, [self.name], **attributes), self.channels)

    def _binary(self, op: str, other: str) -> "GraphTensor":
        return GraphTensor(self.writer, self.writer.emit(op, [self.name, other]), self.channels)


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


def _depthwise_attributes(channels: int) -> dict[str, Any]:
    return {"group": channels, "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
