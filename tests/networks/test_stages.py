"""Graphs in stages: small tiles, and several at once, give what the whole graph gives."""

import numpy as np
import pytest

from vaecompress.models import file as model_file
from vaecompress.networks import staged_run
from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.stages import stages

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

from onnx_graphs import Builder, gated_network, random_layer


def two_branches(rng, channels=8):
    """Depthwise layers at two sizes, one of them on an input, and a branch around both."""
    b = Builder()
    x, y = b.input("x", channels, "h", "w"), b.input("y", channels, "h", "w")
    seen = b.layer(x, "first", *random_layer(rng, channels, 0, 2047), limit=2047)
    mixed = b.layer(b.node("Add", seen, x), "mix", *random_layer(rng, 4 * channels, channels, 4094), limit=2047)
    fine = b.node("DepthToSpace", mixed, blocksize=2, mode="DCR")
    seen = b.layer(fine, "second", *random_layer(rng, channels, 0, 2047), limit=2047)
    coarse = b.node("SpaceToDepth", b.node("Add", seen, fine), blocksize=2)
    other = b.layer(y, "around", *random_layer(rng, 4 * channels, channels, 2047), limit=2047)
    return b.model(b.node("Add", coarse, other), seen)


def staged(data):
    return stages(in_fewer_passes(parse(data)))


def whole(rng, *shape, limit=255):
    return rng.integers(-limit, limit + 1, (1, *shape)).astype(np.float32)


def assert_tiles_change_nothing(data, inputs, monkeypatch, expected):
    for values, threads in ((1, 1), (500, 1), (500, 2), (1 << 30, 2)):
        monkeypatch.setattr(staged_run, "TILE_VALUES", values)
        monkeypatch.setattr(staged_run, "SHARED_VALUES", 0)
        for found, right in zip(OnnxNetwork(data, threads).run(inputs), expected, strict=True):
            assert found.dtype == right.dtype
            np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (6, 10)])
def test_branches_and_sizes(size, monkeypatch):
    rng = np.random.default_rng(0)
    data, inputs = two_branches(rng), {"x": whole(rng, 8, *size), "y": whole(rng, 8, *size)}
    assert len(staged(data)) == 2
    assert_tiles_change_nothing(data, inputs, monkeypatch, ReferenceNetwork(data).run(inputs))


def test_gains_channels_moved_and_bytes(monkeypatch):
    rng = np.random.default_rng(1)
    gain = (rng.integers(1024, 2048, (1, 12, 1, 1)) * 2.0**-10).astype(np.float32)
    data, inputs = gated_network(rng), {"y": whole(rng, 12, 5, 9), "gain": gain}
    assert_tiles_change_nothing(data, inputs, monkeypatch, ReferenceNetwork(data).run(inputs))


def test_every_network_of_a_model(tiny_model_path, monkeypatch):
    rng = np.random.default_rng(2)
    for name, data in model_file.load(tiny_model_path).networks.items():
        graph = parse(data)
        assert staged(data), name
        unit = 64 if name == "analysis" else 4
        inputs = {
            key: whole(rng, shape[1], *((1, 1) if shape[2:] == (1, 1) else (2 * unit, 3 * unit)), limit=90)
            for key, shape in graph.input_shapes.items()
        }
        if "analysis" in name:
            monkeypatch.setattr(staged_run, "TILE_VALUES", 2000)
            for found, right in zip(
                OnnxNetwork(data, 1).run(inputs), OnnxNetwork(data, 1, False).run(inputs), strict=True
            ):
                np.testing.assert_allclose(found, right, rtol=1e-3, atol=1e-3 * np.abs(right).max())
        else:
            assert_tiles_change_nothing(data, inputs, monkeypatch, OnnxNetwork(data, 1, False).run(inputs))


def of_another_form(form):
    b = Builder()
    x = b.input("x", 4, "h", "w")
    if form == "moved twice":
        moved = b.node("Transpose", x, perm=[0, 2, 3, 1])
        return b.model(b.node("Transpose", moved, perm=[0, 3, 1, 2]))
    if form == "two sizes":
        return b.model(b.node("Add", x, b.node("DepthToSpace", x, blocksize=1, mode="DCR")), x)
    return b.model(b.node("Abs", b.input("gain", 4, 1, 1)), b.node("Abs", x))


@pytest.mark.parametrize("form", ["moved twice", "two sizes", "a gain alone"])
def test_other_graphs_run_as_a_whole(form):
    data = of_another_form(form)
    assert staged(data) == []
    inputs = {"x": whole(np.random.default_rng(3), 4, 3, 5), "gain": np.full((1, 4, 1, 1), -2, np.float32)}
    inputs = {name: inputs[name] for name in parse(data).inputs}
    for found, right in zip(OnnxNetwork(data, 1).run(inputs), OnnxNetwork(data, 1, False).run(inputs), strict=True):
        np.testing.assert_array_equal(found, right)


def test_graphs_are_written_as_they_were_read():
    graph = parse(gated_network(np.random.default_rng(4)))
    again = parse(serialise(graph))
    assert (again.inputs, again.outputs, again.input_shapes, again.opset) == (
        graph.inputs,
        graph.outputs,
        graph.input_shapes,
        graph.opset,
    )
    for node, other in zip(graph.nodes, again.nodes, strict=True):
        assert (node.op, node.inputs, node.outputs) == (other.op, other.inputs, other.outputs)
        assert node.attributes == other.attributes
    assert graph.initialisers.keys() == again.initialisers.keys()
    for name, value in graph.initialisers.items():
        assert value.dtype == again.initialisers[name].dtype
        np.testing.assert_array_equal(value, again.initialisers[name])
