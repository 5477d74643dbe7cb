"""Runs a decoder-side graph in integers: the independent check of what onnxruntime computes in float32.

Every value is an integer times a power of two and every operation is exact or refused, so equal results from another
engine mean that it, too, rounded nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError
from vaecompress.networks import dyadic
from vaecompress.networks.dyadic import Dyadic
from vaecompress.networks.onnx_graph import Node, parse
from vaecompress.networks.operators import blaming, evaluate, fold

Array = npt.NDArray[Any]


class ReferenceNetwork:
    """A decoder-side graph under plain numpy.

    Raises CorruptError for a malformed graph, UnsupportedError for one of another form.
    """

    def __init__(self, graph: bytes) -> None:
        self._graph = parse(graph)
        self._constants, self._nodes = fold(self._graph)
        self._last_uses = _last_uses(self._nodes)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph: named float32 inputs [1, C, H, W] to its outputs in order, float32 or uint8.

        Raises CorruptError naming the layer where a sum could reach 2**24 with these inputs, so that float32 might
        round it, or where any other step is not exact.
        """
        values = dict(self._constants)
        for name in self._graph.inputs:
            if name not in inputs:
                raise CorruptError(f"graph: input {name} is missing")
            with _naming(f"input {name}"):
                values[name] = dyadic.from_array(np.asarray(inputs[name], np.float32))
        for node, finished in zip(self._nodes, self._last_uses, strict=True):
            with blaming(self._graph, node):
                outputs = evaluate(node, [values[name] for name in node.inputs])
            values.update(zip(node.outputs, outputs, strict=True))
            for name in finished - set(self._graph.outputs):
                del values[name]
        return [self._output(name, values[name]) for name in self._graph.outputs]

    def _output(self, name: str, value: Dyadic) -> Array:
        with _naming(f"output {name}"):
            return value.to_array()


@contextmanager
def _naming(what: str) -> Iterator[None]:
    try:
        yield
    except CorruptError as error:
        raise CorruptError(f"graph: {what} {error}") from error


def _last_uses(nodes: tuple[Node, ...]) -> list[set[str]]:
    """For each node the names that no later one reads."""
    uses: list[set[str]] = []
    later: set[str] = set()
    for node in reversed(nodes):
        names = {*node.inputs, *node.outputs}
        uses.append(names - later)
        later |= names
    return uses[::-1]
