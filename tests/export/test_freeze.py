"""Flax parameters to a model file and back: the same bytes, proven bounds, tables that say what the loss was told."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax.numpy as jnp
import onnx

from vaecompress.entropy.tables import TOTAL
from vaecompress.errors import CorruptError
from vaecompress.export.freeze import freeze, freeze_to
from vaecompress.export.graph_signal import lowest_terms
from vaecompress.export.restore import restore
from vaecompress.export.unfitted import HYPER_SCALES
from vaecompress.format import HYPER_LATENT_LIMIT, quality_position
from vaecompress.models import file as model_file
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.plane_tables import HYPER_OFFSETS
from vaecompress.networks.onnx_graph import parse
from vaecompress.transforms.exact import BOUND_BITS, ExactKernel
from vaecompress.transforms.likelihoods import MIN_LOG2_SCALE, SCALE_COUNT, SCALE_STEPS_PER_OCTAVE

CARD = {"name": "random", "licence": "none"}


@pytest.fixture(scope="module")
def frozen_bytes(random_variables):
    model, variables = random_variables
    return freeze(model.config, variables, CARD)


@pytest.fixture(scope="module")
def frozen(frozen_bytes):
    return model_file.parse(frozen_bytes)


def test_freezing_what_was_restored_gives_the_same_bytes(frozen_bytes, frozen):
    model, variables = restore(frozen)
    assert freeze(model.config, variables, CARD) == frozen_bytes


def test_freezing_the_shipped_model_again_is_stable(tiny_variables):
    model, variables = tiny_variables
    once = freeze(model.config, variables, CARD)
    assert freeze(model.config, restore(model_file.parse(once))[1], CARD) == once


def test_restored_parameters_are_the_frozen_ones(random_variables, frozen):
    _, variables = random_variables
    _, found = restore(frozen)
    for part, layer, rounding in (("synthesis", "linear", 2e-2), ("analysis", "stem", 1e-3)):
        was, now = variables["params"][part][layer], found["params"][part][layer]
        np.testing.assert_allclose(now["kernel"], was["kernel"], atol=rounding)
        np.testing.assert_allclose(now["bias"], was["bias"], atol=rounding)
    np.testing.assert_array_equal(
        found["params"]["decoder_latent"]["log2_gain"], variables["params"]["decoder_latent"]["log2_gain"]
    )
    np.testing.assert_array_equal(
        found["ranges"]["synthesis"]["coefficient_exponent"], variables["ranges"]["synthesis"]["coefficient_exponent"]
    )


def test_a_model_file_without_a_layer_is_refused(frozen):
    networks = {name: graph for name, graph in frozen.networks.items() if name != "context2"}
    with pytest.raises(CorruptError, match="no parameter params/contexts_1"):
        restore(model_file.ModelFile(frozen.card, networks, frozen.arrays, frozen.identity))


def test_a_model_file_of_another_shape_than_its_card_is_refused(frozen):
    card = {**frozen.card, "config": {**frozen.card["config"], "entropy_width": 12}}
    with pytest.raises(CorruptError, match="its card says"):
        restore(model_file.ModelFile(card, frozen.networks, frozen.arrays, frozen.identity))


def test_every_layer_of_the_decoder_is_proven(frozen):
    sums = frozen.card["proof"]["largest_sums"]
    assert max(sums.values()) < 2**BOUND_BITS
    layers = {
        name.removesuffix("/kernel")
        for network, graph in frozen.networks.items()
        if "analysis" not in network
        for name in parse(graph).initialisers
        if name.endswith("/kernel")
    }
    assert layers == sums.keys()
    for layer, bound in sums.items():
        assert bound > 2 ** (BOUND_BITS - 4), f"{layer} wastes bits"


def test_every_node_has_a_name_of_its_own(frozen):
    """Old releases of onnxruntime make up equal ones otherwise, and refuse the graph."""
    for graph in frozen.networks.values():
        names = [node.name for node in onnx.load_from_string(graph).graph.node]
        assert "" not in names
        assert len(set(names)) == len(names)


def test_a_layer_beyond_the_bound_cannot_be_frozen(random_variables, monkeypatch):
    model, variables = random_variables
    monkeypatch.setattr("vaecompress.export.graph_signal.BOUND_BITS", 22)
    with pytest.raises(ValueError, match=r"exceeds the 2\^22 bound"):
        freeze(model.config, variables, CARD)


def test_weights_are_written_in_lowest_terms():
    kernel = ExactKernel(None, None, np.array([[4.0, 3, 0], [-8, 6, 0]]), np.array([12.0, 0, 0]), np.array([7.0, 7, 7]),
                         np.array([40.0, 40, 0]))  # fmt: skip
    found = lowest_terms(kernel)
    np.testing.assert_array_equal(found.kernel_int, [[1, 3, 0], [-2, 6, 0]])
    np.testing.assert_array_equal(found.bias_int, [3, 0, 0])
    np.testing.assert_array_equal(found.shift, [5, 7, 7])
    np.testing.assert_array_equal(found.headroom, [10, 40, 0])


def test_gains_and_prior_sets_of_every_quality_are_those_of_the_module(random_variables, frozen):
    model, variables = random_variables
    loaded = LoadedModel(frozen)
    position = jnp.asarray([quality_position(quality) for quality in range(1, 101)], jnp.float32)
    gains = model.apply(variables, position, method="gains")
    np.testing.assert_allclose(loaded.gains["encoder_latent"], gains.encoder_latent, rtol=1e-6)
    np.testing.assert_allclose(loaded.gains["hyper_feature"], gains.hyper_feature, rtol=2.0**-11)
    shift = variables["ranges"]["synthesis"]["coefficient_exponent"] - 4
    np.testing.assert_allclose(loaded.gains["decoder_latent"] / 2.0**shift, gains.decoder_latent, rtol=2.0**-11)
    sets = model.apply(variables, position, method="prior_set")
    assert [loaded.prior_set(quality) for quality in range(1, 101)] == sets.tolist()


def test_tables_are_the_likelihoods_of_the_loss(random_variables, frozen):
    model, variables = random_variables
    tables = LoadedModel(frozen).tables
    for index in (0, 17, SCALE_COUNT - 1):
        table = tables[index]
        symbols = np.arange(len(table.frequencies) - 1) + table.first_symbol
        log2_scale = np.full(symbols.shape, MIN_LOG2_SCALE + index / SCALE_STEPS_PER_OCTAVE, np.float32)
        wanted = model.apply(
            variables, symbols.astype(np.float32), log2_scale, method=lambda m, r, s: m.residual_prior(r, s)
        )
        np.testing.assert_allclose(table.frequencies[:-1] / TOTAL, wanted, atol=2e-6)


def test_hyper_latents_start_with_tables_as_wide_as_their_prior(random_variables, frozen):
    model, variables = random_variables
    channels, loaded = model.config.hyper_latent_channels, LoadedModel(frozen)
    symbols = np.arange(-HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT + 1)
    for which, channel in ((0, 0), (1, 3), (2, channels - 1)):
        z = np.zeros((1, len(symbols), 1, channels), np.float32)
        z[0, :, 0, channel] = symbols
        mass = model.apply(variables, z, jnp.asarray([which]), method=lambda m, z, s: m.hyper_prior(z, s))
        mass = np.asarray(mass[0, :, 0, channel], np.float64)
        mass /= mass.sum()
        mean = mass @ symbols
        scale = int(loaded.planes.hyper_scales[which, 6, channel, 0])
        assert HYPER_SCALES[scale] == pytest.approx(mass @ np.abs(symbols - mean), rel=0.2)
        assert loaded.planes.hyper_means[which, 6, channel] / HYPER_OFFSETS == pytest.approx(mean, abs=0.07)


def test_laplace_tables_hold_all_mass_around_their_means(frozen):
    loaded = LoadedModel(frozen)
    first = loaded.shape.scale_count + loaded.shape.plane_table_count
    for scale in (4, 12, 20):
        for offset in range(HYPER_OFFSETS):
            table = loaded.tables[first + HYPER_OFFSETS * scale + offset]
            mass = table.frequencies[:-1] / TOTAL
            mean = mass @ (table.first_symbol + np.arange(mass.size))
            assert mass.sum() == pytest.approx(1, abs=1e-4)
            assert abs(mean - (offset / HYPER_OFFSETS - 0.5)) < 0.5


def test_freezing_to_a_file(tmp_path, random_variables, frozen_bytes):
    model, variables = random_variables
    freeze_to(tmp_path / "any name.vcm", model.config, variables, CARD)
    assert (tmp_path / "any name.vcm").read_bytes() == frozen_bytes
