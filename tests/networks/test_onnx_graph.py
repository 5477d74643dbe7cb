"""Reading graphs: everything that is written comes back, and whatever else is refused in one of two ways."""

import numpy as np
import pytest

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.networks.exactness_proof import prove
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_graph import OPERATORS, parse
from vaecompress.networks.operators import OPERATORS as EVALUATED

pytest.importorskip("onnx", reason="the graphs of these tests are written with the onnx package")

import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import Builder, gated_network

REFUSALS = (CorruptError, UnsupportedError)


@pytest.fixture(scope="module")
def network():
    return gated_network(np.random.default_rng(0), channels=8)


def edited(network, edit):
    """The network's bytes after ``edit`` changed its ModelProto."""
    model = onnx.load_from_string(network)
    edit(model)
    return model.SerializeToString()


def test_every_operator_that_is_read_can_be_run():
    assert set(EVALUATED) == OPERATORS


def test_a_graph_comes_back_as_the_onnx_package_reads_it(network):
    graph, expected = parse(network), onnx.load_from_string(network).graph
    assert graph.inputs == ("y", "gain")
    assert graph.input_shapes == {"y": (1, 8, None, None), "gain": (1, 8, 1, 1)}
    assert graph.outputs == tuple(info.name for info in expected.output)
    for node, other in zip(graph.nodes, expected.node, strict=True):
        assert (node.op, node.inputs, node.outputs) == (other.op_type, tuple(other.input), tuple(other.output))
        for attribute in other.attribute:
            value = helper.get_attribute_value(attribute)
            value = value.decode() if isinstance(value, bytes) else value
            assert node.attributes[attribute.name] == (tuple(value) if isinstance(value, list) else value)
    assert graph.initialisers.keys() == {tensor.name for tensor in expected.initializer}
    for tensor in expected.initializer:
        values = numpy_helper.to_array(tensor)
        assert graph.initialisers[tensor.name].dtype == values.dtype
        np.testing.assert_array_equal(graph.initialisers[tensor.name], values)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("raw", [True, False])
def test_tensors_of_every_type(network, dtype, raw):
    values = np.array([[0, 1, 2], [100, 3, 255]]).astype(dtype)
    values = values if dtype == "uint8" else -values
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    data = values.tobytes() if raw else values.ravel().tolist()
    tensor = helper.make_tensor("extra", kind, values.shape, data, raw=raw)
    found = parse(edited(network, lambda model: model.graph.initializer.append(tensor))).initialisers["extra"]
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_the_origin_of_a_kernel_is_its_initialiser(network):
    graph = parse(network)
    convolutions = [node for node in graph.nodes if node.op == "Conv"]
    assert graph.origin(convolutions[0].inputs[1]) == "mix_in/kernel"
    assert graph.origin(convolutions[0].inputs[0]) == "y"


def clear_opset(model):
    del model.opset_import[:]


def add_tensor(**fields):
    def edit(model):
        values = {"name": "extra", "data_type": TensorProto.FLOAT, "dims": [2], "raw_data": bytes(8), **fields}
        model.graph.initializer.append(TensorProto(**values))

    return edit


def add_node(op, inputs, outputs, **attributes):
    return lambda model: model.graph.node.append(helper.make_node(op, inputs, outputs, **attributes))


