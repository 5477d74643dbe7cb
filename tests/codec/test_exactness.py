"""Flax, onnxruntime and plain integers decode to the same bits, whatever the threads, the optimisation or the tiles."""

import hashlib
from itertools import product

import numpy as np
import pytest

from vaecompress.encoder.effort import EFFORTS
from vaecompress.format import STEP_BITS

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp

from vaecompress.bitstream import Container
from vaecompress.codec import latents, picture
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.rounding import DeadZone
from vaecompress.encoder.still import ImageEncoder
from vaecompress.entropy.context_steps import group_masks
from vaecompress.export import freeze
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT
from vaecompress.media.image import Image
from vaecompress.models import file as model_file
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks import engines
from vaecompress.networks.integer_engine import ReferenceNetwork
from vaecompress.networks.onnx_network import OnnxNetwork
from vaecompress.networks.openvino_engine import OpenVinoNetwork, has_openvino
from vaecompress.transforms.exact import power_of_two
from vaecompress.transforms.hyperprior import SCALE_EXPONENT
from vaecompress.transforms.synthesis import to_levels
from vaecompress.transforms.vae import Gains

NEEDS_OPENVINO = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed")
QUALITIES = (1, 42, 100)
ROWS, COLUMNS = 2, 3


def smooth_picture(height, width, seed=0):
    """Something smooth with edges and noise, so that every kind of symbol occurs."""
    rng = np.random.default_rng(seed)
    rows, columns, channel = np.ogrid[:height, :width, :3]
    smooth = 110 + 70 * np.sin((rows + 2 * columns) / (9 + 5 * channel)) + 50 * (rows // 37 > columns // 23)
    return np.clip(smooth + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=["tiny", "random"])
def frozen(request):
    """Flax module, variables, and the model file they were frozen into."""
    if request.param == "tiny":
        path = request.getfixturevalue("tiny_model_path")
        return *request.getfixturevalue("tiny_variables"), model_file.load(path)
    model, variables = request.getfixturevalue("random_variables")
    return model, variables, model_file.parse(freeze.freeze(model.config, variables, {"name": "random"}))


def stored_gains(loaded, variables, quality):
    """The gains of the model file as Flax takes them: without the powers of two that the graphs fold in."""
    rows = {name: loaded.gain(name, quality)[:, :, 0, 0] for name in Gains._fields}
    shift = variables["ranges"]["synthesis"]["coefficient_exponent"] - STEP_BITS
    rows["decoder_latent"] = rows["decoder_latent"] / 2.0**shift
    return Gains(**{name: jnp.asarray(row, jnp.float32) for name, row in rows.items()})


def flax_decoder(model):
    """The exact phase of a module as one function from integers to the integers that the graphs give, by graph."""

    def integers(signal):
        return signal.value * power_of_two(signal.exponent)

    def run(variables, gains, z, residual, y):
        bound = model.bind(variables)
        features, mean, scale = bound.hyper_synthesise(z, gains, True)
        found = {"hyper_synthesis": [integers(signal) for signal in (features, mean, scale)]}
        for step in range(1, model.config.context_steps):
            mean, scale = bound.refine(step, features, residual, mean, scale)
            found[f"context{step}"] = [integers(mean), integers(scale)]
        found["synthesis"] = [to_levels(bound.synthesise(y * 2.0**-STEP_BITS, gains, True))]
        return found

    return jax.jit(run)


def all_engines(graph):
    """The graph under every engine."""
    yield "plain integers", ReferenceNetwork(graph)
    for threads, optimise in product((1, 2), (False, True)):
        yield f"onnxruntime, {threads} threads, optimise {optimise}", OnnxNetwork(graph, threads, optimise)
    if has_openvino():
        yield "OpenVINO", OpenVinoNetwork(graph, 1)


def channels_first(array):
    return np.asarray(array).transpose(0, 3, 1, 2)


def drawn(rng, limit, channels, factor):
    """Integers of a two-sided exponential spread with some at the very limit, float32 [1, h, w, C]."""
    shape = (1, ROWS * factor, COLUMNS * factor, channels)
    values = np.clip(np.rint(rng.laplace(0, limit / 30, shape)), -limit, limit)
    values[rng.random(shape) < 0.01] = limit
    return values.astype(np.float32)


def test_every_network_has_the_same_bits_in_flax_and_under_every_engine(frozen):
    model, variables, file = frozen
    config, loaded, rng = model.config, LoadedModel(file), np.random.default_rng(0)
    decode = flax_decoder(model)
    networks = {name: list(all_engines(file.networks[name])) for name in file.networks if "analysis" not in name}
    for quality in QUALITIES:
        z = drawn(rng, HYPER_LATENT_LIMIT, config.hyper_latent_channels, 1)
        y = drawn(rng, LATENT_LIMIT, config.latent_channels, 4)
        residual = drawn(rng, RESIDUAL_LIMIT, config.latent_channels, 4)
        expected = decode(variables, stored_gains(loaded, variables, quality), z, residual, y)
        gain = {name: loaded.gain(name, quality) for name in Gains._fields}
        features, mean, scale = map(channels_first, expected["hyper_synthesis"])
        assert len(np.unique(mean)) > 5
        assert len(np.unique(scale)) > 5
        inputs = {
            "hyper_synthesis": {"z": channels_first(z), "feature_gain": gain["hyper_feature"]},
            "synthesis": {
                "y": channels_first(y),
                "latent_gain": gain["decoder_latent"],
                "feature_gain": gain["synthesis_feature"],
            },
        }
        for step in range(1, config.context_steps):
            known = {"features": features, "residual": channels_first(residual), "mean": mean, "scale": scale}
            inputs[f"context{step}"] = known
            mean, scale = map(channels_first, expected[f"context{step}"])
        for name, network in networks.items():
            wanted = expected[name] if name == "synthesis" else map(channels_first, expected[name])
            wanted = [np.asarray(array) for array in wanted]
            for engine, prepared in network:
                for found, right in zip(prepared.run(inputs[name]), wanted, strict=True):
                    np.testing.assert_array_equal(found, right, err_msg=f"{name}, {engine}")


def test_flax_sees_the_latents_that_the_codec_codes(frozen):
    """The whole order of context steps, by its result: Flax's likelihoods are of what the codec's tables are asked."""
    model, variables, file = frozen
    loaded, quality = LoadedModel(file, threads=1), 42
    codec = PictureEncoder(loaded)
    pixels = smooth_picture(64 * ROWS, 64 * COLUMNS)
    y, z = codec.analyse(pixels, quality)
    groups = codec.latents.code(y, codec.latents.code_hyper(z, quality), DeadZone(loaded.shape)).groups
    z_hat = np.clip(np.rint(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT).transpose(0, 2, 3, 1)
    wanted = codec.latents.decode(codec.encode(pixels, quality, EFFORTS[1]).payload.coded[1:], ROWS, COLUMNS, quality)
    masks = group_masks(model.config.context_steps, *wanted.shape[2:], wanted.shape[1])

    def code(variables, gains, z_hat, latent):
        bound = model.bind(variables)
        features, mean, scale = bound.hyper_synthesise(z_hat, gains, True)
        residual, index = jnp.zeros_like(latent), jnp.zeros_like(latent)
        for step, mask in enumerate(masks):
            if step > 0:
                mean, scale = bound.refine(step, features, residual, mean, scale)
            seen = latent - mean.value  # off the integers for a plane of lowest frequency, and told rounded half up
            residual = jnp.where(mask, jnp.floor(seen + 0.5), residual)
            index = jnp.where(mask, jnp.clip(scale.value * 2.0**SCALE_EXPONENT + 24, 0, 79), index)
        return residual, index

    gains = stored_gains(loaded, variables, quality)
    latent = wanted.transpose(0, 2, 3, 1).astype(np.float32) / 2.0**STEP_BITS
    residual, index = jax.jit(code)(variables, gains, z_hat, latent)
    networks_own = np.ones(wanted.shape[1], bool)
    networks_own[loaded.shape.plane_channels] = False
    for (symbols, tables), mask in zip(groups[-len(masks) :], masks, strict=True):
        coded = (mask & networks_own & (np.asarray(index[0]) > 0)).transpose(2, 0, 1)
        np.testing.assert_array_equal(tables, np.asarray(index[0]).transpose(2, 0, 1)[coded])
        np.testing.assert_array_equal(symbols, np.asarray(residual[0]).transpose(2, 0, 1)[coded])


@pytest.fixture
def stream(tiny_model_path):
    codec = ImageEncoder(LoadedModel(model_file.load(tiny_model_path), threads=1))
    encoded = codec.encode(Image(smooth_picture(150, 200)), Goal(quality=70))
    assert encoded.psnr_db > 20
    return encoded.data


@pytest.mark.parametrize(
    ("engine", "threads", "optimise"),
    [
        *product(["onnxruntime"], [1, 2], [False, True]),
        pytest.param("openvino", 2, True, marks=NEEDS_OPENVINO),
        ("reference", None, False),
    ],
)
def test_a_stream_decodes_to_one_hash(stream, tiny_model_path, monkeypatch, engine, threads, optimise):
    prepare = engines.network
    monkeypatch.setattr(engines, "network", lambda graph, name, count: prepare(graph, name, count, optimise))
    codec = ImageEncoder(LoadedModel(model_file.load(tiny_model_path), engine, threads))
    pixels = codec.decode(Container.open(stream)).pixels
    monkeypatch.undo()
    usual = ImageEncoder(LoadedModel(model_file.load(tiny_model_path))).decode(Container.open(stream)).pixels
    assert hashlib.sha256(pixels).hexdigest() == hashlib.sha256(usual).hexdigest()


def test_four_megapixels_decode_alike_whole_and_in_tiles(tiny_model_path, monkeypatch):
    model = registry.load(tiny_model_path, threads=1)
    codec = PictureEncoder(model)
    pixels = np.tile(smooth_picture(512, 512), (4, 4, 1))
    coded = codec.encode(pixels, 50)
    for tile in (latents.TILE_LATENTS // 2, 1 << 20):
        monkeypatch.setattr(picture, "TILE_LATENTS", tile)
        monkeypatch.setattr(latents, "TILE_LATENTS", tile)
        monkeypatch.setattr(latents, "TILE_HYPER_LATENTS", tile // 4)
        np.testing.assert_array_equal(codec.decode(coded.payload, pixels.shape, 50), coded.pixels)
