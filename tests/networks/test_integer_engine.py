"""Plain integers against onnxruntime: the same bits, or a refusal that names the layer."""

import numpy as np
import pytest

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_network import OnnxNetwork

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

from onnx import TensorProto
from onnx_graphs import Builder, gated_network, random_layer

SETTINGS = [(1, False), (1, True), (2, False), (2, True)]


def whole(rng, *shape, limit=255):
    return rng.integers(-limit, limit + 1, (1, *shape)).astype(np.float32)


def assert_engines_agree(graph, inputs):
    """The reference's outputs, once onnxruntime gave the same with every number of threads and optimisation."""
    expected = ReferenceNetwork(graph).run(inputs)
    for threads, optimise in SETTINGS:
        found = OnnxNetwork(graph, threads, optimise).run(inputs)
        for left, right in zip(found, expected, strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
    return expected


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (19, 33)])
@pytest.mark.parametrize("seed", range(3))
def test_a_whole_network_has_the_same_bits(size, seed):
    rng = np.random.default_rng(seed)
    gain = rng.integers(1024, 2048, (1, 12, 1, 1)) * 2.0 ** rng.integers(-12, -7, (1, 12, 1, 1))
    inputs = {"y": whole(rng, 12, *size), "gain": gain.astype(np.float32)}
    (levels,) = assert_engines_agree(gated_network(rng), inputs)
    assert levels.shape == (1, 2 * size[0], 2 * size[1], 3)
    assert levels.dtype == np.uint8
    assert np.ptp(levels) > 100 or levels.size < 100


def test_sums_close_to_the_bound_are_exact():
    rng = np.random.default_rng(5)
    b = Builder()
    kernel, scale, bias = random_layer(rng, 16, 64, 2047)
    graph = b.model(b.convolution(b.input("x", 64, "h", "w"), "wide", kernel, scale, bias))
    x = np.full((1, 64, 7, 9), 2047.0, np.float32)
    (out,) = assert_engines_agree(graph, {"x": x})
    assert np.abs(out[0, 0] / scale[0]).max() > 0.99 * 2**24


@pytest.mark.parametrize("value", [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5])
def test_ties_are_rounded_to_even(value):
    b = Builder()
    graph = b.model(b.node("Round", b.node("Mul", b.input("x", 1, 1, 1), b.constant(0.5))))
    (out,) = assert_engines_agree(graph, {"x": np.full((1, 1, 1, 1), 2 * value, np.float32)})
    assert out.item() == round(value)


@pytest.mark.parametrize("op", ["DepthToSpace", "SpaceToDepth"])
def test_blocks_move_as_in_onnx(op):
    b = Builder()
    graph = b.model(b.node(op, b.input("x", 24, 4, 6), blocksize=2))
    assert_engines_agree(graph, {"x": np.arange(24.0 * 24, dtype=np.float32).reshape(1, 24, 4, 6)})


def test_equal_split_and_half_precision_constants():
    b = Builder()
    b.node("Split", b.input("x", 6, 2, 2), axis=1, outputs=2)
    left, right = b.nodes[-1].output
    half = b.node("Cast", b.constant([[[[0.375]]]], dtype=np.float16), to=TensorProto.FLOAT)
    graph = b.model(b.node("Add", b.node("Mul", left, half), right))
    assert_engines_agree(graph, {"x": whole(np.random.default_rng(0), 6, 2, 2)})


def test_a_graph_of_constants():
    b = Builder()
    b.input("x", 1, 1, 1)
    graph = b.model(b.node("Add", b.constant([[[[1.5]]]]), b.constant([[[[2.25]]]])))
    (out,) = assert_engines_agree(graph, {"x": np.zeros((1, 1, 1, 1), np.float32)})
    assert out.item() == 3.75


def test_a_sum_that_float32_could_round_is_refused_by_name():
    b = Builder()
    kernel = np.full((1, 4, 1, 1), 4095)
    graph = b.model(b.convolution(b.input("x", 4, "h", "w"), "stem", kernel, np.ones(1), np.zeros(1)))
    network = ReferenceNetwork(graph)
    network.run({"x": np.full((1, 4, 2, 2), 1023.0, np.float32)})
    with pytest.raises(CorruptError, match=r"layer stem/kernel exceeds the 2\^24 bound: 16789500"):
        network.run({"x": np.full((1, 4, 2, 2), 1025.0, np.float32)})


def test_sums_are_bounded_at_the_step_of_their_own_channel():
    b = Builder()
    kernel = np.array([[8000], [8000]]).reshape(2, 1, 1, 1)
    scale = np.array([1.0, 2.0**-30])
    graph = b.model(b.convolution(b.input("x", 1, "h", "w"), "steps", kernel, scale, np.array([1, 1])))
    assert_engines_agree(graph, {"x": np.full((1, 1, 1, 1), 2000.0, np.float32)})


