"""Model files are untrusted input: the shipped ones hold what they promise, hostile ones are refused by name."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaecompress.encoder.picture import PictureEncoder
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.models import file as model_file
from vaecompress.models import installed, registry
from vaecompress.models.file import ModelFile
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.verify import verify

onnx = pytest.importorskip("onnx", reason="hostile graphs are written with the onnx package")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

TINY = installed.SHIPPED / "tiny.vcm"


@pytest.fixture(scope="module")
def tiny() -> ModelFile:
    return model_file.load(TINY)


@pytest.mark.parametrize("path", sorted(installed.SHIPPED.glob("*.vcm")), ids=lambda path: path.stem)
def test_every_shipped_model_is_sound(path: Path) -> None:
    verify(LoadedModel(model_file.load(path), threads=1))


def changed(file: ModelFile, **parts: Any) -> bytes:
    """The file's bytes with entries of its card, networks or arrays replaced; its hash is right."""
    card = {**file.card, **parts.get("card", {})}
    networks = {**file.networks, **parts.get("networks", {})}
    arrays = {**file.arrays, **parts.get("arrays", {})}
    return model_file.serialise(card, networks, arrays)


def edited(file: ModelFile, network: str, edit: Callable[[Any], object]) -> bytes:
    """The file's bytes after ``edit`` changed the GraphProto of a network."""
    model = onnx.load_from_string(file.networks[network])
    edit(model.graph)
    return changed(file, networks={network: model.SerializeToString()})


def refuse(data: bytes, folder: Path, message: str) -> None:
    path = folder / "hostile.vcm"
    path.write_bytes(data)
    with pytest.raises((CorruptError, UnsupportedError), match=message) as caught:
        registry.load(path, threads=1)
    assert str(caught.value).startswith("model file: ")


def test_a_copy_elsewhere_is_verified_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "copy.vcm"
    path.write_bytes(TINY.read_bytes())
    assert registry.load(path).model_id == registry.load("tiny").model_id


def kernels(file: ModelFile, network: str) -> list[str]:
    graph = onnx.load_from_string(file.networks[network]).graph
    return [tensor.name for tensor in graph.initializer if tensor.name.endswith("/kernel")]


