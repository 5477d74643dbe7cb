"""Graphs without rounding: about the same values from fewer operators, eight-bit levels in one of them."""

import numpy as np
import pytest

from vaecompress.models import registry
from vaecompress.models.loaded import ROUGH_SYNTHESIS
from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.without_rounding import without_rounding

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

import onnx
from onnx_graphs import Builder, gated_network


def operators(data):
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def test_a_whole_network():
    before = gated_network(np.random.default_rng(0))
    after = operators(serialise(in_fewer_passes(parse(without_rounding(before)))))
    lean = operators(serialise(in_fewer_passes(parse(before))))
    assert "Round" in lean
    assert "Round" not in after
    assert after.count("QuantizeLinear") == 1
    assert all(after[place - 1] == "Conv" for place, name in enumerate(after) if name == "Clip")


def test_levels_of_a_model_differ_by_one_at_most(tiny_model_path):
    model, rng = registry.load(tiny_model_path, threads=1), np.random.default_rng(0)
    inputs = {
        "y": rng.integers(-24, 25, (1, model.shape.latent_channels, 5, 7)).astype(np.float32),
        "latent_gain": model.gain("decoder_latent", 60),
        "feature_gain": model.gain("synthesis_feature", 60),
    }
    (exact,), (rough,) = (one.run(inputs) for one in (model.network("synthesis"), model.network(ROUGH_SYNTHESIS)))
    difference = np.abs(exact.astype(int) - rough)
    assert difference.max() == 1
    assert difference.mean() < 0.25


def test_a_number_goes_into_the_kernel_that_follows():
    b = Builder()
    x = b.node("Mul", b.input("x", 1, "h", "w"), b.constant(0.25))
    data = b.model(b.node("Conv", b.node("Round", x), b.constant(np.full((1, 1, 1, 1), 8.0)), b.constant([0.0])))
    found = without_rounding(data)
    assert operators(found) == ["Conv"]
    np.testing.assert_array_equal(OnnxNetwork(found, 1).run({"x": np.full((1, 1, 1, 1), 3.0, np.float32)})[0], 6.0)
