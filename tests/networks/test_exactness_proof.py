"""The proof holds for sound graphs, and falls with the first weight, limit or order that breaks it."""

import numpy as np
import pytest

from vaecompress.errors import CorruptError
from vaecompress.networks.exactness_proof import prove
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_graph import parse

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

import onnx
from onnx import TensorProto, numpy_helper
from onnx_graphs import Builder, gated_network, random_layer

GAINS = {"gain": 2048}


def dense(kernel, bias=0, scale=1.0):
    """A graph of one pointwise layer [O, I], unrounded."""
    kernel = np.asarray(kernel)[:, :, None, None]
    b = Builder()
    ones = np.ones(len(kernel))
    x = b.input("x", kernel.shape[1], "h", "w")
    return parse(b.model(b.convolution(x, "dense", kernel, scale * ones, bias * ones)))


def test_a_network_is_proven_layer_by_layer():
    proofs = prove(parse(gated_network(np.random.default_rng(1))), {"y": 255}, GAINS)
    assert [proof.name for proof in proofs] == [f"{name}/kernel" for name in ("mix_in", "depthwise", "gate", "head")]
    assert all(0.9 * 2**24 < proof.bound < 2**24 for proof in proofs)


@pytest.mark.parametrize("layer", ["mix_in", "depthwise", "gate", "head"])
def test_a_weight_raised_past_the_bound_is_refused(layer):
    model = onnx.load_from_string(gated_network(np.random.default_rng(1)))
    (tensor,) = [t for t in model.graph.initializer if t.name == f"{layer}/kernel"]
    kernel = numpy_helper.to_array(tensor).copy()
    kernel.flat[:9] = 2000 if layer != "depthwise" else 32_767
    tensor.CopyFrom(numpy_helper.from_array(kernel, tensor.name))
    with pytest.raises(CorruptError, match=rf"layer {layer}/kernel exceeds the 2\^24 bound"):
        prove(parse(model.SerializeToString()), {"y": 255}, GAINS)


@pytest.mark.parametrize(("bias", "limit", "bound"), [(0, 2047, 5 * 2047), (-7, [100, 0], 307), (1, [0, 10], 21)])
def test_bounds_are_weights_times_limits_plus_bias(bias, limit, bound):
    (proof,) = prove(dense([[3, -2]], bias), {"x": limit})
    assert (proof.name, proof.bound) == ("dense/kernel", bound)


def test_the_bound_is_exclusive():
    limit = 2**10
    assert prove(dense([[2**14 - 1]], 2**10 - 1), {"x": limit})[0].bound == 2**24 - 1
    with pytest.raises(CorruptError, match=r"layer dense/kernel exceeds the 2\^24 bound: 16777216"):
        prove(dense([[2**14 - 1]], 2**10), {"x": limit})


def test_extreme_inputs_reach_what_is_proven():
    """The bound is not only safe but met, by inputs with the signs of the weights."""
    rng = np.random.default_rng(3)
    kernel, scale, bias = random_layer(rng, 5, 9, 100)
    b = Builder()
    data = b.model(b.convolution(b.input("x", 9, "h", "w"), "dense", kernel, scale, bias))
    (proof,) = prove(parse(data), {"x": 100})
    signs = np.sign(kernel[:, :, 0, 0] * np.where(bias < 0, -1, 1)[:, None]).astype(np.float32)
    (out,) = ReferenceNetwork(data).run({"x": 100 * signs.T[None, :, None, :]})
    reached = np.abs(np.diagonal(out[0, :, 0, :])) / scale
    assert proof.bound == reached.max()


def test_depth_to_space_joins_the_limits_of_a_block():
    b = Builder()
    x = b.node("DepthToSpace", b.input("x", 8, "h", "w"), blocksize=2, mode="DCR")
    out = b.convolution(x, "after", np.full((1, 2, 1, 1), 1), np.ones(1), np.zeros(1))
    (proof,) = prove(parse(b.model(out)), {"x": np.arange(8)})
    assert proof.bound == 6 + 7


