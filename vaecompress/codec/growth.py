"""Bounds what a graph makes of its input before it runs: channels and positions of every tensor, and its constants.

Where shapes do not fit one another the engine refuses the graph itself; this only sees to it that none can grow large.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vaecompress.codec.graph import ELEMENTWISE, Graph, Node
from vaecompress.errors import CorruptError, UnsupportedError

MAX_CHANNELS = 1 << 14
MAX_VALUES = 1 << 14
"""Of one tensor, for each position of the input."""


@dataclass(frozen=True)
class Extent:
    """A tensor [1, C, H, W]: at most so many channels, and positions for each one of the input.

    ``last``: channels were moved to the end, for pixels.
    """

    channels: int
    positions: Fraction
    last: bool = False


@dataclass(frozen=True)
class Constant:
    """What does not depend on the inputs."""

    shape: tuple[int, ...]


def check_growth(graph: Graph) -> None:
    """Raise CorruptError where a tensor can become too large, UnsupportedError where a constant is moved about."""
    known: dict[str, Extent | Constant] = {name: Constant(a.shape) for name, a in graph.initialisers.items()}
    for name, shape in graph.input_shapes.items():
        free = len(shape) == 4 and shape[2] is None and shape[3] is None
        if free or shape[2:] == (1, 1):
            known[name] = Extent(shape[1] or 1, Fraction(1))
        else:
            raise CorruptError(f"graph: input {name} has the shape {shape}")
    for node in graph.nodes:
        inputs = [known[name] for name in node.inputs]
        constants = [value for value in inputs if isinstance(value, Constant)]
        found = _constant(node, constants) if len(constants) == len(inputs) else _extent(node, inputs)
        known.update(dict.fromkeys(node.outputs, found))


def _constant(node: Node, inputs: Sequence[Constant]) -> Constant:
    """Scaling and casting a kernel is all there is to compute without an input."""
    largest = max((value.shape for value in inputs), key=_size)
    others = (value.shape for value in inputs if _size(value.shape) > 1)
    if node.op not in ELEMENTWISE or not all(_fits(shape, largest) for shape in others):
        raise UnsupportedError(f"graph: {node.op} makes other constants than scaled kernels")
    return Constant(largest)


def _extent(node: Node, inputs: Sequence[Extent | Constant]) -> Extent:
    tensors = [value for value in inputs if isinstance(value, Extent)]
    channels, positions = max(t.channels for t in tensors), max(t.positions for t in tensors)
    last = node.op == "Transpose"
    moved = any(t.last for t in tensors) and node.op != "Identity"
    if moved or (last and node.attributes.get("perm") != (0, 2, 3, 1)):
        raise UnsupportedError(f"graph: {node.outputs[0]} moves channels elsewhere than to the end")
    if node.op == "Conv":
        kernel = inputs[1] if len(inputs) > 1 else None
        if not isinstance(kernel, Constant) or len(kernel.shape) != 4:
            raise CorruptError(f"graph: {node.outputs[0]} is a convolution without a constant kernel")
        channels = kernel.shape[0]
    elif node.op == "Concat":
        channels = sum(t.channels for t in tensors)
    elif node.op in ("DepthToSpace", "SpaceToDepth"):
        block = node.attributes.get("blocksize")
        if not isinstance(block, int) or not 1 <= block <= 64:
            raise CorruptError(f"graph: {node.outputs[0]} moves blocks of the size {block}")
        down = node.op == "SpaceToDepth"
        channels = channels * block**2 if down else -(-channels // block**2)
        positions = positions / block**2 if down else positions * block**2
    elif node.op in ELEMENTWISE:
        if any(isinstance(v, Constant) and not _per_channel(v.shape) for v in inputs):
            raise CorruptError(f"graph: {node.outputs[0]} combines a tensor with constants of another form")
        channels = max([channels, *(_size(v.shape) for v in inputs if isinstance(v, Constant))])
    if channels > MAX_CHANNELS or channels * positions > MAX_VALUES:
        raise CorruptError(f"graph: {node.outputs[0]} grows too large: {channels} channels")
    return Extent(channels, positions, last or tensors[0].last)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _fits(shape: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return len(shape) == len(outer) and all(side in (1, whole) for side, whole in zip(shape, outer, strict=True))


def _per_channel(shape: tuple[int, ...]) -> bool:
    """A scalar, or [1, C, 1, 1] and its shorter forms."""
    return _size(shape) == 1 or (len(shape) in (3, 4) and _size(shape) == shape[-3])
