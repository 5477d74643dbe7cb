"""Proves that a decoder-side graph is exact in float32 whatever the stream says, from the limits of its inputs.

Interval arithmetic over the graph: for each channel the least and the greatest integer that can occur. Operators other
than products, differences and convolutions grow with their inputs, so the two ends simply run through them; Clip is
what keeps the ends close. Each step refuses what would need more than 24 bits.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError
from vaecompress.networks import dyadic
from vaecompress.networks.dyadic import MAX_BITS, WHOLE, Dyadic
from vaecompress.networks.onnx_graph import Graph, Node
from vaecompress.networks.operators import (
    CHANNEL_AXIS,
    blaming,
    block_size,
    check_channels,
    convolution,
    evaluate,
    fold,
)

Array = npt.NDArray[Any]
ANYTHING = 1 << (MAX_BITS - 1)
"""Stands for infinity among integers: nothing but a Clip takes it in."""


@dataclass(frozen=True)
class LayerProof:
    """Of the convolution with the initialiser ``name``, over all channels: the largest sum |w| * max|x| + |b|.

    In units of the sums' own step; below 2**24.
    """

    name: str
    bound: int


@dataclass(frozen=True, eq=False)
class Interval:
    """What a tensor can hold, for each channel [1, C, 1, 1]; both ends count in the same steps.

    ``scaled`` marks a product with a gain: a float32 of any magnitude whose integer fits 24 bits.
    """

    low: Dyadic
    high: Dyadic
    scaled: bool = False

    @property
    def magnitude(self) -> Array:
        """The largest |integer| of each channel."""
        return np.maximum(np.abs(self.low.integers), np.abs(self.high.integers))


def prove(
    graph: Graph, input_limits: Mapping[str, int | Array], gain_limits: Mapping[str, int] | None = None
) -> list[LayerProof]:
    """Prove every operation of ``graph`` exact in float32, and give the bound of each convolution.

    ``input_limits`` holds the largest magnitude, one for all or one a channel, of inputs that are whole numbers.
    ``gain_limits`` is for inputs whose elements are whole numbers up to a limit times any power of two: they may only
    multiply, and the product must be rounded and clipped. Raises CorruptError naming the layer that exceeds 2**24.
    """
    return _walk(graph, input_limits, gain_limits or {})[0]


def output_limits(
    graph: Graph, input_limits: Mapping[str, int | Array], gain_limits: Mapping[str, int] | None = None
) -> dict[str, int]:
    """As :func:`prove`, but gives the largest magnitude that each output can reach.

    Raises CorruptError also for an output that is not made of whole numbers.
    """
    values = _walk(graph, input_limits, gain_limits or {})[1]
    limits = {}
    for name in graph.outputs:
        ends = (values[name].low, values[name].high)
        if any((end.fraction_bits > 0).any() for end in ends):
            raise CorruptError(f"graph: output {name} is not made of whole numbers")
        limits[name] = max(math.ceil(np.abs(dyadic.scaled(end.integers, -end.fraction_bits)).max()) for end in ends)
    return limits


def _walk(
    graph: Graph, input_limits: Mapping[str, int | Array], gains: Mapping[str, int]
) -> tuple[list[LayerProof], dict[str, Interval]]:
    """The bound of each convolution, and what every tensor can hold."""
    constants, nodes = fold(graph)
    values = {name: Interval(value, value) for name, value in constants.items()}
    values |= {name: _whole(graph, name, input_limits) for name in graph.inputs if name not in gains}
    proofs: list[LayerProof] = []
    for node in nodes:
        with blaming(graph, node):
            inputs = [values[name] for name in node.inputs if name not in gains]
            if any(x.scaled for x in inputs) and node.op != "Round":
                raise CorruptError("takes a product with a gain that was not rounded")
            if node.op == "Conv":
                out, bound = _convolve(node, inputs)
                outputs = [out]
                proofs.append(LayerProof(graph.origin(node.inputs[1]), bound))
            elif len(inputs) < len(node.inputs):
                outputs = [_times_gain(node, inputs, gains)]
            else:
                outputs = _propagate(node, inputs)
            values.update(zip(node.outputs, outputs, strict=True))
    return proofs, values


def _whole(graph: Graph, name: str, limits: Mapping[str, int | Array]) -> Interval:
    """An input of whole numbers within its limits."""
    _, channels, *_ = (*graph.input_shapes[name], None, None)
    limit = np.asarray(limits.get(name, ()), np.int64)
    if channels is None or limit.shape not in ((), (channels,)):
        raise CorruptError(f"graph: the channels of input {name} or their limits are unknown")
    check_channels(channels)
    high = np.broadcast_to(limit, (channels,)).reshape(1, channels, 1, 1)
    return Interval(Dyadic(-high, WHOLE), Dyadic(high, WHOLE))


def _propagate(node: Node, inputs: list[Interval]) -> list[Interval]:
    """What the outputs of ``node`` can hold."""
    if node.op == "Mul":
        return [_product(*inputs)]
    if node.op == "Sub":
        x, y = inputs
        return [Interval(dyadic.subtract(x.low, y.high), dyadic.subtract(x.high, y.low))]
    if node.op == "Abs":
        (x,) = inputs
        low, high = dyadic.absolute(x.low), dyadic.absolute(x.high)
        return [Interval(replace(low, integers=np.zeros_like(x.magnitude)), replace(high, integers=x.magnitude))]
    lows, highs = _grow(node, [x.low for x in inputs], np.min), _grow(node, [x.high for x in inputs], np.max)
    return [Interval(low, high) for low, high in zip(lows, highs, strict=True)]


def _grow(node: Node, ends: list[Dyadic], reduce: Callable[..., Array]) -> list[Dyadic]:
    """One end of what a node gives that grows with its inputs; the positions of a block share one interval."""
    if node.op == "SpaceToDepth":
        block = block_size(node)
        check_channels(ends[0].shape[CHANNEL_AXIS] * block**2)
        ends = [replace(end, integers=np.tile(end.integers, (1, 1, block, block))) for end in ends]
    outputs = evaluate(node, ends)
    if node.op == "DepthToSpace":
        outputs = [replace(out, integers=reduce(out.integers, axis=(2, 3), keepdims=True)) for out in outputs]
    return outputs


def _convolve(node: Node, inputs: list[Interval]) -> tuple[Interval, int]:
    """What a convolution can give, and the largest bound of its channels."""
    x, *parameters = inputs
    if any((value.low.integers != value.high.integers).any() for value in parameters):
        raise CorruptError("has weights that are not constant")
    form = convolution(node, [x.low, *(value.low for value in parameters)])
    bound = form.check(x.magnitude.reshape(form.channels)).astype(np.int64)
    high, fraction_bits = bound[None, :, None, None], form.fraction_bits[:, None, None]
    return Interval(Dyadic(-high, fraction_bits), Dyadic(high, fraction_bits)), int(bound.max(initial=0))


def _product(x: Interval, y: Interval) -> Interval:
    corners = [dyadic.multiply(left, right) for left in (x.low, x.high) for right in (y.low, y.high)]
    low, high = (end([corner.integers for corner in corners]) for end in (np.minimum.reduce, np.maximum.reduce))
    return Interval(replace(corners[0], integers=low), replace(corners[0], integers=high))


def _times_gain(node: Node, inputs: list[Interval], gains: Mapping[str, int]) -> Interval:
    """The other input times whole numbers up to the gain's limit and any power of two."""
    if node.op != "Mul" or len(inputs) != 1:
        raise CorruptError("takes a gain for something else than one product")
    (limit,) = (gains[name] for name in node.inputs if name in gains)
    magnitude = inputs[0].magnitude
    dyadic.multiply(replace(inputs[0].high, integers=magnitude), Dyadic(np.full((), limit, np.int64), WHOLE))
    high = np.full(magnitude.shape, ANYTHING, np.int64)
    return Interval(Dyadic(-high, WHOLE), Dyadic(high, WHOLE), scaled=True)
