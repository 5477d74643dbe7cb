"""Gradient refinement with the tiny model: better, exact, repeatable, in windows, and what is said without jax."""

import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
from photo import photo

from vaecompress.bitstream import Container
from vaecompress.codec.picture import squared_error
from vaecompress.encoder import gradient_search, prepare
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.still import ImageEncoder
from vaecompress.entropy.coder import ideal_bits
from vaecompress.errors import UsageError
from vaecompress.format import quality_lambda
from vaecompress.media.image import Image
from vaecompress.models import registry

QUALITY, STEPS = 50, 100


@pytest.fixture(scope="module")
def model(tiny_model_path):
    return registry.load(tiny_model_path, threads=1)


@pytest.fixture(scope="module")
def refined(model):
    """Level 7 with fewer steps."""
    return replace(prepare.prepare(7, model), steps=STEPS)


def cost(model, pixels, level):
    codec = PictureEncoder(model)
    coded = codec.search(pixels, QUALITY, level)
    error = squared_error(pixels, codec.synthesise(coded.latents, pixels.shape, QUALITY))
    bits = sum(ideal_bits(*group, model.tables) for group in coded.groups)
    return quality_lambda(QUALITY) * error / pixels.shape[2] + bits


def test_gradients_find_what_rounding_does_not(model, refined):
    pixels = photo(50, 70)
    rounded = replace(refined, steps=0, refiner=None)
    costs = [cost(model, pixels, level) for level in (refined, rounded, EFFORTS[3])]
    assert costs[0] < 0.985 * costs[1]
    assert costs[1] <= costs[2]


def test_the_file_decodes_and_is_the_same_every_time_and_steps_are_told(model, refined):
    codec, image, told = ImageEncoder(model), Image(photo(60, 60, 1)), []
    goal, few = Goal(quality=QUALITY), replace(refined, steps=10)
    first = codec.encode(image, goal, False, few, lambda *step: told.append(step)).data
    assert codec.encode(image, goal, False, few).data == first
    assert told == [(step, 10) for step in range(1, 11)]
    with Container.open(first) as container:
        assert codec.decode(container).pixels.shape == (60, 60, 1)


def test_what_lies_outside_the_picture_does_not_count(model, refined):
    """Padding to multiples of 64 may become anything; only the rate of its latents is felt."""
    pixels = photo(40, 40)
    codec = PictureEncoder(model)
    y, z = codec.analyse(pixels, QUALITY)
    moved, _ = refined.refiner(pixels, y, z, QUALITY, 20)
    size = np.abs(moved[0, :, 3:].astype(int)).sum()
    assert size < np.abs(y[0, :, 3:].astype(int)).sum()


def test_windows_change_every_latent_once_and_hold_the_others(model, refined, monkeypatch):
    monkeypatch.setattr(gradient_search, "CORE", 64)
    pixels = photo(128, 192)
    codec = PictureEncoder(model)
    y, z = codec.analyse(pixels, QUALITY)
    windows = list(gradient_search._windows(128, 192))
    assert {(tile.padded.height, tile.padded.width) for tile in windows} == {(128, 192)}
    problem, start = gradient_search._cut(pixels, y, z, windows[4], QUALITY, None)
    state = gradient_search._step(
        refined.refiner._model, refined.refiner._variables, problem, gradient_search._start(start), 2
    )
    changed = np.array(jax.numpy.any(state.latents["y"] != start["y"], axis=(0, 3)))
    assert changed[4:, 4:8].all()
    changed[4:, 4:8] = False
    assert not changed.any()
    moved, hyper = refined.refiner(pixels, y, z, QUALITY, 2)
    assert (moved != y).any(axis=1).all()
    assert (hyper != z).any(axis=1).all()


def test_without_jax_it_is_said_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "vaecompress.encoder.gradient_search")
    monkeypatch.setattr(prepare, "_refiner", prepare._refiner.__wrapped__)
    with pytest.raises(UsageError, match=r"effort 9 .* needs jax: pip install 'vaecompress\[train\]'"):
        prepare.prepare(9, model)
    assert prepare.prepare(5, model) == EFFORTS[5]


@pytest.mark.parametrize(("kmac", "steps"), [(0.3, 200), (5.95, 200), (20.38, 93), (128.8, 18)])
def test_dearer_decoders_take_fewer_steps(model: registry.LoadedModel, kmac: float, steps: int) -> None:
    dearer = registry.LoadedModel(replace(model.file, card={**model.file.card, "decoder_kmac_per_pixel": kmac}))
    assert prepare.prepare(9, dearer).steps == steps
