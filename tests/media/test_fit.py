"""Small pictures of large ones."""

import numpy as np
import pytest
from photo import photo

from vaecompress.media.formats.pillow import fit
from vaecompress.media.image import Image


@pytest.mark.parametrize("channels", [1, 3])
def test_the_longer_side_fits_and_metadata_stays(channels: int) -> None:
    alpha = np.full((70, 120), 255, np.uint8)
    image = Image(photo(channels=channels), alpha, exif=b"II*\0data")
    small = fit(image, 30)
    assert (small.width, small.height, small.channels, small.exif) == (30, 18, channels, image.exif)
    assert small.alpha is not None
    assert small.alpha.shape == (18, 30)
    assert abs(small.pixels.mean() - image.pixels.mean()) < 3


def test_a_small_picture_stays_as_it_is() -> None:
    image = Image(photo())
    assert fit(image, 120) is image
    line = fit(Image(photo(1, 100)), 10)
    assert (line.width, line.height) == (10, 1)


def test_transparent_pixels_do_not_bleed() -> None:
    pixels, alpha = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64), np.uint8)
    pixels[:, 32:], alpha[:, 32:] = 40, 255
    small = fit(Image(pixels, alpha), 8)
    assert small.alpha is not None
    assert abs(small.pixels[small.alpha > 64].astype(int) - 40).max() <= 2
