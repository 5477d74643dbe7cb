"""Bounds what a graph makes of its input before it runs: channels and positions of every tensor, and its constants.

Where shapes do not fit one another the engine refuses the graph itself; this only sees to it that none can grow large.
On the way it follows how far each tensor sees, which has to stay within the halos of tiles.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks.onnx_graph import ELEMENTWISE, Graph, Node
from vaecompress.networks.operators import blaming, check_geometry

MAX_CHANNELS = 1 << 14
MAX_VALUES, MAX_VALUES_IN_ALL = 1 << 6, 1 << 12
"""For each pixel of the picture: of one tensor, and of all of them together."""

CONSTANT_FACTOR = 4
"""So many times the values of the initialisers may be computed from them."""


@dataclass(frozen=True)
class Extent:
    """A tensor [1, C, H, W]: at most so many channels, pixels from one position to the next along a side.

    ``step`` is 0 for gains, which have one position in all; ``halo``: pixels on each side that a value depends on;
    ``last``: channels were moved to the end, for pixels.
    """

    channels: int
    step: Fraction
    halo: Fraction = Fraction(0)
    last: bool = False

    @property
    def values(self) -> Fraction:
        """Values for each pixel of the picture."""
        return self.channels / self.step**2 if self.step else Fraction(0)


@dataclass(frozen=True)
class Constant:
    """What does not depend on the inputs."""

    shape: tuple[int, ...]


def check_growth(graph: Graph, steps: Mapping[str, int]) -> Fraction:
    """The largest halo of any tensor, in pixels. ``steps`` has the pixels between positions of each input but gains.

    Raises CorruptError where tensors can become too large, UnsupportedError where a constant is moved about or a
    convolution has another form than those of networks.
    """
    known: dict[str, Extent | Constant] = {name: Constant(a.shape) for name, a in graph.initialisers.items()}
    known |= {name: _input(graph, name, steps.get(name, 0)) for name in graph.inputs}
    computed, values, halo = 0, Fraction(0), Fraction(0)
    for node in graph.nodes:
        with blaming(graph, node):
            found = _output(node, [known[name] for name in node.inputs])
        known.update(dict.fromkeys(node.outputs, found))
        if isinstance(found, Constant):
            computed += math.prod(found.shape) * len(node.outputs)
        else:
            values += found.values * len(node.outputs)
            halo = max(halo, found.halo)
    if computed > CONSTANT_FACTOR * sum(array.size for array in graph.initialisers.values()):
        raise CorruptError("graph: computes too many constants")
    if values > MAX_VALUES_IN_ALL:
        raise CorruptError(f"graph: grows too large: {float(values):.0f} values for each pixel")
    return halo


def _input(graph: Graph, name: str, step: int) -> Extent:
    shape = graph.input_shapes[name]
    free = len(shape) == 4 and shape[2:] == (None, None)
    if not (free if step else shape[2:] == (1, 1)):
        raise CorruptError(f"graph: input {name} has the shape {shape}")
    return Extent(shape[1] or 1, Fraction(step))


def _output(node: Node, inputs: Sequence[Extent | Constant]) -> Extent | Constant:
    constants = [value for value in inputs if isinstance(value, Constant)]
    return _constant(node, constants) if len(constants) == len(inputs) else _extent(node, inputs)


def _constant(node: Node, inputs: Sequence[Constant]) -> Constant:
    """Scaling and casting a kernel is all there is to compute without an input."""
    largest = max((value.shape for value in inputs), key=math.prod)
    others = (value.shape for value in inputs if math.prod(value.shape) > 1)
    if node.op not in ELEMENTWISE or not all(_fits(shape, largest) for shape in others):
        raise UnsupportedError("makes other constants than scaled kernels")
    return Constant(largest)


def _extent(node: Node, inputs: Sequence[Extent | Constant]) -> Extent:
    tensors = [value for value in inputs if isinstance(value, Extent)]
    channels, halo = max(t.channels for t in tensors), max(t.halo for t in tensors)
    step = min((t.step for t in tensors if t.step), default=Fraction(0))
    last = node.op == "Transpose"
    moved = any(t.last for t in tensors) and node.op != "Identity"
    if moved or (last and node.attributes.get("perm") != (0, 2, 3, 1)):
        raise UnsupportedError("moves channels elsewhere than to the end")
    if node.op == "Conv":
        channels, ring = _convolution(node, inputs)
        halo += ring * step
    elif node.op == "Concat":
        channels = sum(t.channels for t in tensors)
    elif node.op in ("DepthToSpace", "SpaceToDepth"):
        block = node.attributes.get("blocksize")
        if not isinstance(block, int) or not 1 <= block <= 64:
            raise CorruptError(f"moves blocks of the size {block}")
        down = node.op == "SpaceToDepth"
        channels = channels * block**2 if down else -(-channels // block**2)
        step = step * block if down else step / block
    elif node.op in ELEMENTWISE:
        if any(isinstance(v, Constant) and not _per_channel(v.shape) for v in inputs):
            raise CorruptError("combines a tensor with constants of another form")
        channels = max([channels, *(math.prod(v.shape) for v in inputs if isinstance(v, Constant))])
    extent = Extent(channels, step, halo, last or tensors[0].last)
    if channels > MAX_CHANNELS or extent.values > MAX_VALUES:
        raise CorruptError(f"grows too large: {channels} channels")
    return extent


def _convolution(node: Node, inputs: Sequence[Extent | Constant]) -> tuple[int, int]:
    """Channels that a convolution gives, and how many positions it sees on each side."""
    kernel = inputs[1] if len(inputs) > 1 else None
    if not isinstance(kernel, Constant) or len(kernel.shape) != 4:
        raise CorruptError("has no constant kernel")
    check_geometry(node, kernel.shape[2:], kernel.shape[0])
    return kernel.shape[0], kernel.shape[2] // 2


def _fits(shape: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return len(shape) == len(outer) and all(side in (1, whole) for side, whole in zip(shape, outer, strict=True))


def _per_channel(shape: tuple[int, ...]) -> bool:
    """A scalar, or [1, C, 1, 1] and its shorter forms."""
    return math.prod(shape) == 1 or (len(shape) in (3, 4) and math.prod(shape) == shape[-3])
