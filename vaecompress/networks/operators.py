"""The operators of a decoder-side graph, as the ONNX specification defines them, on exact arrays.

Activations are [1, C, H, W]. Each function takes a node and its inputs and returns the node's outputs. Raises
CorruptError where the arithmetic is not exact or the shapes do not fit, UnsupportedError on attributes outside the
forms that networks are written in.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks import dyadic
from vaecompress.networks.dyadic import SIGNIFICAND_BITS, Dyadic, Integers
from vaecompress.networks.onnx_graph import FLOAT, UINT8, Graph, Node

Array = npt.NDArray[Any]
Operator = Callable[[Node, Sequence[Dyadic]], list[Dyadic]]

CHANNEL_AXIS = 1
MAX_CHANNELS = 1 << 16


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution's integers, at the step of each output channel's sums.

    ``weights`` is [O, I] of a pointwise or [C, 3, 3] of a depthwise convolution; ``bias`` [O]; sums count in units of
    2**-``fraction_bits`` [O]: the finest power of two that divides every weight times input step and the bias.
    """

    weights: Integers
    bias: Integers
    fraction_bits: Integers

    @property
    def depthwise(self) -> bool:
        """Whether each channel has its own 3x3 kernel, over zero padding."""
        return self.weights.ndim == 3

    @property
    def channels(self) -> int:
        """Number of input channels."""
        return self.weights.shape[0 if self.depthwise else 1]

    def bound(self, magnitudes: Integers) -> Array:
        """sum |w| * magnitude + |b| for each output channel, from the largest |input| of each input channel [I]."""
        weights = np.abs(self.weights).astype(np.float64)
        sums = weights.sum((1, 2)) * magnitudes if self.depthwise else weights @ magnitudes.astype(np.float64)
        return np.asarray(sums + np.abs(self.bias))

    def check(self, magnitudes: Integers) -> Array:
        """:meth:`bound`. Raises CorruptError where it reaches 2**24: float32 could round a partial sum."""
        bound = self.bound(magnitudes)
        if not (bound < 1 << SIGNIFICAND_BITS).all():
            raise CorruptError(f"exceeds the 2^{SIGNIFICAND_BITS} bound: {bound.max():.0f}")
        return bound

    def apply(self, integers: Integers) -> Dyadic:
        """The convolution of integers [1, I, H, W], checked by what they hold.

        The matrix product runs in float64, which holds every integer below 2**53 exactly: with sums below 2**24 this
        is integer arithmetic, and many times faster than int64 without a BLAS.
        """
        self.check(np.abs(integers).max((0, 2, 3), initial=0))
        _, channels, height, width = integers.shape
        if self.depthwise:
            sums = self._nine_shifts(integers)
        else:
            rows = integers.reshape(channels, -1).astype(np.float64)
            product = self.weights.astype(np.float64) @ rows
            sums = product.astype(np.int64).reshape(1, -1, height, width)
        return Dyadic(sums + self.bias[:, None, None], self.fraction_bits[:, None, None])

    def _nine_shifts(self, integers: Integers) -> Integers:
        height, width = integers.shape[2:]
        padded = np.pad(integers, ((0, 0), (0, 0), (1, 1), (1, 1)))
        sums = np.zeros_like(integers)
        for row, column in np.ndindex(3, 3):
            taps = self.weights[:, row, column, None, None]
            sums += padded[:, :, row : row + height, column : column + width] * taps
        return sums


def convolution(node: Node, inputs: Sequence[Dyadic]) -> Convolution:
    """The convolution that a Conv node with these inputs computes. Inputs other than the first are its parameters."""
    x, weights, *rest = inputs
    if any(value.dtype != "float32" for value in inputs):
        raise CorruptError("convolves values that are not carried in float32")
    outputs, per_group, *kernel_shape = weights.shape
    check_geometry(node, tuple(kernel_shape), outputs)
    bias = rest[0] if rest else Dyadic(np.zeros(outputs, np.int64), dyadic.WHOLE)
    if bias.shape != (outputs,) or len(rest) > 1:
        raise CorruptError(f"has a bias of shape {bias.shape}")
    weights = weights.shared((1, 2, 3))
    step = weights.fraction_bits.reshape(-1) + x.shared().fraction_bits
    finest = np.where(bias.integers == 0, step, np.maximum(step, bias.fraction_bits))
    refined = dyadic.shift_left(weights.integers, (finest - step)[:, None, None, None])
    shape = (outputs, per_group) if tuple(kernel_shape) == (1, 1) else (outputs, 3, 3)
    bias_integers = dyadic.shift_left(bias.integers, np.where(bias.integers == 0, 0, finest - bias.fraction_bits))
    return Convolution(refined.reshape(shape), bias_integers, finest)


