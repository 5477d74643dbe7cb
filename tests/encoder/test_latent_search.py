"""The encoder's search at the levels that need no gradients: never worse, always decodable, the same every time."""

from itertools import pairwise

import numpy as np
import pytest
from photo import photo

from vaecompress.bitstream import Container
from vaecompress.codec.picture import squared_error
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder import linear_path
from vaecompress.encoder.effort import EFFORTS, effort_of
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.still import ImageEncoder
from vaecompress.entropy.coder import ideal_bits
from vaecompress.errors import UnsupportedError, UsageError
from vaecompress.format import quality_lambda
from vaecompress.media.image import Image
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel

PLAIN = [level for level, effort in EFFORTS.items() if not effort.steps]


@pytest.fixture(scope="module")
def codec(tiny_model_path):
    return PictureEncoder(registry.load(tiny_model_path, threads=1))


def cost(codec, pixels, quality, level):
    """lambda * D + R in bits of what is decoded from the bytes."""
    coded = codec.search(pixels, quality, EFFORTS[level])
    decoded = codec.decode_unfiltered(codec.latents.encode(coded), pixels.shape, quality)
    bits = sum(ideal_bits(*group, codec.model.tables) for group in coded.groups)
    return quality_lambda(quality) * squared_error(pixels, decoded) / pixels.shape[2] + bits


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [15, 60, 95])
def test_more_effort_costs_no_more(codec, quality, channels):
    pixels = photo(channels=channels)
    costs = [cost(codec, pixels, quality, level) for level in PLAIN[1:]]
    for less, more in pairwise(costs):  # all rounds but the last are judged by an estimate
        assert more < 1.001 * less
    assert costs[-1] < 0.98 * costs[0]


@pytest.mark.parametrize("level", PLAIN)
@pytest.mark.parametrize("shape", [(1, 1, 3), (130, 67, 1), (64, 64, 3)])
def test_every_level_decodes_and_is_the_same_every_time(codec, level, shape):
    image, images = Image(photo(*shape)), ImageEncoder(codec.model)
    streams = [images.encode(image, Goal(quality=50), effort=EFFORTS[level]).data for _ in range(2)]
    assert streams[0] == streams[1]
    with Container.open(streams[0]) as container:
        assert images.decode(container).pixels.shape == shape


def test_latents_of_the_search_are_those_that_are_decoded(codec):
    coded = codec.search(photo(), 60, EFFORTS[3])
    np.testing.assert_array_equal(codec.latents.decode(codec.latents.encode(coded), 2, 2, 60), coded.latents)


def test_without_effort_latents_become_the_nearest_integers(codec):
    aimed, _ = codec.analyse(photo(), 60)
    coded = [codec.search(photo(), 60, EFFORTS[level]) for level in (0, 1)]
    sizes = [sum(int(np.abs(symbols).sum()) for symbols, _ in one.groups) for one in coded]
    further = [np.sum(np.abs(4 * one.latents.astype(int) - aimed) > 32) for one in coded]  # in 1/64 of a step
    assert sizes[0] > sizes[1]
    assert further[0] < further[1]


def test_the_linear_path_tells_what_a_latent_does(codec):
    """Its columns, against what the decoder makes of one step more of one latent."""
    quality, shape = 60, (64, 64, 3)
    columns = linear_path.linear_path(codec.model).columns(quality, 3)
    coded = codec.search(photo(*shape), quality, EFFORTS[1])
    before = codec.synthesise(coded.latents, shape, quality).astype(float)
    for channel in (0, 3):
        latents = coded.latents.copy()
        latents[0, channel, 1, 1] += 16
        change = codec.synthesise(latents, shape, quality) - before
        patch = columns[:, channel].reshape(16, 16, 3)
        share = np.sum(change[16:32, 16:32] * patch) / np.sum(patch * patch)
        assert 0.7 < share < 1.3


def test_of_grey_only_grey_counts(codec):
    rgb, grey = (linear_path.linear_path(codec.model).columns(60, channels) for channels in (3, 1))
    patches = grey.reshape(256, 3, -1)
    np.testing.assert_array_equal(patches[:, 0], patches[:, 2])
    np.testing.assert_allclose(patches.sum(1), rgb.reshape(256, 3, -1).sum(1), rtol=1e-4, atol=1e-3)


def test_a_search_that_cannot_run_says_so(codec, monkeypatch):
    monkeypatch.setattr(linear_path, "LAYER", "synthesis/another")
    other = PictureEncoder(LoadedModel(codec.model.file, threads=1))
    with pytest.raises(UnsupportedError, match="no linear path"):
        other.search(photo(), 50, EFFORTS[5])
    assert other.encode(photo(), 50, EFFORTS[1]).payload.coded


def test_a_model_is_parsed_once_for_all_its_searches(codec):
    assert linear_path.linear_path(codec.model) is linear_path.linear_path(codec.model)


def test_levels():
    assert list(EFFORTS) == list(range(10))
    assert effort_of(DEFAULT_EFFORT) == EFFORTS[DEFAULT_EFFORT]
    assert not EFFORTS[DEFAULT_EFFORT].steps
    for level in (-1, 10):
        with pytest.raises(UsageError, match="from 0 to 9"):
            effort_of(level)
