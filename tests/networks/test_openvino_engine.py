"""OpenVINO: the same values, taken up where it repays its start, and given up where it is not to be trusted."""

import subprocess
import sys

import numpy as np
import pytest

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks import openvino_engine
from vaecompress.networks.engines import network
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.openvino_engine import KEPT_SIZES, AutomaticNetwork, OpenVinoNetwork, has_openvino

if not has_openvino():
    pytest.skip("OpenVINO is not installed", allow_module_level=True)
pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

from onnx_graphs import gated_network


def inputs(height=5, width=9, channels=12):
    rng = np.random.default_rng(0)
    gain = (rng.integers(1024, 2048, (1, channels, 1, 1)) * 2.0**-10).astype(np.float32)
    return {"y": rng.integers(-255, 256, (1, channels, height, width)).astype(np.float32), "gain": gain}


@pytest.fixture(scope="module")
def graph():
    return gated_network(np.random.default_rng(1))


@pytest.fixture
def at_once(monkeypatch):
    """The start counts as repaid from the first run on."""
    monkeypatch.setattr(openvino_engine, "REPAID_SECONDS", 0.0)


def assert_right(graph, prepared, given):
    for found, right in zip(prepared.run(given), ReferenceNetwork(graph).run(given), strict=True):
        assert found.dtype == right.dtype
        np.testing.assert_array_equal(found, right)


def test_sizes_come_and_go(graph):
    prepared = OpenVinoNetwork(graph, 1)
    for width in [*range(1, KEPT_SIZES + 3), 1]:
        assert_right(graph, prepared, inputs(3, width))
    assert len(prepared._compiled) == KEPT_SIZES


def test_what_it_gives_stays_as_it_was(graph):
    prepared = OpenVinoNetwork(graph, 1)
    first = prepared.run(inputs())
    kept = [value.copy() for value in first]
    given = inputs()
    prepared.run({**given, "y": -given["y"]})
    for value, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(value, before)


def test_a_size_that_comes_again_goes_over(graph, at_once, monkeypatch):
    prepared = AutomaticNetwork(graph, 1)
    assert_right(graph, prepared, inputs())
    monkeypatch.setattr(prepared, "_usual", None)
    assert_right(graph, prepared, inputs())
    with pytest.raises(AttributeError):  # another size begins with onnxruntime
        prepared.run(inputs(7, 7))


def test_a_size_that_comes_once_does_not(graph):
    prepared = AutomaticNetwork(graph, 1)
    assert_right(graph, prepared, inputs())
    assert prepared._fast is None


def wrong(self, given):
    return [value + 1 for value in ReferenceNetwork(self.source).run(given)]


def missing(self, given):
    raise RuntimeError("no such instruction")


@pytest.mark.parametrize("fault", [wrong, missing])
def test_one_that_fails_or_errs_is_not_asked_again(graph, at_once, monkeypatch, fault):
    monkeypatch.setattr(OpenVinoNetwork, "source", graph, raising=False)
    monkeypatch.setattr(OpenVinoNetwork, "run", fault)
    prepared = AutomaticNetwork(graph, 1)
    for _ in range(3):
        assert_right(graph, prepared, inputs())


def test_where_it_is_not_installed(graph, monkeypatch, at_once):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(openvino_engine, "_core", openvino_engine._core.__wrapped__)
    with pytest.raises(UnsupportedError, match="pip install"):
        network(graph, "openvino")
    assert_right(graph, network(graph, "auto", 1), inputs())


def test_inputs_that_do_not_fit(graph):
    with pytest.raises(CorruptError):
        OpenVinoNetwork(graph, 1).run(inputs(channels=5))


GOES_IN_A_THREAD = """
import signal, sys, threading
import numpy as np
from vaecompress.networks.openvino_engine import OpenVinoNetwork

signal.signal(signal.SIGTERM, lambda *_: print("heard"))
held = [OpenVinoNetwork(sys.stdin.buffer.read(), 1)]
held[0].run({"y": np.zeros((1, 12, 5, 9), np.float32), "gain": np.ones((1, 12, 1, 1), np.float32)})
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
signal.raise_signal(signal.SIGTERM)
print("openvino" in sys.modules, "openvino_telemetry" in sys.modules)
"""


def test_signals_are_heard_after_it_and_nothing_reports_its_import(graph):
    words = [sys.executable, "-X", "faulthandler", "-c", GOES_IN_A_THREAD]
    process = subprocess.run(words, input=graph, capture_output=True, check=False, timeout=120)
    assert (process.returncode, process.stdout.split()) == (0, [b"heard", b"True", b"False"]), process.stderr
