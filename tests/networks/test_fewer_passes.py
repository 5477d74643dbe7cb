"""Rewritten graphs: the same values from fewer operators, and nothing rewritten whose values could differ."""

from itertools import pairwise

import numpy as np
import pytest

from vaecompress.networks.fewer_passes import in_fewer_passes
from vaecompress.networks.graph_bytes import serialise
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.onnx_network import OnnxNetwork

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

import onnx
from onnx import TensorProto
from onnx_graphs import Builder, gated_network, random_layer

HALVES = np.arange(-40, 41, dtype=np.float32).reshape(1, 1, 9, 9) / 2


def operators(data):
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def rewritten(data):
    """The operators of the rewritten graph."""
    return operators(serialise(in_fewer_passes(parse(data))))


def assert_same(data, x):
    (expected,), (found,) = (OnnxNetwork(data, 1, optimise).run({"x": x}) for optimise in (False, True))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    return found


def rounded_and_clipped(low, high):
    b = Builder()
    return b.model(b.clip(b.node("Round", b.input("x", 1, "h", "w")), low, high))


def test_a_whole_network():
    data = gated_network(np.random.default_rng(0))
    before, after = operators(data), rewritten(data)
    assert "Cast" not in after
    assert after.count("QuantizeLinear") == 1
    assert not [pair for pair in pairwise(after) if pair == ("Round", "Clip")]
    assert len(after) < 0.8 * len(before)


@pytest.mark.parametrize("bounds", [(-3.0, 3.0), (0.0, 17.0), (-7.0, -2.0)])
def test_clipping_to_whole_numbers_comes_first(bounds):
    data = rounded_and_clipped(*bounds)
    assert rewritten(data) == ["Clip", "Round"]
    found = assert_same(data, HALVES)
    assert (found.min(), found.max()) == bounds


@pytest.mark.parametrize("bounds", [(-2.5, 3.0), (0.0, 3.5), (-np.inf, 3.0)])
def test_other_bounds_stay_where_they_are(bounds):
    data = rounded_and_clipped(*bounds)
    assert rewritten(data) == ["Round", "Clip"]
    assert_same(data, HALVES)


def test_a_rounded_value_that_is_read_twice_stays():
    b = Builder()
    whole = b.node("Round", b.input("x", 1, "h", "w"))
    data = b.model(b.node("Add", b.clip(whole, -3, 3), whole))
    assert rewritten(data) == operators(data)
    assert_same(data, HALVES)


def test_kernels_are_scaled_once():
    b, (kernel, scale, bias) = Builder(), random_layer(np.random.default_rng(1), 5, 7, 2047)
    data = b.model(b.convolution(b.input("x", 7, "h", "w"), "layer", kernel, scale, bias))
    assert rewritten(data) == ["Conv"]
    held = in_fewer_passes(parse(data)).initialisers
    assert len(held) == 2
    (weights,) = (value for name, value in held.items() if name != "layer/bias")
    np.testing.assert_array_equal(weights, kernel * scale[:, None, None, None])


def levels(factor=2.0**-6, zero=128.0, low=0.0, high=255.0, kind=TensorProto.UINT8):
    b = Builder()
    whole = b.node("Round", b.node("Mul", b.input("x", 1, "h", "w"), b.constant(factor)))
    value = b.clip(b.node("Add", whole, b.constant(zero)), low, high)
    return b.model(b.node("Cast", value, to=kind), kind=kind)


@pytest.mark.parametrize(("factor", "zero"), [(2.0**-6, 128.0), (2.0**-1, 0.0), (4.0, 255.0)])
def test_eight_bit_levels_are_one_operator(factor, zero):
    data = levels(factor, zero)
    assert rewritten(data) == ["QuantizeLinear"]
    found = assert_same(data, np.arange(-(1 << 15), 1 << 15, dtype=np.float32).reshape(1, 1, 256, 256))
    assert np.ptp(found) > 100 or zero != 128


@pytest.mark.parametrize(
    "other",
    [{"factor": 0.3}, {"factor": -0.5}, {"zero": 256.0}, {"zero": 0.5}, {"high": 254.0}, {"kind": TensorProto.FLOAT}],
)
def test_other_levels_stay(other):
    data = levels(**other)
    assert "QuantizeLinear" not in rewritten(data)
    assert_same(data, np.arange(-400, 400, dtype=np.float32).reshape(1, 1, 20, 40))