@pytest.mark.parametrize("network", ["hyper_synthesis", "context1", "synthesis"])
def test_raised_weights(tiny: ModelFile, network: str, tmp_path: Path) -> None:
    """The weights of a first, a middle and a last layer are raised past the bound."""
    names = kernels(tiny, network)
    for name in (names[0], names[len(names) // 2], names[-1]):

        def raise_weights(graph: Any, name: str = name) -> None:
            (tensor,) = [t for t in graph.initializer if t.name == name]
            wide = np.full(tuple(tensor.dims), 32_767, np.int16)
            wide.flat[1::2] = -32_768
            tensor.CopyFrom(numpy_helper.from_array(wide, name))

        refuse(edited(tiny, network, raise_weights), tmp_path, rf"network '{network}': .*2\^24 bound")


def test_external_data(tiny: ModelFile, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(1 << 16))

    def point_outside(graph: Any) -> None:
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=str(secret))

    for network in tiny.networks:
        refuse(edited(tiny, network, point_outside), tmp_path, f"network '{network}': graph: tensor has field")


@pytest.mark.parametrize("op", ["Loop", "If", "Expand", "Exp"])
def test_operators_outside_the_list(tiny: ModelFile, op: str, tmp_path: Path) -> None:
    for network in ("analysis", "synthesis"):

        def append(graph: Any) -> None:
            graph.node.append(helper.make_node(op, [graph.input[0].name], ["more"]))

        refuse(edited(tiny, network, append), tmp_path, f"network '{network}': graph: operator '{op}'")


def prepend(*nodes: tuple[str, list[str], str, dict[str, Any]], **constants: Any) -> Callable[[Any], None]:
    """Adds nodes (op, inputs, output, attributes) and constants to a graph, before what is there."""

    def edit(graph: Any) -> None:
        for name, value in constants.items():
            graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        for place, (op, inputs, output, attributes) in enumerate(nodes):
            graph.node.insert(place, helper.make_node(op, inputs, [output], **attributes))

    return edit


ONES = np.ones((1 << 14, 1, 1, 1), np.float32)
WIDE = np.ones((1, 1, 1 << 14, 1), np.float32)
GROWING = {
    "outer product of constants": prepend(("Mul", ["a", "b"], "big", {}), a=ONES, b=WIDE.reshape(1, 1 << 14, 1, 1)),
    "constants side by side": prepend(("Concat", ["a"] * 4000, "big", {"axis": 1}), a=ONES),
    "broadcast over positions": prepend(("Add", ["y", "b"], "big", {}), b=WIDE),
    "many channels": prepend(("Concat", ["y"] * 4000, "big", {"axis": 1})),
    "blocks to channels": prepend(("SpaceToDepth", ["y"], "big", {"blocksize": 60})),
    "blocks of nothing": prepend(("DepthToSpace", ["y"], "big", {"blocksize": 0})),
    "many positions": prepend(
        ("Conv", ["y", "kernel"], "wide", {}),
        ("DepthToSpace", ["wide"], "fine", {"blocksize": 16}),
        ("Conv", ["fine", "ones"], "big", {}),
        kernel=np.ones((256, 48, 1, 1), np.float32),
        ones=np.ones((256, 1, 1, 1), np.float32),
    ),
    "channels among positions": prepend(("Transpose", ["y"], "big", {"perm": [0, 2, 1, 3]})),
    "positions left out": prepend(
        ("Conv", ["y", "k"], "big", {"strides": [2, 2]}), k=np.ones((8, 24, 1, 1), np.float32)
    ),
    "positions added": prepend(("Conv", ["y", "k"], "big", {"pads": [99] * 4}), k=np.ones((8, 24, 1, 1), np.float32)),
    "many constants": prepend(*[("Abs", ["a"], f"b{index}", {}) for index in range(99)], a=ONES),
    "many values in all": prepend(
        ("Conv", ["y", "kernel"], "wide", {}),
        *[("Abs", ["wide"], f"b{index}", {}) for index in range(99)],
        kernel=np.ones((12_000, 24, 1, 1), np.float32),
    ),
    "kernels that are computed": prepend(("Conv", ["y", "y"], "big", {})),
}


@pytest.mark.parametrize("name", GROWING)
def test_growth(tiny: ModelFile, name: str, tmp_path: Path) -> None:
    for network in ("hyper_analysis", "synthesis"):
        refuse(edited(tiny, network, GROWING[name]), tmp_path, f"network '{network}': graph: ")


def test_outputs_beyond_their_limits(tiny: ModelFile, tmp_path: Path) -> None:
    """What comes out of a network goes into the next, whose proof relies on its limits."""

    def loosen(graph: Any) -> None:
        last = next(node for node in graph.node if "mean_out" in node.output)
        clip = next(node for node in graph.node if last.input[0] in node.output)
        assert clip.op_type == "Clip"
        graph.initializer.append(numpy_helper.from_array(np.float32(9000), "loose"))
        clip.input[2] = "loose"

    refuse(edited(tiny, "context1", loosen), tmp_path, "output mean_out can reach 9000, beyond 8191")


def rename(kind: str) -> Callable[[Any], None]:
    def edit(graph: Any) -> None:
        (port,) = getattr(graph, kind)
        for node in graph.node:
            names = getattr(node, kind)
            names[:] = ["other" if name == port.name else name for name in names]
        port.name = "other"

    return edit


@pytest.mark.parametrize(("kind", "message"), [("input", "inputs are not"), ("output", "outputs are not")])
def test_other_names(tiny: ModelFile, kind: str, message: str, tmp_path: Path) -> None:
    refuse(edited(tiny, "hyper_analysis", rename(kind)), tmp_path, f"network 'hyper_analysis': its {message}")


def test_missing_and_exchanged_networks(tiny: ModelFile, tmp_path: Path) -> None:
    without = {name: graph for name, graph in tiny.networks.items() if name != "context1"}
    refuse(model_file.serialise(tiny.card, without, tiny.arrays), tmp_path, "no network 'context1'")
    exchanged = {"analysis": tiny.networks["synthesis"]}
    refuse(changed(tiny, networks=exchanged), tmp_path, "network 'analysis': its inputs")


def test_a_shape_that_does_not_fit(tiny: ModelFile, tmp_path: Path) -> None:
    def drop_upsampling(graph: Any) -> None:
        node = next(node for node in graph.node if node.op_type == "SpaceToDepth")
        node.op_type = "Identity"
        node.ClearField("attribute")

    refuse(edited(tiny, "hyper_analysis", drop_upsampling), tmp_path, "network 'hyper_analysis'")


@pytest.mark.parametrize(
    "fields",
    [
        {"latent_channels": 0},
        {"latent_channels": "48"},
        {"latent_channels": 1 << 40},
        {"context_steps": 3},
        {"context_steps": [2]},
        {"prior_sets": 0},
        {"scale_count": 1 << 20},
        {"min_log2_scale": -3.01},
        {"min_log2_scale": float("nan")},
        {"min_log2_scale": 1e300},
        {"halos": {"analysis": 1 << 30, "hyper_synthesis": 1, "context": 1, "synthesis": 1}},
        {"halos": {"analysis": -1, "hyper_synthesis": 1, "context": 1, "synthesis": 1}},
        {"halos": {"analysis": 1}},
        {"halos": 5},
        {"surprise": 5},
    ],
)
def test_cards(tiny: ModelFile, fields: dict[str, Any], tmp_path: Path) -> None:
    refuse(changed(tiny, card={"codec": {**tiny.card["codec"], **fields}}), tmp_path, "card|tables")


@pytest.mark.parametrize(("network", "reach"), [("hyper_synthesis", 16), ("context", 16), ("synthesis", 28)])
def test_networks_that_see_further_than_their_halo(tiny: ModelFile, network: str, reach: int, tmp_path: Path) -> None:
    """Pixels would depend on where tiles are cut."""
    halos = {**tiny.card["codec"]["halos"], network: (reach - 1) // 64 if "hyper" in network else (reach - 1) // 16}
    card = {"codec": {**tiny.card["codec"], "halos": halos}}
    refuse(changed(tiny, card=card), tmp_path, rf"network '{network}1?': it sees {reach} pixels far")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gains/decoder_latent", 1 + 2.0**-11, "gains 'decoder_latent' need more than 11 bits"),
        ("gains/hyper_feature", np.nan, "gains 'hyper_feature' are not finite"),
        ("gains/synthesis_feature", 2.0**40, "gains 'synthesis_feature' .* are extreme"),
        ("gains/decoder_latent", 2.0**-40, "gains 'decoder_latent' .* are extreme"),
        ("gains/encoder_latent", np.inf, "gains 'encoder_latent' are not finite"),
    ],
)
def test_gains(tiny: ModelFile, name: str, value: float, message: str, tmp_path: Path) -> None:
    rows = tiny.arrays[name].copy()
    rows[99, 0] = value
    refuse(changed(tiny, arrays={name: rows}), tmp_path, message)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(tiny: ModelFile, value: float, tmp_path: Path) -> None:
    def spoil(graph: Any) -> None:
        tensor = next(t for t in graph.initializer if t.name.endswith("/kernel"))
        array = numpy_helper.to_array(tensor).copy()
        array.flat[0] = value
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    refuse(edited(tiny, "analysis", spoil), tmp_path, "network 'analysis': it holds weights that are not finite")