def test_space_to_depth_keeps_limits():
    b = Builder()
    x = b.node("SpaceToDepth", b.input("x", 2, "h", "w"), blocksize=2)
    out = b.convolution(x, "after", np.full((1, 8, 1, 1), 1), np.ones(1), np.zeros(1))
    (proof,) = prove(parse(b.model(out)), {"x": [1, 10]})
    assert proof.bound == 4 * 11


@pytest.mark.parametrize(
    ("op", "bound"), [("Add", 30), ("Sub", 30), ("Mul", 200), ("Abs", 10), ("Relu", 10), ("Identity", 10)]
)
def test_limits_pass_through_operators(op, bound):
    b = Builder()
    x, y = b.input("x", 1, "h", "w"), b.input("y", 1, "h", "w")
    out = b.node(op, x, y) if op in ("Add", "Sub", "Mul") else b.node(op, x)
    out = b.convolution(out, "after", np.ones((1, 1, 1, 1)), np.ones(1), np.zeros(1))
    (proof,) = prove(parse(b.model(out)), {"x": 10, "y": 20})
    assert proof.bound == bound


@pytest.mark.parametrize(("op", "limits"), [("Add", (2**23, 2**23)), ("Sub", (2**23, 2**23)), ("Mul", (2**12, 2**12))])
def test_elementwise_results_of_more_than_24_bits_are_refused(op, limits):
    b = Builder()
    graph = parse(b.model(b.node(op, b.input("x", 1, "h", "w"), b.input("y", 1, "h", "w"))))
    prove(graph, {"x": limits[0], "y": limits[1] - 1})
    with pytest.raises(CorruptError, match=rf"layer {op.lower()}_0 exceeds the 2\^24 bound"):
        prove(graph, dict(zip("xy", limits, strict=True)))


def test_a_cast_to_bytes_must_be_clipped():
    b = Builder()
    x = b.input("x", 1, "h", "w")
    clipped = b.model(b.node("Cast", b.clip(x, 0, 255), to=TensorProto.UINT8), kind=TensorProto.UINT8)
    assert prove(parse(clipped), {"x": 1000}) == []
    b = Builder()
    x = b.input("x", 1, "h", "w")
    loose = b.model(b.node("Cast", b.clip(x, 0, 256), to=TensorProto.UINT8), kind=TensorProto.UINT8)
    with pytest.raises(CorruptError, match="0 to 255"):
        prove(parse(loose), {"x": 1000})


@pytest.mark.parametrize(
    ("op", "rounded", "message"),
    [("Relu", False, "takes a product with a gain that was not rounded"), ("Add", True, r"exceeds the 2\^24 bound")],
)
def test_a_gain_must_be_rounded_then_clipped(op, rounded, message):
    b = Builder()
    x = b.node("Mul", b.input("x", 1, "h", "w"), b.input("gain", 1, 1, 1))
    x = b.node("Round", x) if rounded else x
    out = b.node(op, *[x, x][: 2 if op == "Add" else 1])
    with pytest.raises(CorruptError, match=rf"layer {out} {message}"):
        prove(parse(b.model(out)), {"x": 8191}, GAINS)


def test_a_gain_too_wide_for_its_input_is_refused():
    b = Builder()
    product = b.node("Mul", b.input("x", 1, "h", "w"), b.input("gain", 1, 1, 1))
    graph = parse(b.model(b.node("Round", product)))
    prove(graph, {"x": 8191}, GAINS)
    with pytest.raises(CorruptError, match=r"exceeds the 2\^24 bound"):
        prove(graph, {"x": 8192}, GAINS)


def test_weights_that_are_not_constant_are_refused():
    b = Builder()
    graph = parse(b.model(b.node("Conv", b.input("x", 1, "h", "w"), b.input("w", 1, 1, 1))))
    with pytest.raises(CorruptError, match="not constant"):
        prove(graph, {"x": 1, "w": 1})


@pytest.mark.parametrize("limits", [{}, {"x": [1, 2]}])
def test_limits_must_be_known(limits):
    with pytest.raises(CorruptError, match="input x"):
        prove(dense([[1, 1, 1]]), limits)
