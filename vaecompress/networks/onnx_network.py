"""Runs a network under onnxruntime."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError
from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.staged_run import Layout, StagedRun
from vaecompress.networks.stages import stages

Array = npt.NDArray[Any]
KEPT_LAYOUTS = 16


class OnnxNetwork:
    """A graph under onnxruntime, float32 on the CPU.

    The arithmetic of a decoder-side graph is exact, so threads, instruction sets, tiles and graph optimisation change
    nothing. With ``optimise`` the graph is rewritten in fewer passes over memory, and runs in tiles that fit a cache.
    """

    def __init__(self, graph: bytes, threads: int | None = None, optimise: bool = True) -> None:
        cores = os.cpu_count() or 1
        self._threads = min(threads or cores, cores)  # more only wait for each other
        whole = in_fewer_passes(parse(graph)) if optimise else None
        self._stages = stages(whole) if whole else []
        self._outputs = whole.outputs if whole else ()
        graphs = [serialise(stage.graph) for stage in self._stages] or [serialise(whole) if whole else graph]
        threads_each = 1 if self._stages else self._threads
        self._sessions = [_session(data, threads_each, optimise) for data in graphs]
        self._layouts: dict[Any, Layout] = {}

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph."""
        feeds = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
        if self._stages:
            return StagedRun(self._layout(feeds), feeds, self._outputs).run(self._sessions)
        return list(self._sessions[0].run(None, feeds))

    def _layout(self, feeds: Mapping[str, Array]) -> Layout:
        """The layout for inputs of these shapes; the latest ones are kept."""
        shapes = {name: value.shape for name, value in feeds.items()}
        key = tuple(shapes.items())
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= KEPT_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = layout = Layout(self._stages, shapes, self._threads)
        return layout


def _session(graph: bytes, threads: int, optimise: bool) -> Any:
    """Raises CorruptError where onnxruntime refuses the graph."""
    import onnxruntime

    options = session_options(threads, optimise)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CorruptError("model file: onnxruntime refuses one of its graphs") from error


def session_options(threads: int, optimise: bool = True) -> Any:
    """How onnxruntime runs a graph on ``threads`` threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the largest tile took, for each stage
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads == 1 else "0")
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
    return options