def test_tables(tiny: ModelFile, tmp_path: Path) -> None:
    frequencies = tiny.arrays["tables/frequencies"].copy()
    frequencies[0] += 1
    with pytest.raises(CorruptError, match="probability tables: a table does not sum"):
        LoadedModel(model_file.parse(changed(tiny, arrays={"tables/frequencies": frequencies})))


def test_flips_of_a_model_file_are_found(tiny: ModelFile) -> None:
    data = TINY.read_bytes()
    for place in np.linspace(0, len(data) - 1, 99).astype(int):
        with pytest.raises((CorruptError, UnsupportedError)):
            model_file.parse(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_blobs_that_overlap(tiny: ModelFile) -> None:
    """A small file must not name one span many times: each would take its memory again."""
    size = len(tiny.networks["analysis"])
    names = {f"copy{index}": np.zeros(0, np.uint8) for index in range(50)}
    body = changed(tiny, arrays=names)[: -model_file.CRC.size]
    header_bytes = int.from_bytes(body[5:9], "little")
    header = body[9 : 9 + header_bytes].replace(b'["uint8", [0],', b'["uint8", [%d],' % size)
    body = body[:5] + len(header).to_bytes(4, "little") + header + body[9 + header_bytes :]
    with pytest.raises(CorruptError, match="header is malformed"):
        model_file.parse(body + model_file.CRC.pack(zlib.crc32(body)))


FILM = {"name": "film", "codec": {}, "predicted": {"codec": {}}}


def test_models_for_video_are_deflated() -> None:
    networks, arrays = {"a": bytes(range(256)) * 20}, {"predicted/b": np.arange(9, dtype=np.int16)}
    data = model_file.serialise(FILM, networks, arrays)
    assert len(data) < 1000
    again = model_file.parse(data)
    assert (again.card, again.networks) == (FILM, networks)
    assert np.array_equal(again.arrays["predicted/b"], arrays["predicted/b"])
    assert (installed.SHIPPED / "video.vcm").stat().st_size < 10_000_000


@pytest.mark.parametrize("change", [0, 1, 5119, 5121, 10**12, -1, "x", None])
def test_what_is_deflated_must_be_what_the_header_says(change: Any) -> None:
    body = model_file.serialise(FILM, {"a": bytes(5120)}, {})[: -model_file.CRC.size]
    header_bytes = int.from_bytes(body[5:9], "little")
    header = json.dumps({**json.loads(body[9 : 9 + header_bytes]), "inflated": change}).encode()
    for stored in (body[9 + header_bytes :], bytes(9) + body[9 + header_bytes :]):
        hostile = body[:5] + len(header).to_bytes(4, "little") + header + stored
        with pytest.raises(CorruptError, match="header is malformed"):
            model_file.parse(hostile + model_file.CRC.pack(zlib.crc32(hostile)))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("planes/tables", lambda array: array + 200, "tables that it does not have"),
        ("planes/tables", lambda array: array[1:], "wrong shape"),
        ("planes/hyper_scales", lambda array: array.astype(np.int32), "wrong type"),
        ("planes/hyper_weights", lambda array: array[:, :, 1:], "wrong shape"),
        ("planes/bounds", lambda array: array[::-1], "not in order"),
        ("filter/weights", lambda array: array + np.int16(2000), "too large"),
        ("filter/weights", lambda array: array[1:], "wrong shape"),
    ],
)
def test_planes_and_filter(tiny: ModelFile, name: str, change: Any, message: str, tmp_path: Path) -> None:
    refuse(changed(tiny, arrays={name: change(tiny.arrays[name])}), tmp_path, message)


