"""Products of matrices on as many threads as the caller allows; numpy's BLAS takes every core, whatever it is told."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import Graph, Node
from vaecompress.networks.onnx_network import OnnxNetwork

Array = npt.NDArray[Any]
Product = Callable[[Array, Array], Array]

FREE: tuple[int | None, ...] = (None, None)
PRODUCT = Graph(("a", "b"), ("c",), (Node("MatMul", ("a", "b"), ("c",), {}),), {}, {"a": FREE, "b": FREE}, opset=13)


@lru_cache(maxsize=8)
def matrix_product(threads: int | None = None) -> Product:
    """A function of float32 [m, k] and [k, n] that returns their product [m, n], on ``threads`` threads (all cores)."""
    network = OnnxNetwork(serialise(PRODUCT), threads, optimise=False)
    return lambda a, b: np.asarray(network.run({"a": a, "b": b})[0])
