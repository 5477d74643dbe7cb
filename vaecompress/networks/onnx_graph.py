"""Reads an ONNX graph (onnx.proto3, IR version 4 on) without the onnx package, from bytes that nobody vouches for.

Only what the networks of a model file are made of is accepted: a fixed list of operators of the default domain, plain
tensors in the file itself, no subgraphs, functions or optional inputs. What is read is therefore all there is.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks.protobuf import Message

Array = npt.NDArray[Any]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | Array

ELEMENTWISE = frozenset({"Abs", "Add", "Cast", "Clip", "LeakyRelu", "Mul", "Relu", "Round", "Sub"})
MOVES = frozenset({"Concat", "DepthToSpace", "Identity", "Slice", "SpaceToDepth", "Split", "Transpose"})
OPERATORS = ELEMENTWISE | MOVES | {"Conv"}
OPSETS = range(13, 23)
"""Versions of the operator set in which these operators have one and the same meaning."""

MAX_RANK = 8
"""Axes of a tensor, and numbers in a list among attributes."""

MAX_PORTS = 64
"""Inputs and outputs of a node."""

FLOAT, UINT8, INT16, INT32, INT64, FLOAT16 = 1, 2, 5, 6, 7, 10
DTYPES = {FLOAT: "<f4", UINT8: "u1", INT16: "<i2", INT32: "<i4", INT64: "<i8", FLOAT16: "<f2"}

MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14})
GRAPH_FIELDS = frozenset({1, 2, 5, 10, 11, 12, 13})
NODE_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7})
ATTRIBUTE_FIELDS = frozenset({1, 2, 3, 4, 5, 7, 8, 13, 20})
TENSOR_FIELDS = frozenset({1, 2, 4, 5, 7, 8, 9, 12})


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: names of its inputs and outputs, and its attributes as they are written."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]


@dataclass(frozen=True, eq=False)
class Graph:
    """A network. Nodes stand in an order in which they can be run; ``input_shapes`` has None for free sides.

    ``opset`` is the version of the operator set.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    initialisers: dict[str, Array]
    input_shapes: dict[str, tuple[int | None, ...]]
    opset: int

    def origin(self, name: str) -> str:
        """The initialiser or input that ``name`` is made from, going back along the first input of each node."""
        producers = {output: node for node in self.nodes for output in node.outputs}
        while name in producers:
            name = producers[name].inputs[0]
        return name


def parse(data: bytes) -> Graph:
    """Read a serialised ONNX model whose inputs are float32.

    Raises CorruptError where the bytes are malformed or contradict themselves, UnsupportedError where they hold
    something else than the networks of a model file are made of.
    """
    model = Message(memoryview(data), "model", MODEL_FIELDS)
    opset = _opset([Message(blob, "opset", frozenset({1, 2})) for blob in model.blobs(8)])
    message = Message(model.blob(7), "graph", GRAPH_FIELDS)
    inputs = dict(_input(blob) for blob in message.blobs(11))
    outputs = tuple(Message(blob, "output", frozenset({1, 2, 3})).text(1) for blob in message.blobs(12))
    initialisers = dict(_tensor(blob) for blob in message.blobs(5))
    nodes = tuple(_node(blob) for blob in message.blobs(1))
    if not inputs or len(inputs) < len(message.blobs(11)) or len(initialisers) < len(message.blobs(5)):
        raise CorruptError("graph: has no inputs, or two inputs or initialisers of one name")
    graph = Graph(tuple(inputs), outputs, nodes, initialisers, inputs, opset)
    _check_names(graph)
    return graph


def _opset(opsets: list[Message]) -> int:
    if [opset.text(1) for opset in opsets] not in ([""], ["ai.onnx"]):
        raise UnsupportedError("graph: needs operators outside the default domain")
    if opsets[0].integer(2) not in OPSETS:
        raise UnsupportedError(f"graph: operator set {opsets[0].integer(2)} is not supported")
    return opsets[0].integer(2)


def _check_names(graph: Graph) -> None:
    """Every name is defined once, and before it is used."""
    defined = set(graph.inputs) | set(graph.initialisers)
    if len(defined) < len(graph.inputs) + len(graph.initialisers):
        raise UnsupportedError("graph: an initialiser is also an input")
    for node in graph.nodes:
        _require(defined, node.inputs)
        if defined & set(node.outputs) or len(set(node.outputs)) < len(node.outputs) or "" in node.outputs:
            raise CorruptError(f"graph: an output of {node.op} has a name that is taken")
        defined |= set(node.outputs)
    _require(defined, graph.outputs)
    if not graph.outputs:
        raise CorruptError("graph: has no outputs")


