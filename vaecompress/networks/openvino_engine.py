"""Runs the networks of a decoder under OpenVINO, which fuses more of their steps than onnxruntime does.

It compiles a graph for inputs of one size at a time, which takes tenths of a second. Sums stay in float32, where the
integers of a decoder are exact, so the pixels are the same.
"""

import sys
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.onnx_network import OnnxNetwork

Array = npt.NDArray[Any]
Shapes = tuple[tuple[str, tuple[int, ...]], ...]

KEPT_SIZES = 9
"""Sizes a graph stays compiled for: the tiles of a large picture have so many, with its edges and corners."""

REPAID_SECONDS = 4.0
"""Time that onnxruntime spent on inputs of one size, after which many more of them are expected: a batch, a video, no
single picture. Compiling takes up to a second and much memory, and saves a third of the time."""

WATCHED_SIZES = 1000
"""Sizes whose time is added up at once."""

TELEMETRY = "openvino_telemetry"

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}

_STARTING = Lock()
"""Two networks are prepared at once: the second waits for OpenVINO to be there."""


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


@cache
def _core() -> Any:
    """OpenVINO, one for the process and until its end.

    It gives the thread that it starts in a stack for signals, which goes with it: the next signal would end the process
    where another thread let it go. Raises UnsupportedError where OpenVINO is not installed.
    """
    try:
        with _without_telemetry():
            import openvino
    except ImportError:
        raise UnsupportedError("this needs OpenVINO: pip install 'vaecompress[fast]'") from None
    return openvino.Core()


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """No report of being imported goes out of OpenVINO, which forks this process to send it."""
    kept = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # what cannot be imported
    try:
        yield
    finally:
        if kept is None:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = kept


class OpenVinoNetwork:
    """A graph under OpenVINO on the CPU, compiled for each size of inputs when it first comes."""

    def __init__(self, graph: bytes, threads: int | None = None) -> None:
        """Raises UnsupportedError where OpenVINO is not installed, CorruptError where it refuses the graph."""
        with _STARTING:
            self._core = _core()
        self._settings = SETTINGS | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
        self._graph = serialise(in_fewer_passes(parse(graph)))
        self._compiled: OrderedDict[Shapes, Any] = OrderedDict()
        self._lock = Lock()

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph. Safe to call from several threads."""
        feeds = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
        compiled = self._compiled_for(shapes_of(feeds))
        request = compiled.create_infer_request()
        results = request.infer(feeds)
        return [np.array(results[place]) for place in range(len(results))]

    def _compiled_for(self, shapes: Shapes) -> Any:
        with self._lock:
            if shapes not in self._compiled:
                self._compiled[shapes] = self._compile(shapes)
            self._compiled.move_to_end(shapes)
            while len(self._compiled) > KEPT_SIZES:
                self._compiled.popitem(last=False)
            return self._compiled[shapes]

    def _compile(self, shapes: Shapes) -> Any:
        try:
            model = self._core.read_model(self._graph)
            model.reshape({name: list(shape) for name, shape in shapes})
            return self._core.compile_model(model, "CPU", self._settings)
        except RuntimeError as error:
            raise CorruptError("model file: OpenVINO refuses one of its graphs") from error


class AutomaticNetwork:
    """A graph under onnxruntime; inputs of one size, the first that comes again and again, go over to OpenVINO."""

    def __init__(self, graph: bytes, threads: int | None = None) -> None:
        self._usual = OnnxNetwork(graph, threads)
        self._graph, self._threads = graph, threads
        self._fast: OpenVinoNetwork | None = None
        self._spent: defaultdict[Shapes, float] = defaultdict(float)
        self._proven: Shapes | None = None
        self._trusted = has_openvino()
        self._once = Lock()

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Evaluate the graph. Safe to call from several threads."""
        shapes = shapes_of(inputs)
        if self._fast is not None and shapes == self._proven and self._trusted:
            return self._fast.run(inputs)
        start = perf_counter()
        results = self._usual.run(inputs)
        if self._trusted and self._proven is None:
            self._spent[shapes] += perf_counter() - start
            if self._spent[shapes] > REPAID_SECONDS and self._once.acquire(blocking=False):
                self._prove(shapes, inputs, results)
            elif len(self._spent) > WATCHED_SIZES:
                self._spent.clear()
        return results

    def _prove(self, shapes: Shapes, inputs: Mapping[str, Array], results: list[Array]) -> None:
        """Compile for a size. An OpenVINO that fails here, or gives another value, is not asked again."""
        try:
            fast = OpenVinoNetwork(self._graph, self._threads)
            found = fast.run(inputs)
        except Exception:  # whatever goes wrong in it: onnxruntime has done the work
            self._trusted = False
            return
        self._trusted = all(map(np.array_equal, found, results))
        self._fast, self._proven = fast, shapes


def shapes_of(inputs: Mapping[str, Array]) -> Shapes:
    """The shapes of inputs by their names."""
    return tuple((name, value.shape) for name, value in inputs.items())
