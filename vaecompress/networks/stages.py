"""A graph cut into stages that can each run in small tiles, without computing anything twice.

All that sees beside its own position is a 3x3 depthwise convolution. Cut before each of them, a graph becomes stages:
depthwise convolutions first, then what works position by position. A stage that is given a ring of one position around
a tile, zero beyond the edge, gives that tile alone. So tiles can be as small as a processor's cache likes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import numpy.typing as npt

from vaecompress.errors import UnsupportedError
from vaecompress.networks.onnx_graph import ELEMENTWISE, UINT8, Graph, Node
from vaecompress.networks.operators import check_geometry

Array = npt.NDArray[Any]

RINGED = "/ringed"
"""Ends the name under which a stage reads a tensor with a ring around each tile."""

CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True)
class Extent:
    """Of a tensor: channels, sides in those of the input ``root``, type, and whether channels were moved to the end."""

    channels: int
    root: str
    scale: Fraction = Fraction(1)
    dtype: str = "float32"
    last: bool = False

    def sides(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        """Height and width, from the shapes of the graph's inputs."""
        times, parts = self.scale.numerator, self.scale.denominator
        height, width = shapes[self.root][2:]
        return height * times // parts, width * times // parts


@dataclass(frozen=True, eq=False)
class Stage:
    """A graph of its own: its inputs that are no gains, and all extents in it by the tensors' names."""

    graph: Graph
    inputs: tuple[str, ...]
    extents: dict[str, Extent]


def stages(graph: Graph) -> list[Stage]:
    """The stages of ``graph`` in order; none where it has another form than the networks of a model file.

    Its kernels are constants, as :mod:`~vaecompress.networks.fewer_passes` makes them.
    """
    try:
        extents = _extents(graph)
    except (UnsupportedError, ValueError, LookupError):
        return []
    numbers = _numbers(graph)
    return [_stage(graph, extents, numbers, number) for number in sorted(set(numbers.values()))]


def tensor(name: str) -> str:
    """The tensor that a stage's input ``name`` is."""
    return name.removesuffix(RINGED)


def _depthwise(graph: Graph, node: Node) -> bool:
    return node.op == "Conv" and graph.initialisers[node.inputs[1]].shape[2:] == (3, 3)


def _numbers(graph: Graph) -> dict[Node, int]:
    """The stage of each node: as late as those that read what it gives allow."""
    levels = dict.fromkeys((*graph.inputs, *graph.initialisers), 0)
    for node in graph.nodes:
        level = max(levels[name] for name in node.inputs) + _depthwise(graph, node)
        levels.update(dict.fromkeys(node.outputs, level))
    latest = dict.fromkeys(graph.outputs, max(levels.values()))
    numbers = {}
    for node in reversed(graph.nodes):
        numbers[node] = number = min((latest[name] for name in node.outputs if name in latest), default=-1)
        for place, name in enumerate(node.inputs if number >= 0 else ()):
            ready = number - (place == 0 and _depthwise(graph, node))
            latest[name] = min(latest.get(name, ready), ready)
    return {node: number for node, number in numbers.items() if number >= 0}


def _stage(graph: Graph, extents: dict[str, Extent], numbers: Mapping[Node, int], number: int) -> Stage:
    own = [node for node in graph.nodes if numbers.get(node) == number]
    nodes = [_without_padding(node) if _depthwise(graph, node) else node for node in own]
    made = {name for node in nodes for name in node.outputs}
    read = dict.fromkeys(name for node in nodes for name in node.inputs if name not in made)
    elsewhere = {name for node in numbers if numbers[node] > number for name in node.inputs} | set(graph.outputs)
    inputs = tuple(name for name in read if tensor(name) in extents)
    constants = {name: graph.initialisers[name] for name in read if name in graph.initialisers}
    shapes = {name: graph.input_shapes.get(name, (1, None, None, None)) for name in read if name not in constants}
    part = Graph(
        tuple(shapes),
        tuple(name for node in own for name in node.outputs if name in elsewhere),
        tuple(nodes),
        constants,
        {name: (1, extents[tensor(name)].channels, None, None) if name in inputs else shapes[name] for name in shapes},
        graph.opset,
    )
    return Stage(part, inputs, {tensor(name): extents[tensor(name)] for name in (*inputs, *made)})


def _without_padding(node: Node) -> Node:
    """A depthwise convolution that reads a ring around its tile in place of its own zeros."""
    attributes = {name: value for name, value in node.attributes.items() if name not in ("pads", "auto_pad")}
    return replace(node, inputs=(node.inputs[0] + RINGED, *node.inputs[1:]), attributes=attributes)


def _extents(graph: Graph) -> dict[str, Extent]:
    """Of everything but constants and gains. Raises on what no network of a model file has."""
    extents = {
        name: Extent(shape[1] or 0, name)
        for name, shape in graph.input_shapes.items()
        if len(shape) == 4 and shape[2:] == (None, None)
    }
    for node in graph.nodes:
        inputs = [extents[name] for name in node.inputs if name in extents]
        first = inputs[0] if inputs else None
        if first is None or (first.last and node.op != "Identity"):
            raise ValueError("a node without a tensor, or after channels were moved")
        if any(other.root == first.root and other.scale != first.scale for other in inputs):
            raise ValueError("tensors of different sizes together")
        extents.update(zip(node.outputs, _outputs(graph, node, first, inputs), strict=True))
    if not extents.keys() >= set(graph.outputs) or set(graph.outputs) & set(graph.inputs):
        raise ValueError("an output that no node gives")
    return extents


def _outputs(graph: Graph, node: Node, first: Extent, inputs: list[Extent]) -> Iterator[Extent]:
    """Extents of the outputs of a node whose first tensor is ``first``."""
    block = node.attributes.get("blocksize")
    if node.op == "Conv":
        kernel = graph.initialisers[node.inputs[1]]
        check_geometry(node, kernel.shape[2:], len(kernel))
        yield replace(first, channels=len(kernel))
    elif isinstance(block, int):
        down = node.op == "SpaceToDepth"
        channels = first.channels * block**2 if down else first.channels // block**2
        yield replace(first, channels=channels, scale=first.scale / block if down else first.scale * block)
    elif node.op == "Concat":
        yield replace(first, channels=sum(extent.channels for extent in inputs))
    elif node.op == "Slice":
        start, end = (int(graph.initialisers[name][0]) for name in node.inputs[1:3])
        yield replace(first, channels=len(range(first.channels)[start:end]))
    elif node.op == "Split":
        ends = accumulate(graph.initialisers[node.inputs[1]].tolist(), initial=0)
        yield from (replace(first, channels=end - start) for start, end in pairwise(ends))
    elif node.op == "Transpose" and node.attributes.get("perm") == CHANNELS_LAST:
        yield replace(first, last=True)
    elif node.op == "QuantizeLinear" or (node.op == "Cast" and node.attributes.get("to") == UINT8):
        yield replace(first, dtype="uint8")
    elif node.op in ELEMENTWISE | {"Identity"}:
        yield first
    else:
        raise ValueError(f"{node.op} in a form that no network has")