def _require(defined: set[str], names: Iterable[str]) -> None:
    for name in names:
        if name not in defined:
            raise CorruptError(f"graph: {name!r} is used before it is defined")


def _input(data: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Name and shape of a float32 input."""
    info = Message(data, "input", frozenset({1, 2, 3}))
    tensor = Message(Message(info.blob(2), "type", frozenset({1, 6})).blob(1), "type", frozenset({1, 2}))
    if tensor.integer(1) != FLOAT:
        raise UnsupportedError(f"graph: input {info.text(1)!r} is not float32")
    shape = Message(tensor.blob(2), "shape", frozenset({1}))
    sides = [Message(blob, "shape", frozenset({1, 2, 3})) for blob in shape.blobs(1)]
    return info.text(1), tuple(side.integer(1) if 1 in side else None for side in sides)


def _node(data: memoryview) -> Node:
    node = Message(data, "node", NODE_FIELDS)
    op, inputs, outputs = node.text(4), node.texts(1), node.texts(2)
    if op not in OPERATORS or node.text(7) not in ("", "ai.onnx"):
        raise UnsupportedError(f"graph: operator {op!r} is not one of those that networks are made of")
    if not inputs or not outputs:
        raise CorruptError(f"graph: {op} lacks inputs or outputs")
    if len(inputs) + len(outputs) > MAX_PORTS:
        raise UnsupportedError(f"graph: {op} has more than {MAX_PORTS} inputs and outputs")
    if "" in inputs:
        raise UnsupportedError(f"graph: {op} leaves out an optional input")
    attributes = dict(_attribute(blob) for blob in node.blobs(5))
    if len(attributes) < len(node.blobs(5)):
        raise CorruptError(f"graph: {op} has two attributes of one name")
    return Node(op, inputs, outputs, attributes)


def _attribute(data: memoryview) -> tuple[str, Attribute]:
    message = Message(data, "attribute", ATTRIBUTE_FIELDS)
    readers: dict[int, Callable[[], Attribute]] = {
        1: lambda: message.float(2),
        2: lambda: message.integer(3),
        3: lambda: message.text(4),
        4: lambda: _tensor(message.blob(5))[1],
        6: lambda: message.floats(7),
        7: lambda: message.integers(8),
    }
    kind = message.integer(20)
    if kind not in readers:
        raise UnsupportedError(f"graph: attribute {message.text(1)!r} is of kind {kind}, which is not supported")
    value = readers[kind]()
    if isinstance(value, tuple) and len(value) > MAX_RANK:
        raise UnsupportedError(f"graph: attribute {message.text(1)!r} lists {len(value)} numbers")
    return message.text(1), value


def _tensor(data: memoryview) -> tuple[str, Array]:
    """Name and values of a tensor; the values are a read-only view of the bytes wherever they are raw."""
    message = Message(data, "tensor", TENSOR_FIELDS)
    name, shape, kind = message.text(8), message.integers(1), message.integer(2)
    if kind not in DTYPES:
        raise UnsupportedError(f"graph: tensor {name!r} is of type {kind}, which is not supported")
    values = _values(message, kind)
    if len(shape) > MAX_RANK or any(side < 0 for side in shape) or math.prod(shape) != values.size:
        raise CorruptError(f"graph: tensor {name!r} has {values.size} values, not those of its shape")
    return name, values.reshape(shape)


def _values(message: Message, kind: int) -> Array:
    dtype = np.dtype(DTYPES[kind])
    if 9 in message:
        raw = message.blob(9)
        if len(raw) % dtype.itemsize or any(field in message for field in (4, 5, 7)):
            raise CorruptError("graph: a tensor's values are malformed")
        return np.frombuffer(raw, dtype)
    if kind == FLOAT:
        return np.array(message.floats(4), dtype)
    numbers = np.array(message.integers(7 if kind == INT64 else 5), np.int64)
    stored = np.dtype("<u2") if kind == FLOAT16 else dtype
    if (numbers != numbers.astype(stored)).any():
        raise CorruptError("graph: a tensor's values are out of range")
    return numbers.astype(stored).view(dtype)
