"""Writes ONNX graphs, node by node. Activations are channels-first with free batch-1 height and width."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from vaecompress.transforms.signal import LEAKY, LEAKY_SLOPE, UNIT

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
    """A tensor [1, channels, H, W] of a graph; each method adds nodes and gives their output."""

    writer: GraphWriter
    name: str
    channels: int

    def convolution(self, kernel: str, bias: str, channels: int, taps: int) -> "GraphTensor":
        """A 1x1 convolution to ``channels`` (1 tap), or a zero-padded 3x3 depthwise one (9 taps)."""
        attributes = {"group": channels, "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]} if taps == 9 else {}
        return GraphTensor(self.writer, self.writer.emit("Conv", [self.name, kernel, bias], **attributes), channels)

    def activated(self, activation: str) -> "GraphTensor":
        """An activation of real numbers, or a leaky one of integers."""
        if activation == LEAKY:
            return self._unary("LeakyRelu", alpha=LEAKY_SLOPE)
        return self.clipped(0, 1) if activation == UNIT else self

    def absolute(self) -> "GraphTensor":
        """Absolute values."""
        return self._unary("Abs")

    def rounded(self) -> "GraphTensor":
        """The nearest integers, ties to the even one."""
        return self._unary("Round")

    def clipped(self, low: float, high: float) -> "GraphTensor":
        """Limited to low..high."""
        bounds = [self.writer.scalar(float(low)), self.writer.scalar(float(high))]
        return GraphTensor(self.writer, self.writer.emit("Clip", [self.name, *bounds]), self.channels)

    def times(self, factor: str) -> "GraphTensor":
        """Times the tensor of that name."""
        return self._binary("Mul", factor)

    def shifted(self, bits: float) -> "GraphTensor":
        """Times 2**bits."""
        return self.times(self.writer.scalar(2.0**bits))

    def plus(self, other: "GraphTensor") -> "GraphTensor":
        """The sum of two tensors."""
        return self._binary("Add", other.name)

    def beside(self, other: "GraphTensor") -> "GraphTensor":
        """The channels of both, one after the other."""
        name = self.writer.emit("Concat", [self.name, other.name], axis=1)
        return GraphTensor(self.writer, name, self.channels + other.channels)

    def depth_to_space(self, block: int) -> "GraphTensor":
        """Channels to space, mode DCR."""
        name = self.writer.emit("DepthToSpace", [self.name], blocksize=block, mode="DCR")
        return GraphTensor(self.writer, name, self.channels // (block * block))

    def space_to_depth(self, block: int) -> "GraphTensor":
        """Space to channels."""
        name = self.writer.emit("SpaceToDepth", [self.name], blocksize=block)
        return GraphTensor(self.writer, name, self.channels * block * block)

    def span(self, span: slice) -> "GraphTensor":
        """Some of the channels."""
        writer, name = self.writer, f"span_{span.start}_{span.stop}"
        starts = writer.constant(f"{name}_start", [span.start], np.int64)
        ends = writer.constant(f"{name}_end", [span.stop], np.int64)
        axes = writer.constant("channel_axis", [1], np.int64)
        return GraphTensor(writer, writer.emit("Slice", [self.name, starts, ends, axes]), span.stop - span.start)

    def levels(self, fraction_bits: int) -> str:
        """Integers of ``fraction_bits`` fraction bits around 128 to 8-bit levels, uint8 [1, H, W, C]."""
        levels = self.shifted(-fraction_bits).rounded()._binary("Add", self.writer.scalar(128.0)).clipped(0, 255)
        name = self.writer.emit("Cast", [levels.name], to=TensorProto.UINT8)
        return self.writer.emit("Transpose", [name], perm=[0, 2, 3, 1])

    def whole_levels(self, fraction_bits: int) -> "GraphTensor":
        """Integers of ``fraction_bits`` fraction bits to whole 8-bit levels of a difference, -255..255."""
        return self.shifted(-fraction_bits).rounded().clipped(-255, 255)

    def _unary(self, op: str, **attributes: Any) -> "GraphTensor":
        return GraphTensor(self.writer, self.writer.emit(op, [self.name], **attributes), self.channels)

    def _binary(self, op: str, other: str) -> "GraphTensor":
        return GraphTensor(self.writer, self.writer.emit(op, [self.name, other]), self.channels)
