"""Runs the networks of a model file: under onnxruntime, OpenVINO, or the plain int64 reference."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from vaecompress.errors import UsageError
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.openvino_engine import AutomaticNetwork, OpenVinoNetwork

Array = npt.NDArray[Any]
AUTO = "auto"
"""onnxruntime, and OpenVINO where it is installed and repays its start."""

ENGINES = (AUTO, "onnxruntime", "openvino", "reference")


class Network(Protocol):
    """One graph: named float32 inputs [1, C, H, W] to its outputs in order."""

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        ...


def network(graph: bytes, engine: str = "onnxruntime", threads: int | None = None, optimise: bool = True) -> Network:
    """Prepare a graph for ``engine``.

    Raises UsageError for an unknown engine, CorruptError for a bad graph, UnsupportedError for an engine that is not
    installed.
    """
    if engine == AUTO:
        return AutomaticNetwork(graph, threads)
    if engine == "onnxruntime":
        return OnnxNetwork(graph, threads, optimise)
    if engine == "openvino":
        return OpenVinoNetwork(graph, threads)
    if engine == "reference":
        from vaecompress.networks.integer_engine import ReferenceNetwork

        return ReferenceNetwork(graph)
    raise UsageError(f"no engine '{engine}'; there are {', '.join(ENGINES)}")