def add_subgraph(model):
    branch = helper.make_graph([], "branch", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", branch))


def add_function(model):
    model.functions.append(helper.make_function("own", "f", [], [], [], [helper.make_opsetid("", 17)]))


def add_sparse(model):
    model.graph.sparse_initializer.add()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (clear_opset, "default domain"),
        (lambda model: model.opset_import.append(helper.make_opsetid("own", 1)), "default domain"),
        (lambda model: setattr(model.opset_import[0], "version", 12), "operator set 12"),
        (lambda model: setattr(model.opset_import[0], "version", 99), "operator set 99"),
        (add_function, "model has field 25"),
        (add_subgraph, "attribute has field 6"),
        (add_sparse, "graph has field 15"),
        (lambda model: setattr(model.graph.node[0], "domain", "own"), "operator 'Mul'"),
        (add_node("If", ["y"], ["out"]), "operator 'If'"),
        (add_node("MatMul", ["y", "y"], ["out"]), "operator 'MatMul'"),
        (add_node("Clip", ["y", "", "gain"], ["out"]), "leaves out an optional input"),
        (add_node("Concat", ["y"], ["out"], axis=["a"]), "attribute has field 9"),
        (add_tensor(data_location=TensorProto.EXTERNAL), "tensor has field 14"),
        (add_tensor(data_type=TensorProto.STRING, string_data=[b"a", b"b"]), "tensor has field 6"),
        (add_tensor(data_type=TensorProto.DOUBLE), "type 11"),
        (add_tensor(data_type=99), "type 99"),
        (add_tensor(name="y"), "an initialiser is also an input"),
        (lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", 11), "input 'y' is not float32"),
    ],
)
def test_what_networks_are_not_made_of_is_unsupported(network, edit, message):
    with pytest.raises(UnsupportedError, match=message):
        parse(edited(network, edit))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (add_tensor(dims=[3]), "tensor 'extra' has 2 values"),
        (add_tensor(dims=[1 << 40, 1 << 40]), "tensor 'extra' has 2 values"),
        (add_tensor(dims=[-1, -2]), "tensor 'extra' has 2 values"),
        (add_tensor(dims=[1] * 8 + [2]), "tensor 'extra' has 2 values"),
        (add_tensor(raw_data=bytes(7)), "malformed"),
        (add_tensor(float_data=[1.0, 2.0]), "malformed"),
        (add_tensor(data_type=TensorProto.UINT8, raw_data=None, int32_data=[0, 256]), "out of range"),
        (add_tensor(name="head/kernel"), "one name"),
        (add_node("Abs", ["nowhere"], ["out"]), "'nowhere' is used before"),
        (add_node("Abs", ["out"], ["out"]), "'out' is used before"),
        (add_node("Abs", ["y"], ["y"]), "name that is taken"),
        (add_node("Split", ["y"], ["out", "out"]), "name that is taken"),
        (add_node("Abs", [], ["out"]), "lacks inputs"),
        (lambda model: model.graph.node[-1].attribute.extend([helper.make_attribute("a", 1)] * 2), "two attributes"),
        (lambda model: model.graph.output.pop(), "no outputs"),
        (lambda model: setattr(model.graph.output[0], "name", "nowhere"), "'nowhere' is used before"),
    ],
)
def test_contradictions_are_corrupt(network, edit, message):
    with pytest.raises(CorruptError, match=message):
        parse(edited(network, edit))


def test_a_graph_written_twice_is_corrupt(network):
    """Other readers would merge the two."""
    with pytest.raises(CorruptError, match="field 7 more than once"):
        parse(edited(network, clear_opset) + network)


@pytest.fixture(scope="module")
def small():
    b = Builder()
    kernel = np.arange(4).reshape(2, 2, 1, 1)
    out = b.layer(b.input("x", 2, "h", "w"), "stem", kernel, np.ones(2), np.ones(2), limit=7, leaky=True)
    return b.model(out)


def test_every_truncation_is_refused(small):
    parse(small)
    for length in range(len(small)):
        with pytest.raises(REFUSALS):
            parse(small[:length])


def test_random_damage_is_refused_or_harmless(small):
    """Whatever is read can also be proven and run, or refused: nothing else is raised, nothing hangs."""
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(2500):
        damaged = np.frombuffer(small, np.uint8).copy()
        places = rng.integers(0, len(damaged), rng.integers(1, 4))
        damaged[places] = rng.integers(0, 256, len(places))
        try:
            prove(parse(damaged.tobytes()), {"x": 100})
            ReferenceNetwork(damaged.tobytes()).run({"x": np.ones((1, 2, 3, 3), np.float32)})
        except REFUSALS:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x07", b"\xff" * 20, bytes(1000), b"\x3a\xff\xff\xff\xff\xff\x7f"])
def test_nonsense_is_refused(data):
    with pytest.raises(REFUSALS):
        parse(data)
