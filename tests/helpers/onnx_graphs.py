"""Small graphs for the tests, written with the onnx package in the conventions of frozen networks."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]


class Builder:
    """Collects nodes and initialisers; every method returns the name of what it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, *shape: int | str) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape]))
        return name

    def constant(self, value: Any, name: str = "", dtype: Any = np.float32) -> str:
        name = name or f"constant_{len(self.initialisers)}"
        self.initialisers[name] = numpy_helper.from_array(np.asarray(value, dtype), name)
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"{op.lower()}_{len(self.nodes)}" + (f"_{index}" if index else "") for index in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0]

    def clip(self, x: str, low: float, high: float) -> str:
        return self.node("Clip", x, self.constant(low), self.constant(high))

    def convolution(self, x: str, path: str, kernel: Array, scale: Array, bias: Array) -> str:
        """Integer weights times a power of two for each output, as frozen networks have them."""
        integers = self.constant(kernel, f"{path}/kernel", np.int16)
        scales = self.constant(np.reshape(scale, (-1, 1, 1, 1)), f"{path}/scale")
        weights = self.node("Mul", self.node("Cast", integers, to=TensorProto.FLOAT), scales)
        extra = {} if kernel.shape[-1] == 1 else {"group": len(kernel), "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
        return self.node("Conv", x, weights, self.constant(bias * scale, f"{path}/bias"), **extra)

    def layer(
        self, x: str, path: str, kernel: Array, scale: Array, bias: Array, limit: int, leaky: bool = False
    ) -> str:
        """A convolution, LeakyRelu if asked for, rounding and clipping."""
        out = self.convolution(x, path, kernel, scale, bias)
        out = self.node("LeakyRelu", out, alpha=0.25) if leaky else out
        return self.clip(self.node("Round", out), -limit, limit)

    def model(self, *outputs: str, kind: int = TensorProto.FLOAT, check: bool = True) -> bytes:
        infos = [helper.make_tensor_value_info(name, kind, [None] * 4) for name in outputs]
        graph = helper.make_graph(self.nodes, "test", self.inputs, infos, list(self.initialisers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        if check:
            onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def random_layer(rng: np.random.Generator, outputs: int, inputs: int, limit: int) -> tuple[Array, Array, Array]:
    """Kernel [outputs, inputs, 1, 1] (3x3 depthwise where inputs is 0), scales and bias that use most of 24 bits."""
    shape = (outputs, inputs, 1, 1) if inputs else (outputs, 1, 3, 3)
    fan_in = inputs or 9
    top = min(((1 << 24) - 40_000) // (fan_in * limit), 32_767)
    kernel = rng.integers(-top, top + 1, shape)
    kernel[0].flat[:] = top
    scale = 2.0 ** -rng.integers(8, 13, outputs)
    return kernel, scale, rng.integers(-30_000, 30_001, outputs)


def gated_network(rng: np.random.Generator, channels: int = 12) -> bytes:
    """Gain, dense, depthwise, gate, residual, upsampling and eight-bit levels: all that a decoder is made of.

    Inputs ``y`` [1, C, H, W] of whole numbers up to 255 and ``gain`` [1, C, 1, 1] of 11-bit mantissas.
    """
    b = Builder()
    y = b.input("y", channels, "height", "width")
    scaled = b.node("Mul", y, b.input("gain", channels, 1, 1))
    x = b.clip(b.node("Round", scaled), -2047, 2047)
    hidden = b.layer(x, "mix_in", *random_layer(rng, channels, channels, 2047), limit=2047, leaky=True)
    hidden = b.layer(hidden, "depthwise", *random_layer(rng, channels, 0, 2047), limit=2047)
    kernel, scale, bias = random_layer(rng, channels, channels, 2047)
    gate = b.clip(b.node("Round", b.convolution(hidden, "gate", kernel, scale, bias)), 0, 256)
    gated = b.node("Round", b.node("Mul", b.node("Mul", hidden, gate), b.constant(2.0**-8)))
    shift = b.constant(2.0 ** rng.integers(-3, 3, (1, channels, 1, 1)))
    x = b.clip(b.node("Add", b.node("Round", b.node("Mul", x, shift)), gated), -2047, 2047)
    half = [channels // 2] * 2
    left = b.node("Split", x, b.constant(half, dtype=np.int64), axis=1, outputs=2)
    right = b.nodes[-1].output[1]
    parts = [b.node("Sub", right, left), b.node("Abs", left), b.node("Relu", right)]
    places = [b.constant([place], dtype=np.int64) for place in (-channels, 1 << 62, 1)]
    x = b.node("Slice", b.node("Concat", *parts, axis=1), *places)
    pixels = b.layer(x, "head", *random_layer(rng, 12, channels, 2047), limit=1 << 17)
    pixels = b.node("DepthToSpace", pixels, blocksize=2, mode="DCR")
    levels = b.node("Round", b.node("Mul", pixels, b.constant(2.0**-6)))
    levels = b.clip(b.node("Add", levels, b.constant(128.0)), 0, 255)
    bytes_ = b.node("Transpose", b.node("Cast", levels, to=TensorProto.UINT8), perm=[0, 2, 3, 1])
    return b.model(b.node("Identity", bytes_), kind=TensorProto.UINT8)
