"""The encoder's search at the levels that need no gradients: never worse, always decodable, the same every time."""

import numpy as np
import pytest
from photo import photo

from vaecompress.bitstream import Container
from vaecompress.codec import linear_path, models
from vaecompress.codec.effort import DEFAULT_EFFORT, EFFORTS, effort_of
from vaecompress.codec.goal import MAX_QUALITY, Goal, quality_lambda
from vaecompress.codec.image import ImageCodec
from vaecompress.codec.picture import PictureCodec, squared_error
from vaecompress.codec.search import Search
from vaecompress.entropy.coder import ideal_bits
from vaecompress.errors import UsageError
from vaecompress.media.image import Image

PLAIN = [level for level, effort in EFFORTS.items() if not effort.steps]


@pytest.fixture(scope="module")
def codec(tiny_model_path):
    return PictureCodec(models.load(tiny_model_path, threads=1))


def cost(codec, pixels, quality, level):
    """lambda * D + R in bits of what is decoded from the bytes."""
    coded = Search(codec, pixels, quality).run(EFFORTS[level])
    decoded = codec.reconstruct(codec.latents.encode(coded), pixels.shape, quality).pixels
    bits = sum(ideal_bits(*group, codec.model.tables) for group in coded.groups)
    return quality_lambda(quality) * squared_error(pixels, decoded) / pixels.shape[2] + bits


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [15, 60, 95])
def test_more_effort_costs_no_more(codec, quality, channels):
    pixels = photo(channels=channels)
    costs = [cost(codec, pixels, quality, level) for level in PLAIN]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.98 * costs[0]


@pytest.mark.parametrize("level", PLAIN)
@pytest.mark.parametrize("shape", [(1, 1, 3), (130, 67, 1), (64, 64, 3)])
def test_every_level_decodes_and_is_the_same_every_time(codec, level, shape):
    image, images = Image(photo(*shape)), ImageCodec(codec.model)
    streams = [images.encode(image, Goal(quality=50), effort=EFFORTS[level]).data for _ in range(2)]
    assert streams[0] == streams[1]
    with Container.open(streams[0]) as container:
        assert images.decode(container).pixels.shape == shape


def test_latents_of_the_search_are_those_that_are_decoded(codec):
    coded = Search(codec, photo(), 60).run(EFFORTS[3])
    np.testing.assert_array_equal(codec.latents.decode(codec.latents.encode(coded), 2, 2, 60), coded.latents)


def test_the_linear_path_tells_what_a_latent_does(codec):
    """Its columns, against what the decoder makes of one step more of one latent."""
    quality, shape = 60, (64, 64, 3)
    columns = codec.linear_path.columns(quality, 3)
    coded = Search(codec, photo(*shape), quality).run(EFFORTS[1])
    before = codec.synthesise(coded.latents, shape, quality).astype(float)
    for channel in (0, 3):
        latents = coded.latents.copy()
        latents[0, channel, 1, 1] += 16
        change = codec.synthesise(latents, shape, quality) - before
        patch = columns[:, channel].reshape(16, 16, 3)
        share = np.sum(change[16:32, 16:32] * patch) / np.sum(patch * patch)
        assert 0.7 < share < 1.3


def test_of_grey_only_grey_counts(codec):
    rgb, grey = (codec.linear_path.columns(60, channels) for channels in (3, 1))
    patches = grey.reshape(256, 3, -1)
    np.testing.assert_array_equal(patches[:, 0], patches[:, 2])
    np.testing.assert_allclose(patches.sum(1), rgb.reshape(256, 3, -1).sum(1), rtol=1e-4, atol=1e-3)


def test_a_synthesis_without_linear_path_is_not_searched(codec, monkeypatch):
    monkeypatch.setattr(linear_path, "LAYER", "synthesis/another")
    other, pixels = PictureCodec(codec.model), photo()
    assert other.latents.encode(Search(other, pixels, 50).run(EFFORTS[5])) == other.compress(pixels, 50)


def test_the_lambda_is_the_one_that_models_are_trained_with():
    config = pytest.importorskip("vaecompress.transforms.config")
    for quality in (1, 50, MAX_QUALITY):
        assert quality_lambda(quality) == pytest.approx(config.quality_lambda(config.quality_position(quality)))


def test_levels():
    assert list(EFFORTS) == list(range(1, 10))
    assert effort_of(DEFAULT_EFFORT) == EFFORTS[DEFAULT_EFFORT]
    assert not EFFORTS[DEFAULT_EFFORT].steps
    for level in (0, 10):
        with pytest.raises(UsageError, match="from 1 to 9"):
            effort_of(level)
