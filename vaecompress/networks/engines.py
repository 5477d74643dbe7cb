"""Runs the networks of a model file: onnxruntime, or the plain int64 reference."""

import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, UsageError
from vaecompress.networks.fewer_passes import in_fewer_passes

Array = npt.NDArray[Any]
ENGINES = ("onnxruntime", "reference")


class Network(Protocol):
    """One graph: named float32 inputs [1, C, H, W] to its outputs in order."""

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        ...


class OnnxNetwork:
    """A graph under onnxruntime, float32 on the CPU.

    The arithmetic of a decoder-side graph is exact, so threads, instruction sets and graph optimisation change nothing.
    With ``optimise`` the graph is rewritten first, in fewer passes over memory.
    """

    def __init__(self, graph: bytes, threads: int | None = None, optimise: bool = True) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = min(threads or 0, os.cpu_count() or 1)  # more only wait for each other
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads == 1 else "0")
        level = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
        graph = in_fewer_passes(graph) if optimise else graph
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise CorruptError("model file: onnxruntime refuses one of its graphs") from error

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        return list(self._session.run(None, {name: np.ascontiguousarray(value) for name, value in inputs.items()}))


def network(graph: bytes, engine: str = "onnxruntime", threads: int | None = None, optimise: bool = True) -> Network:
    """Prepare a graph for ``engine``. Raises UsageError for an unknown engine, CorruptError for a bad graph."""
    if engine == "onnxruntime":
        return OnnxNetwork(graph, threads, optimise)
    if engine == "reference":
        from vaecompress.networks.integer_engine import ReferenceNetwork

        return ReferenceNetwork(graph)
    raise UsageError(f"no engine '{engine}'; there are {', '.join(ENGINES)}")