def check_geometry(node: Node, kernel_shape: tuple[int, ...], channels: int) -> None:
    """Raise UnsupportedError unless pointwise, or 3x3 depthwise with one ring of zero padding, at stride 1."""
    if kernel_shape not in ((1, 1), (3, 3)):
        raise UnsupportedError(f"has a kernel of shape {kernel_shape}; only 1x1 and 3x3 depthwise are supported")
    ring = kernel_shape[0] // 2
    absent = {"kernel_shape": kernel_shape, "strides": (1, 1), "dilations": (1, 1), "auto_pad": "NOTSET"}
    expected = {**absent, "pads": (ring,) * 4, "group": channels if ring else 1}
    if {"pads": (0,) * 4, "group": 1, **absent, **node.attributes} != expected:
        raise UnsupportedError("is neither a 1x1 nor a padded 3x3 depthwise convolution at stride 1")


def _conv(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    form, integers = convolution(node, inputs), inputs[0].shared().integers
    if integers.ndim != 4 or integers.shape[:2] != (1, form.channels):
        raise CorruptError(f"cannot convolve an input of shape {integers.shape}")
    return [form.apply(integers)]


def _cast(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    """To float32, exactly; or whole numbers 0..255 to uint8."""
    (x,) = inputs
    target = _attribute(node, "to")
    if target == FLOAT:
        if dyadic.peak(x.integers) >= 1 << SIGNIFICAND_BITS:
            raise CorruptError("casts values that float32 cannot hold")
        return [replace(x, dtype="float32")]
    if target != UINT8:
        raise UnsupportedError("casts to another type than float32 and uint8")
    whole = dyadic.round_half_even(x)
    if (x.fraction_bits > 0).any() or whole.integers.min(initial=0) < 0 or whole.integers.max(initial=0) > 255:
        raise CorruptError("casts values to uint8 that are not whole numbers from 0 to 255")
    return [replace(whole, dtype="uint8")]


def _leaky_relu(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    (x,) = inputs
    slope = float(_attribute(node, "alpha"))
    slope_bits = 1 - math.frexp(slope)[1]
    if not 0 <= slope_bits <= SIGNIFICAND_BITS or slope != 2.0**-slope_bits:
        raise UnsupportedError(f"has the slope {slope}; only powers of two up to 1 are exact")
    return [dyadic.leaky_relu(x, slope_bits)]


def _depth_to_space(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    (x,) = inputs
    block = block_size(node)
    if node.attributes.get("mode", "DCR") != "DCR":
        raise UnsupportedError("orders channels in another way than DCR")

    def move(a: Integers) -> Integers:
        _, channels, height, width = a.shape
        split = a.reshape(1, block, block, channels // block**2, height, width)
        return split.transpose(0, 3, 4, 1, 5, 2).reshape(1, -1, height * block, width * block)

    return [_moved(x, move)]


def _space_to_depth(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    (x,) = inputs
    block = block_size(node)
    check_channels(x.shape[CHANNEL_AXIS] * block**2)

    def move(a: Integers) -> Integers:
        _, channels, height, width = a.shape
        split = a.reshape(1, channels, height // block, block, width // block, block)
        return split.transpose(0, 3, 5, 1, 2, 4).reshape(1, -1, height // block, width // block)

    return [_moved(x, move)]


def _concat(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    _check_axis(node)
    check_channels(sum(x.shape[CHANNEL_AXIS] for x in inputs))
    fraction_bits = np.max([x.shared().fraction_bits for x in inputs])
    parts = [x.refined(fraction_bits) for x in inputs]
    if len({part.dtype for part in parts}) > 1:
        raise CorruptError("puts different types side by side")
    return [replace(parts[0], integers=np.concatenate([part.integers for part in parts], CHANNEL_AXIS))]


def _slice(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    x, *numbers = inputs
    starts, ends, axes, *steps = (_indices(value) for value in numbers)
    if axes != [CHANNEL_AXIS] or steps not in ([], [[1]]):
        raise UnsupportedError("cuts in another way than a span of channels")
    (start,), (end,) = starts, ends
    return [_span(x, start, end)]


def _split(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    x, *sizes = inputs
    _check_axis(node)
    channels, count = x.shape[CHANNEL_AXIS], len(node.outputs)
    widths = _indices(sizes[0]) if sizes else [channels // count] * count
    if sum(widths) != channels or min(widths) < 0 or len(widths) != count:
        raise CorruptError(f"cannot split {channels} channels into {widths}")
    ends = list(itertools.accumulate(widths))
    return [_span(x, end - width, end) for width, end in zip(widths, ends, strict=True)]


def _transpose(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    (x,) = inputs
    return [_moved(x, lambda a: a.transpose(_attribute(node, "perm")))]


def _moved(x: Dyadic, move: Callable[[Integers], Integers]) -> Dyadic:
    """x with its elements in other places."""
    x = x.shared()
    return replace(x, integers=move(x.integers))


def _span(x: Dyadic, start: int, end: int) -> Dyadic:
    return _moved(x, lambda a: a[:, start:end])


def _indices(value: Dyadic) -> list[int]:
    if value.dtype != "int64":
        raise CorruptError("takes a place from values that are not int64")
    return [int(number) for number in value.integers]


def _attribute(node: Node, name: str) -> Any:
    if name not in node.attributes:
        raise CorruptError(f"lacks the attribute {name}")
    return node.attributes[name]


def check_channels(channels: int) -> None:
    """Raise CorruptError on more channels than any network has, before they take memory."""
    if not 0 < channels <= MAX_CHANNELS:
        raise CorruptError(f"has {channels} channels, not 1 to {MAX_CHANNELS}")


def block_size(node: Node) -> int:
    """Side of the blocks that DepthToSpace and SpaceToDepth move."""
    block = _attribute(node, "blocksize")
    if not isinstance(block, int) or block < 1:
        raise CorruptError("has a block size below 1")
    return block


def _check_axis(node: Node) -> None:
    if node.attributes.get("axis", 0) != CHANNEL_AXIS:
        raise UnsupportedError("works along another axis than the channels")


OPERATORS: dict[str, Operator] = {
    "Abs": lambda node, inputs: [dyadic.absolute(*inputs)],
    "Add": lambda node, inputs: [dyadic.add(*inputs)],
    "Cast": _cast,
    "Clip": lambda node, inputs: [dyadic.clip(*inputs)],
    "Concat": _concat,
    "Conv": _conv,
    "DepthToSpace": _depth_to_space,
    "Identity": lambda node, inputs: [*inputs],
    "LeakyRelu": _leaky_relu,
    "Mul": lambda node, inputs: [dyadic.multiply(*inputs)],
    "Relu": lambda node, inputs: [dyadic.relu(*inputs)],
    "Round": lambda node, inputs: [dyadic.round_half_even(*inputs)],
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Sub": lambda node, inputs: [dyadic.subtract(*inputs)],
    "Transpose": _transpose,
}


def evaluate(node: Node, inputs: Sequence[Dyadic]) -> list[Dyadic]:
    """The outputs of ``node``."""
    outputs = OPERATORS[node.op](node, inputs)
    if len(outputs) != len(node.outputs):
        raise CorruptError(f"has {len(outputs)} outputs, not {len(node.outputs)}")
    return outputs


def fold(graph: Graph) -> tuple[dict[str, Dyadic], tuple[Node, ...]]:
    """Evaluate what does not depend on the inputs: the constants that the remaining nodes need, and those nodes."""
    values = {name: dyadic.from_array(array) for name, array in graph.initialisers.items()}
    remaining = []
    for node in graph.nodes:
        if not all(name in values for name in node.inputs):
            remaining.append(node)
            continue
        with blaming(graph, node):
            values.update(zip(node.outputs, evaluate(node, [values[name] for name in node.inputs]), strict=True))
    needed = {name for node in remaining for name in node.inputs} | set(graph.outputs)
    return {name: value for name, value in values.items() if name in needed}, tuple(remaining)


@contextmanager
def blaming(graph: Graph, node: Node) -> Iterator[None]:
    """Names the layer in what is raised inside: a convolution by its kernel, another node by its output."""
    layer = graph.origin(node.inputs[1]) if node.op == "Conv" and len(node.inputs) > 1 else node.outputs[0]
    try:
        yield
    except (CorruptError, UnsupportedError) as error:
        raise type(error)(f"graph: layer {layer} {error}") from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise CorruptError(f"graph: layer {layer} ({node.op}) does not fit its inputs") from error
