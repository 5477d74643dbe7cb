"""The multiply-accumulates a preset claims are those of the graphs that its model file holds."""

import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.export.freeze import freeze, halo
from vaecompress.models import file as model_file
from vaecompress.models.installed import SHIPPED
from vaecompress.networks.onnx_graph import parse
from vaecompress.train.presets import preset
from vaecompress.transforms.complexity import decoder_kmac_per_pixel, predicted_kmac_per_pixel, training_flop_per_pixel
from vaecompress.transforms.config import ModelConfig, VideoConfig


def macs_per_pixel(graph_bytes):
    """Multiply-accumulates of every convolution of a graph for one pixel of the picture."""
    graph = parse(graph_bytes)
    side = {name: {"x": 1, "z": 1 / 64}.get(name, 1 / 16) for name in graph.inputs if "gain" not in name}
    total = 0.0
    for node in graph.nodes:
        sides = [side[name] for name in node.inputs if name in side]
        block = node.attributes.get("blocksize", 1)
        here = max(sides, default=0) * (1 / block if node.op == "SpaceToDepth" else block)
        if node.op == "Conv":
            total += graph.initialisers[graph.origin(node.inputs[1])].size * here**2
        if sides:
            side.update(dict.fromkeys(node.outputs, here))
    return total


@pytest.mark.parametrize("source", ["tiny_variables", "random_variables"])
def test_the_claim_is_the_sum_over_all_graphs_of_the_decoder(request, source):
    model, variables = request.getfixturevalue(source)
    file = model_file.parse(freeze(model.config, variables, {"name": "counted"}))
    macs = {name: macs_per_pixel(graph) for name, graph in file.networks.items()}
    counted = sum(count for name, count in macs.items() if "analysis" not in name) / 1000
    assert decoder_kmac_per_pixel(model.config) == pytest.approx(counted, abs=0.006)
    assert training_flop_per_pixel(model.config) == pytest.approx(6 * sum(macs.values()))
    assert file.card["decoder_kmac_per_pixel"] == decoder_kmac_per_pixel(model.config)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.vcm")))
def test_cards_of_shipped_models_say_what_is_derived(name):
    file = model_file.load(SHIPPED / f"{name}.vcm")
    config = ModelConfig.from_dict(file.card["config"])
    assert file.card["decoder_kmac_per_pixel"] == decoder_kmac_per_pixel(config)
    stills = {name: graph for name, graph in file.networks.items() if "/" not in name}
    halos = {"context": 0} | {name.rstrip("0123456789"): halo(graph) for name, graph in stills.items()}
    del halos["hyper_analysis"]
    assert file.card["codec"]["halos"] == halos


def test_presets_cost_what_they_are_meant_to():
    cost = {name: decoder_kmac_per_pixel(preset(name).model) for name in ("tiny", "light", "base", "large")}
    assert cost["tiny"] < 0.5
    assert 4 < cost["light"] < 6
    assert 20 < cost["base"] < 40
    assert 100 < cost["large"] < 150
    predicted = {name: predicted_kmac_per_pixel(preset(name).model) for name in ("tiny-video", "video")}
    assert predicted["tiny-video"] < 1
    assert predicted["video"] < 12


def test_the_preset_for_video_is_the_shape_of_the_shipped_model():
    file = model_file.load(SHIPPED / "video.vcm")
    assert VideoConfig.from_dict(file.card["predicted"]["config"]) == preset("video").model
    assert training_flop_per_pixel(preset("video").model) > 6000 * predicted_kmac_per_pixel(preset("video").model)
