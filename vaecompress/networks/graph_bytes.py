"""Writes a graph as ONNX (onnx.proto3), without the onnx package: what an engine is given."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.onnx_graph import DTYPES, FLOAT, Attribute, Graph, Node
from vaecompress.networks.protobuf import blob_field, fixed32_field, number_field

Array = npt.NDArray[Any]

IR_VERSION = 9
KINDS = {np.dtype(name): kind for kind, name in DTYPES.items()}
FLOAT_KIND, INTEGER_KIND, TEXT_KIND, TENSOR_KIND, FLOATS_KIND, INTEGERS_KIND = 1, 2, 3, 4, 6, 7


def serialise(graph: Graph) -> bytes:
    """ModelProto of a graph whose inputs are float32; its outputs are of the types that the engine infers."""
    fields = [blob_field(1, _node(node)) for node in graph.nodes]
    fields += [blob_field(5, _tensor(name, value)) for name, value in graph.initialisers.items()]
    fields += [blob_field(11, _input(name, shape)) for name, shape in graph.input_shapes.items()]
    fields += [blob_field(12, _text(1, name)) for name in graph.outputs]
    body = b"".join((_text(2, "network"), *fields))
    return number_field(1, IR_VERSION) + blob_field(8, number_field(2, graph.opset)) + blob_field(7, body)


def _node(node: Node) -> bytes:
    """NodeProto, named after its first output. (Of nodes without names, onnxruntime 1.20 makes up equal ones.)"""
    names = [_text(1, name) for name in node.inputs] + [_text(2, name) for name in node.outputs]
    attributes = [blob_field(5, _text(1, name) + _attribute(value)) for name, value in node.attributes.items()]
    return b"".join((*names, _text(3, node.outputs[0]), _text(4, node.op), *attributes))


def _attribute(value: Attribute) -> bytes:
    """The value of an AttributeProto, and its kind."""
    if isinstance(value, float):
        return _float(2, value) + number_field(20, FLOAT_KIND)
    if isinstance(value, int):
        return number_field(3, value) + number_field(20, INTEGER_KIND)
    if isinstance(value, str):
        return _text(4, value) + number_field(20, TEXT_KIND)
    if isinstance(value, np.ndarray):
        return blob_field(5, _tensor("", value)) + number_field(20, TENSOR_KIND)
    if any(isinstance(number, float) for number in value):
        return b"".join(_float(7, number) for number in value) + number_field(20, FLOATS_KIND)
    return b"".join(number_field(8, int(number)) for number in value) + number_field(20, INTEGERS_KIND)


def _tensor(name: str, value: Array) -> bytes:
    """TensorProto with raw values."""
    shape = [number_field(1, side) for side in value.shape]
    fields = (number_field(2, KINDS[value.dtype]), _text(8, name), blob_field(9, value.tobytes()))
    return b"".join((*shape, *fields))


def _input(name: str, shape: tuple[int | None, ...]) -> bytes:
    """ValueInfoProto; a free side says nothing."""
    sides = [blob_field(1, b"" if side is None else number_field(1, side)) for side in shape]
    return _text(1, name) + blob_field(2, blob_field(1, number_field(1, FLOAT) + blob_field(2, b"".join(sides))))


def _text(number: int, text: str) -> bytes:
    return blob_field(number, text.encode())


def _float(number: int, value: float) -> bytes:
    return fixed32_field(number, np.float32(value).tobytes())
