"""Products of matrices on as many threads as the caller allows; numpy's BLAS takes every core, whatever it is told."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.engines import OnnxNetwork
from vaecompress.networks.onnx_graph import FLOAT

Array = npt.NDArray[Any]
Product = Callable[[Array, Array], Array]

IR_VERSION, OPSET = 8, 13
_BLOB = 2


@lru_cache(maxsize=8)
def matrix_product(threads: int | None = None) -> Product:
    """A function of float32 [m, k] and [k, n] that returns their product [m, n], on ``threads`` threads (all cores)."""
    network = OnnxNetwork(_graph(), threads)
    return lambda a, b: np.asarray(network.run({"a": a, "b": b})[0])


def _graph() -> bytes:
    """An ONNX model of one ``MatMul`` (onnx.proto3: ModelProto, GraphProto, NodeProto, ValueInfoProto)."""
    node = _blob(1, b"a") + _blob(1, b"b") + _blob(2, b"c") + _blob(4, b"MatMul")
    inputs = _blob(11, _matrix(b"a", b"m", b"k")) + _blob(11, _matrix(b"b", b"k", b"n"))
    graph = _blob(1, node) + _blob(2, b"matrix_product") + inputs + _blob(12, _matrix(b"c", b"m", b"n"))
    return _number(1, IR_VERSION) + _blob(8, _number(2, OPSET)) + _blob(7, graph)


def _matrix(name: bytes, *sides: bytes) -> bytes:
    """A float32 matrix called ``name`` whose sides are free."""
    shape = b"".join(_blob(1, _blob(2, side)) for side in sides)
    return _blob(1, name) + _blob(2, _blob(1, _number(1, FLOAT) + _blob(2, shape)))


def _blob(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | _BLOB]) + _varint(len(body)) + body


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])
