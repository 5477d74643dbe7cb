"""Predicted frames: the same bits in Flax, onnxruntime and plain integers, whole or in tiles; nothing coded is p."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp
from photo import photo

from vaecompress.codec import predicted as predicted_codec
from vaecompress.codec.predicted import Described, PredictedFrame, Prediction, decode_predicted
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.predicted import PredictedSubject, encode_predicted
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.export.freeze_video import freeze_video
from vaecompress.export.restore import restore_predicted
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS, quality_lambda
from vaecompress.models import file as model_file
from vaecompress.models import installed, registry
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.verify import verify
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.openvino_engine import OpenVinoNetwork, has_openvino
from vaecompress.transforms.exact import power_of_two
from vaecompress.transforms.temporal import describe_prediction, mean_prediction
from vaecompress.transforms.video_vae import PredictedGains

HEIGHT, WIDTH = 128, 192


def shifted(pixels, rows, columns, noise, seed):
    """``pixels`` moved and made noisy: a prediction that is nearly right."""
    rng = np.random.default_rng(seed)
    moved = np.roll(pixels, (rows, columns), (0, 1)).astype(np.float32)
    return np.clip(np.rint(moved + rng.normal(0, noise, moved.shape)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def picture():
    return photo(HEIGHT, WIDTH, 3)


@pytest.fixture(scope="module", params=[False, True], ids=["two references", "one reference"])
def prediction(request, picture):
    past = shifted(picture, 0, 1, 4.0, 0)
    return Prediction(past, past if request.param else shifted(picture, 1, 0, 5.0, 1), request.param)


@pytest.fixture(scope="module")
def model(video_file):
    return LoadedModel(video_file, threads=1).predicted


def engines(graph):
    yield ReferenceNetwork(graph)
    for threads, optimise in product((1, 2), (False, True)):
        yield OnnxNetwork(graph, threads, optimise)
    if has_openvino():
        yield OpenVinoNetwork(graph, 1)


def flax_gains(loaded, variables, quality):
    """The gains of the model file as Flax takes them: without the powers of two that the graphs fold in."""
    rows = {name: loaded.gain(name, quality)[:, :, 0, 0] for name in PredictedGains._fields}
    shift = variables["ranges"]["synthesis"]["coefficient_exponent"] - STEP_BITS
    rows["decoder_latent"] = rows["decoder_latent"] / 2.0**shift
    return PredictedGains(**{name: jnp.asarray(row, jnp.float32) for name, row in rows.items()})


def flax_decoder(module):
    """The exact phase of a module: integers in, the integers of every graph out."""

    def integers(signal):
        return signal.value * power_of_two(signal.exponent)

    def run(variables, gains, past, future, one_sided, z, residual, y):
        bound = module.bind(variables)
        condition = bound.condition(past, future, one_sided, gains, True)
        found = {"conditioning": [integers(condition.at8), integers(condition.at16)]}
        hyper = bound._signal(z, 0, HYPER_LATENT_LIMIT, True)
        features, mean, scale = bound.hyper_synthesis(hyper, condition.at16, gains.hyper_feature)
        found["hyper_synthesis"] = [integers(signal) for signal in (features, mean, scale)]
        for step in range(1, module.config.latents.context_steps):
            mean, scale = bound.refine(step, features, residual, mean, scale)
            found[f"context{step}"] = [integers(mean), integers(scale)]
        found["synthesis"] = [jnp.round(bound.synthesise(y * 2.0**-STEP_BITS, condition, gains) * 256.0)]
        return found

    return jax.jit(run)


def drawn(rng, limit, channels, factor):
    """Integers of a two-sided exponential spread with some at the very limit, float32 [1, h, w, C]."""
    shape = (1, HEIGHT // 64 * factor, WIDTH // 64 * factor, channels)
    values = np.clip(np.rint(rng.laplace(0, limit / 30, shape)), -limit, limit)
    values[rng.random(shape) < 0.01] = limit
    return values.astype(np.float32)


def first(array):
    return np.asarray(array).transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def decoders(random_predicted, model):
    """Flax as one compiled function, and every graph of the decoder under every engine."""
    names = model.decoder_networks()
    return flax_decoder(random_predicted[0]), {name: list(engines(model.file.networks[name])) for name in names}


def test_every_network_has_the_same_bits_in_flax_and_under_every_engine(random_predicted, model, prediction, decoders):
    module, variables = random_predicted
    config, rng, (flax, networks) = module.config.latents, np.random.default_rng(0), decoders
    sides = [jnp.asarray(side, jnp.float32)[None] for side in (prediction.past, prediction.future)]
    described = Described(prediction)[:, :, :HEIGHT, :WIDTH]
    np.testing.assert_array_equal(described, first(describe_prediction(*sides)) * 256)
    np.testing.assert_array_equal(prediction.mean, mean_prediction(*sides)[0])
    for quality in (1, 42, 100):
        z = drawn(rng, HYPER_LATENT_LIMIT, config.hyper_latent_channels, 1)
        y = drawn(rng, LATENT_LIMIT, config.latent_channels, 4)
        residual = drawn(rng, RESIDUAL_LIMIT, config.latent_channels, 4)
        gains = flax_gains(model, variables, quality)
        wanted = flax(variables, gains, *sides, jnp.asarray([prediction.one_sided]), z, residual, y)
        at8, at16 = (first(array) for array in wanted["conditioning"])
        features, mean, scale = (first(array) for array in wanted["hyper_synthesis"])
        assert len(np.unique(mean)) > 5
        gain = {name: model.gain(name, quality) for name in PredictedGains._fields}
        own = gain["condition_past" if prediction.one_sided else "condition_feature"]
        told = {"prediction": described, "at8": at8, "at16": at16}
        gains_of_pixels = {"latent_gain": gain["decoder_latent"], "feature_gain": gain["synthesis_feature"]}
        inputs = {
            "conditioning": {"prediction": described, "feature_gain": own},
            "hyper_synthesis": {"z": first(z), "at16": at16, "feature_gain": gain["hyper_feature"]},
            "synthesis": {"y": first(y), **gains_of_pixels, **told},
        }
        for step in range(1, config.context_steps):
            known = {"features": features, "residual": first(residual), "mean": mean, "scale": scale}
            inputs[f"context{step}"] = known
            mean, scale = (first(array) for array in wanted[f"context{step}"])
        for name, feed in inputs.items():
            limit = 255 if name == "synthesis" else np.inf
            for engine in networks[name]:
                for found, expected in zip(engine.run(feed), wanted[name], strict=True):
                    np.testing.assert_array_equal(found, np.clip(first(expected), -limit, limit), err_msg=name)


def _frozen(random_predicted):
    module, variables = random_predicted
    still = model_file.load(installed.SHIPPED / "tiny.vcm")
    return freeze_video(still, module.config, variables, {"name": "random", "licence": "none"})


def test_freezing_what_was_restored_gives_the_same_bytes(random_predicted, video_file):
    module, variables = restore_predicted(video_file)
    still = model_file.load(installed.SHIPPED / "tiny.vcm")
    again = freeze_video(still, module.config, variables, {"name": "random", "licence": "none"})
    assert again == _frozen(random_predicted)


def test_stills_of_a_video_model_are_those_of_the_model_it_was_made_from(video_file, tiny_model_path):
    tiny = registry.load(tiny_model_path)
    loaded = LoadedModel(video_file)
    assert loaded.decoder_networks() == tiny.decoder_networks()
    assert {name: video_file.networks[name] for name in tiny.file.networks} == tiny.file.networks


def test_what_was_frozen_is_verified(video_file):
    verify(LoadedModel(video_file))


@pytest.mark.parametrize("name", ["conditioning", "hyper_synthesis", "synthesis", "context1"])
def test_a_missing_network_of_predicted_frames_is_named(video_file, name):
    networks = {key: graph for key, graph in video_file.networks.items() if key != f"predicted/{name}"}
    with pytest.raises(CorruptError, match=f"'?{name}'?|part is missing|filter are missing"):
        verify(LoadedModel(model_file.ModelFile(video_file.card, networks, video_file.arrays, video_file.identity)))


def test_networks_that_see_further_than_the_card_says_are_refused(video_file):
    part = video_file.card["predicted"]
    shape = {**part["codec"], "halos": {**part["codec"]["halos"], "conditioning": 0}}
    card = {**video_file.card, "predicted": {**part, "codec": shape}}
    with pytest.raises(CorruptError, match=r"conditioning.*further than the halo"):
        verify(LoadedModel(model_file.ModelFile(card, video_file.networks, video_file.arrays, video_file.identity)))


def test_a_model_of_stills_has_no_predicted_frames(tiny_model_path):
    with pytest.raises(UnsupportedError, match="no predicted frames"):
        assert registry.load(tiny_model_path).predicted


@pytest.mark.parametrize("quality", [5, 60, 95])
def test_bytes_decode_to_the_pixels_that_the_encoder_says(model, video_file, picture, prediction, quality):
    height, width = HEIGHT - 3, WIDTH - 62
    coded = encode_predicted(model, picture[:height, :width], prediction, quality, EFFORTS[3])
    reference = LoadedModel(video_file, "reference").predicted
    for engine in (model, reference):
        decoded = decode_predicted(engine, coded.coded, prediction, height, width, quality)
        np.testing.assert_array_equal(decoded, coded.pixels)
    distortion = quality_lambda(quality) * VideoError().total(picture[:height, :width], coded.pixels)
    assert coded.cost == pytest.approx(distortion + 8 * len(coded.coded))


def test_tiles_change_nothing(model, picture, prediction, monkeypatch):
    frame = PredictedFrame(model, prediction, 70)
    rng = np.random.default_rng(2)
    latents = rng.integers(-300, 300, (1, model.shape.latent_channels, HEIGHT // 16, WIDTH // 16)).astype(np.int16)
    whole = frame.decoded(latents, HEIGHT, WIDTH)
    monkeypatch.setattr(predicted_codec, "TILE_LATENTS", 4)
    monkeypatch.setattr("vaecompress.codec.latents.TILE_HYPER_LATENTS", 1)
    monkeypatch.setattr("vaecompress.codec.latents.TILE_LATENTS", 4)
    tiled = PredictedFrame(model, prediction, 70)
    np.testing.assert_array_equal(tiled.decoded(latents, HEIGHT, WIDTH), whole)
    coded = encode_predicted(model, picture, prediction, 70, EFFORTS[1])
    monkeypatch.undo()
    np.testing.assert_array_equal(decode_predicted(model, coded.coded, prediction, HEIGHT, WIDTH, 70), coded.pixels)


def test_where_nothing_is_coded_the_frame_is_the_mean_prediction(model, picture):
    prediction = Prediction(picture, picture, False)
    coded = encode_predicted(model, picture, prediction, 50, EFFORTS[2])
    assert coded.coded == b""
    assert coded.cost == 0
    np.testing.assert_array_equal(decode_predicted(model, b"", prediction, HEIGHT, WIDTH, 50), picture)


def test_damaged_bytes_are_refused(model, picture, prediction):
    subject = PredictedSubject(model, prediction, 95)
    coded = subject.latents.encode(Search(subject, picture, 95).run(EFFORTS[1]))
    assert len(coded) > 100
    decode_predicted(model, coded, prediction, HEIGHT, WIDTH, 95)
    with pytest.raises(CorruptError):
        decode_predicted(model, coded[: len(coded) // 2], prediction, HEIGHT, WIDTH, 95)