def test_a_bias_finer_than_the_weights_counts_at_its_own_step():
    b = Builder()
    x = b.input("x", 1, "h", "w")
    graph = b.model(b.node("Conv", x, b.constant([[[[3.0]]]]), b.constant([2.0**-14])))
    network = ReferenceNetwork(graph)
    assert_engines_agree(graph, {"x": np.full((1, 1, 1, 1), 341.0, np.float32)})
    with pytest.raises(CorruptError, match="exceeds"):
        network.run({"x": np.full((1, 1, 1, 1), 342.0, np.float32)})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_elementwise_results_of_more_than_24_bits_are_refused(op):
    b = Builder()
    x = b.input("x", 1, 1, 1)
    network = ReferenceNetwork(b.model(b.node(op, x, b.constant([[[[-5.0]]]] if op == "Sub" else [[[[5.0]]]]))))
    with pytest.raises(CorruptError, match=r"exceeds the 2\^24 bound"):
        network.run({"x": np.full((1, 1, 1, 1), 2.0**24 - 3, np.float32)})


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0**110, 2.0**-110])
def test_inputs_out_of_range_are_refused(value):
    b = Builder()
    network = ReferenceNetwork(b.model(b.node("Round", b.input("x", 1, 1, 1))))
    with pytest.raises(CorruptError, match="input x holds values"):
        network.run({"x": np.full((1, 1, 1, 1), value, np.float32)})


def test_a_missing_input_is_named():
    b = Builder()
    network = ReferenceNetwork(b.model(b.node("Round", b.input("x", 1, 1, 1))))
    with pytest.raises(CorruptError, match="input x is missing"):
        network.run({})


@pytest.mark.parametrize(("value", "message"), [(0.5, "whole numbers"), (256.0, "0 to 255"), (-1.0, "0 to 255")])
def test_bytes_must_be_whole_and_in_range(value, message):
    b = Builder()
    graph = b.model(b.node("Cast", b.input("x", 1, 1, 1), to=TensorProto.UINT8), kind=TensorProto.UINT8)
    with pytest.raises(CorruptError, match=message):
        ReferenceNetwork(graph).run({"x": np.full((1, 1, 1, 1), value, np.float32)})


def test_whole_numbers_become_bytes():
    b = Builder()
    graph = b.model(b.node("Cast", b.input("x", 5, 1, 1), to=TensorProto.UINT8), kind=TensorProto.UINT8)
    assert_engines_agree(graph, {"x": np.array([0, 4, 7, 128, 255], np.float32).reshape(1, 5, 1, 1)})


@pytest.mark.parametrize(
    "attributes",
    [{"strides": [2, 2]}, {"dilations": [2, 2]}, {"pads": [1, 1, 1, 1]}, {"auto_pad": "SAME_UPPER"}, {"group": 2}],
)
def test_other_convolutions_are_refused(attributes):
    b = Builder()
    weights = b.constant(np.ones((2, 1, 1, 1) if "group" in attributes else (2, 2, 1, 1)))
    graph = b.model(b.node("Conv", b.input("x", 2, 4, 4), weights, **attributes))
    with pytest.raises(UnsupportedError, match="neither a 1x1 nor a padded 3x3"):
        ReferenceNetwork(graph).run({"x": np.ones((1, 2, 4, 4), np.float32)})


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("DepthToSpace", {"blocksize": 0}, "block size"),
        ("DepthToSpace", {"blocksize": 1 << 62}, "does not fit"),
        ("DepthToSpace", {"blocksize": 3}, "does not fit"),
        ("SpaceToDepth", {"blocksize": 1 << 62}, "channels"),
        ("SpaceToDepth", {"blocksize": 3}, "does not fit"),
        ("Transpose", {"perm": [0, 1, 2, 2]}, "does not fit"),
        ("Transpose", {}, "lacks the attribute perm"),
        ("Cast", {"to": TensorProto.DOUBLE}, "another type"),
        ("Concat", {"axis": 2}, "another axis"),
        ("Split", {"axis": 1, "outputs": 3}, "cannot split"),
        ("Add", {}, "does not fit"),
    ],
)
def test_nodes_that_do_not_fit_are_refused_by_name(op, attributes, message):
    b = Builder()
    out = b.node(op, b.input("x", 4, 4, 4), **attributes)
    network = ReferenceNetwork(b.model(out, check=False))
    with pytest.raises((CorruptError, UnsupportedError), match=rf"layer {out} .*{message}"):
        network.run({"x": np.ones((1, 4, 4, 4), np.float32)})


def test_arrays_do_not_grow_by_broadcasting():
    b = Builder()
    tall, wide = b.constant(np.ones((1, 4, 1, 1))), b.constant(np.ones((1, 1, 1, 4)))
    graph = b.model(b.node("Add", tall, wide), b.node("Identity", b.input("x", 1, 1, 1)))
    with pytest.raises(CorruptError, match="combines arrays of shapes"):
        ReferenceNetwork(graph)


def test_slopes_must_be_powers_of_two():
    b = Builder()
    graph = b.model(b.node("LeakyRelu", b.input("x", 1, 1, 1), alpha=0.3))
    with pytest.raises(UnsupportedError, match="slope"):
        ReferenceNetwork(graph).run({"x": np.ones((1, 1, 1, 1), np.float32)})


def test_inputs_of_another_shape_are_refused():
    rng = np.random.default_rng(0)
    network = ReferenceNetwork(gated_network(rng))
    with pytest.raises(CorruptError, match="layer"):
        network.run({"y": whole(rng, 11, 4, 4), "gain": np.ones((1, 12, 1, 1), np.float32)})
