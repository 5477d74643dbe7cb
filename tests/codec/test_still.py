"""Still images with the tiny model: every shape, every goal, what is printed is what is in the file."""

import numpy as np
import pytest
from photo import photo

import vaecompress
from vaecompress.bitstream import Container
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.errors import CorruptError, GoalError, UnsupportedError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.image import Image
from vaecompress.models import installed, registry


@pytest.fixture(scope="module")
def codec(tiny_model_path):
    return ImageEncoder(registry.load(tiny_model_path, threads=1))


def decoded(codec, data):
    with Container.open(data) as container:
        return codec.decode(container)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 1), (64, 64, 3), (65, 127, 3), (200, 3, 1)])
def test_any_size_comes_back_with_its_size_and_channels(codec, shape):
    image = Image(photo(*shape))
    encoded = codec.encode(image, Goal(quality=60))
    back = decoded(codec, encoded.data)
    assert back.pixels.shape == shape
    assert back.pixels.dtype == np.uint8
    assert encoded.bpp == 8 * len(encoded.data) / (shape[0] * shape[1])
    error = np.mean((back.pixels.astype(float) - image.pixels) ** 2)
    assert encoded.psnr_db == (pytest.approx(10 * np.log10(255**2 / error)) if error else np.inf)


HDR = Colour(9, 16, 0, True)


def test_alpha_and_metadata_come_back_as_they_were(codec):
    alpha = np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8)
    image = Image(photo(40, 50), alpha, icc=b"profile", exif=b"Exif\0\0camera", xmp=b"<x/>", colour=HDR)
    back = decoded(codec, codec.encode(image, Goal(quality=30)).data)
    np.testing.assert_array_equal(back.alpha, alpha)
    assert (back.icc, back.exif, back.xmp, back.colour) == (b"profile", b"Exif\0\0camera", b"<x/>", HDR)
    stripped = decoded(codec, codec.encode(image, Goal(quality=30), strip=True).data)
    assert (stripped.icc, stripped.exif, stripped.xmp) == (None, None, None)
    np.testing.assert_array_equal(stripped.alpha, alpha)


def test_what_is_stripped_stays_upright(codec):
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # one tag: orientation 6
    stripped = decoded(codec, codec.encode(Image(photo(40, 50), exif=exif), Goal(quality=90), strip=True).data)
    assert np.abs(stripped.pixels.astype(int) - np.rot90(photo(40, 50), -1)).mean() < 8


def test_quality_is_monotonic_in_size_and_psnr(codec):
    found = [codec.encode(Image(photo(128, 192)), Goal(quality=quality)) for quality in (1, 25, 50, 75, 100)]
    sizes, psnr = [len(one.data) for one in found], [one.psnr_db for one in found]
    assert sizes == sorted(sizes)
    assert psnr == sorted(psnr)
    assert sizes[-1] > 3 * sizes[0]
    assert psnr[-1] > psnr[0] + 3


def test_a_size_is_never_exceeded_and_the_next_quality_would(codec):
    image, size = Image(photo(128, 192)), 800
    encoded = codec.encode(image, Goal(size_bytes=size))
    assert len(encoded.data) <= size
    assert len(codec.encode(image, Goal(quality=encoded.quality + 1)).data) > size
    at_rate = codec.encode(image, Goal(bpp=8 * size / (128 * 192)))
    assert at_rate.data == encoded.data


def test_a_psnr_is_reached_by_the_lowest_quality_that_does(codec):
    image = Image(photo(128, 192))
    low, high = (codec.encode(image, Goal(quality=quality)).psnr_db for quality in (20, 60))
    encoded = codec.encode(image, Goal(psnr_db=(low + high) / 2))
    assert encoded.psnr_db >= (low + high) / 2
    assert codec.encode(image, Goal(quality=encoded.quality - 1)).psnr_db < (low + high) / 2