def test_a_file_that_only_decodes_keeps_the_identity(tiny: ModelFile) -> None:
    data = model_file.decoder_only(tiny)
    small = model_file.parse(data)
    assert len(data) < 0.9 * TINY.stat().st_size
    assert small.identity == tiny.identity
    verify(LoadedModel(small, threads=1))
    with pytest.raises(UnsupportedError, match="'tiny' can only decode"):
        PictureEncoder(LoadedModel(small, threads=1)).encode(np.zeros((8, 8, 3), np.uint8), 50)


def test_the_identity_is_of_what_decoding_needs(tiny: ModelFile) -> None:
    def named(**parts: Any) -> bytes:
        return model_file.parse(changed(tiny, **parts)).identity

    assert named(card={"licence": "another"}) == tiny.identity
    assert named(arrays={"gains/encoder_latent": 2 * tiny.arrays["gains/encoder_latent"]}) == tiny.identity
    assert named(arrays={"gains/decoder_latent": 2 * tiny.arrays["gains/decoder_latent"]}) != tiny.identity
    assert named(card={"codec": {**tiny.card["codec"], "context_steps": 4}}) != tiny.identity
    body = bytearray(TINY.read_bytes()[: -model_file.CRC.size])
    body[-1] ^= 1
    with pytest.raises(CorruptError, match="identity"):
        model_file.parse(bytes(body) + model_file.CRC.pack(zlib.crc32(body)))
