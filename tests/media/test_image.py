"""The image type: what it accepts, what it refuses, how samples are reduced."""

import numpy as np
import pytest

from vaecompress.errors import InputError
from vaecompress.media.image import Image, to_8_bit


@pytest.mark.parametrize(
    ("shape", "channels", "has_alpha"),
    [((4, 5), 1, False), ((4, 5, 1), 1, False), ((4, 5, 2), 1, True), ((4, 5, 3), 3, False), ((4, 5, 4), 3, True)],
)
def test_from_array_splits_off_alpha(shape, channels, has_alpha):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    image = Image.from_array(array)
    assert (image.height, image.width, image.channels) == (4, 5, channels)
    assert (image.alpha is not None) == has_alpha
    samples = array.reshape(4, 5, -1)
    np.testing.assert_array_equal(image.pixels, samples[:, :, :channels])
    if image.alpha is not None:
        np.testing.assert_array_equal(image.alpha, samples[:, :, -1])


def test_from_array_says_that_16_bits_are_reduced():
    with pytest.warns(UserWarning, match="reduced to 8 bits"):
        image = Image.from_array(np.full((2, 2), 65535, np.uint16))
    assert image.pixels.max() == 255


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 5, 5), np.uint8), np.zeros(4, np.uint8), np.zeros((4, 5), np.float32), np.zeros((0, 5), np.uint8)],
)
def test_from_array_refuses(array):
    with pytest.raises(InputError):
        Image.from_array(array)


def test_alpha_must_match_the_pixels():
    with pytest.raises(InputError, match="alpha is uint8"):
        Image(np.zeros((4, 5, 3), np.uint8), alpha=np.zeros((5, 4), np.uint8))


def test_16_bits_round_to_the_nearest():
    samples = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_8_bit(samples), np.round(samples / 257.0))
    assert to_8_bit(samples.astype(">u2")).max() == 255


def test_metadata_bytes_counts_all_blocks():
    assert Image(np.zeros((1, 1, 1), np.uint8), icc=b"123", exif=b"4", xmp=b"56").metadata_bytes == 6
