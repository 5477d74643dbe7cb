"""Products of matrices on as many threads as the caller allows; numpy's BLAS takes every core, whatever it is told."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.engines import OnnxNetwork
from vaecompress.networks.onnx_graph import FLOAT
from vaecompress.networks.protobuf import blob_field, number_field

Array = npt.NDArray[Any]
Product = Callable[[Array, Array], Array]

IR_VERSION, OPSET = 8, 13


@lru_cache(maxsize=8)
def matrix_product(threads: int | None = None) -> Product:
    """A function of float32 [m, k] and [k, n] that returns their product [m, n], on ``threads`` threads (all cores)."""
    network = OnnxNetwork(_graph(), threads, optimise=False)
    return lambda a, b: np.asarray(network.run({"a": a, "b": b})[0])


def _graph() -> bytes:
    """An ONNX model of one ``MatMul`` (onnx.proto3: ModelProto, GraphProto, NodeProto, ValueInfoProto)."""
    node = blob_field(1, b"a") + blob_field(1, b"b") + blob_field(2, b"c") + blob_field(4, b"MatMul")
    inputs = blob_field(11, _matrix(b"a", b"m", b"k")) + blob_field(11, _matrix(b"b", b"k", b"n"))
    outputs = blob_field(12, _matrix(b"c", b"m", b"n"))
    graph = blob_field(1, node) + blob_field(2, b"matrix_product") + inputs + outputs
    return number_field(1, IR_VERSION) + blob_field(8, number_field(2, OPSET)) + blob_field(7, graph)


def _matrix(name: bytes, *sides: bytes) -> bytes:
    """A float32 matrix called ``name`` whose sides are free."""
    shape = b"".join(blob_field(1, blob_field(2, side)) for side in sides)
    return blob_field(1, name) + blob_field(2, blob_field(1, number_field(1, FLOAT) + blob_field(2, shape)))