@pytest.mark.parametrize("goal", [Goal(size_bytes=20), Goal(bpp=1e-5), Goal(psnr_db=90.0)])
def test_what_is_out_of_reach_is_said(codec, goal):
    with pytest.raises(GoalError, match="out of reach"):
        codec.encode(Image(photo(64, 64)), goal)


@pytest.mark.parametrize(
    "fields",
    [{}, {"quality": 5, "bpp": 1.0}, {"quality": 0}, {"quality": 101}, {"size_bytes": 0}, {"psnr_db": float("nan")}],
)
def test_a_goal_is_one_sensible_number(fields):
    with pytest.raises(UsageError):
        Goal(**fields)


def test_a_plain_picture_costs_at_most_48_bytes_beyond_its_payload(codec):
    pixels = photo(96, 96)
    assert (
        len(codec.encode(Image(pixels), Goal(quality=40)).data)
        <= len(codec.pictures.encode(pixels, 40, EFFORTS[1]).payload.coded) + 48
    )


def test_a_damaged_payload_never_gives_pixels(codec):
    data = bytearray(codec.encode(Image(photo(64, 64)), Goal(quality=40)).data)
    data[-20] ^= 4
    with pytest.raises(CorruptError):
        decoded(codec, bytes(data))


def test_the_public_face(tiny_model_path):
    pixels = photo(70, 90, 4)
    data = vaecompress.encode(pixels, 40, model=tiny_model_path, threads=1)
    image = vaecompress.decode(data, threads=1)
    assert image.pixels.shape == (70, 90, 3)
    np.testing.assert_array_equal(image.alpha, pixels[..., 3])
    found = vaecompress.info(data)
    assert (found.width, found.height, found.alpha, found.quality, found.model) == (90, 70, True, 40, "tiny")


def test_models_go_by_name_path_and_id(tiny_model_path, tmp_path, monkeypatch):
    by_path = registry.load(tiny_model_path)
    assert registry.load("tiny").model_id == by_path.model_id
    assert registry.load(by_path.model_id.hex()).model_id == by_path.model_id
    assert registry.find(by_path.model_id).name == "tiny"
    with pytest.raises(UsageError, match="no model 'giant'"):
        registry.load("giant")
    monkeypatch.setattr(installed, "SHIPPED", tmp_path)
    with pytest.raises(UnsupportedError, match="not installed"):
        registry.find(by_path.model_id)
    monkeypatch.setenv(installed.FOLDER_VARIABLE, str(tiny_model_path.parent))
    assert registry.find(by_path.model_id).name == "tiny"


def test_grey_that_came_as_rgb_is_coded_as_grey_and_comes_back_as_rgb(codec: ImageEncoder) -> None:
    grey = photo(channels=1)
    data = codec.encode(Image(np.repeat(grey, 3, axis=2)), Goal(quality=60)).data
    plain = codec.encode(Image(grey), Goal(quality=60)).data
    with Container.open(data) as container:
        assert (container.header.channels, container.header.grey_as_rgb) == (1, True)
        back = codec.decode(container).pixels
    assert len(data) == len(plain)
    with Container.open(plain) as container:
        np.testing.assert_array_equal(back, np.repeat(codec.decode(container).pixels, 3, axis=2))


def test_colours_that_nobody_sees_cost_next_to_nothing_unless_they_are_to_be_kept(codec):
    alpha = np.zeros((64, 96), np.uint8)
    alpha[20:44, 30:66] = 255
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    plain = np.full((64, 96, 3), (40, 90, 160), np.uint8)
    seen = alpha[:, :, None] > 0
    image, goal = Image(np.where(seen, plain, noise), alpha), Goal(quality=60)
    freed, kept = codec.encode(image, goal), codec.encode(image, goal, exact_alpha=True)
    assert len(freed.data) == len(codec.encode(Image(plain, alpha), goal).data) < 0.5 * len(kept.data)
    assert np.array_equal(image.pixels, np.where(seen, plain, noise))
    assert freed.psnr_db > kept.psnr_db + 10
