"""Turning upright and converting to sRGB: what is seen stays, whatever becomes of the metadata."""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from media_files import pillow, samples, saved

from vaecompress.media.formats.icc import SRGB, profile_of, profile_of_code_points
from vaecompress.media.image import Image
from vaecompress.media.image_read import read_image
from vaecompress.media.plain import oriented, plain, turned_upright


def exif_of(orientation, order="<"):
    exif = PIL.Image.Exif()
    exif.endian = order
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_does(orientation):
    array = samples(height=20, width=30)
    data = saved(pillow(array), "PNG", exif=b"Exif\0\0" + exif_of(orientation))
    image, _ = read_image(data)
    upright, notes = turned_upright(Image(image.pixels, image.pixels[:, :, 0], exif=image.exif))
    wanted = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(upright.pixels, wanted)
    np.testing.assert_array_equal(upright.alpha, wanted[:, :, 0])
    assert len(notes) == (orientation != 1)
    kept = PIL.Image.Exif()
    kept.load(upright.exif)
    assert (kept[0x0112], kept[0x010F]) == (1, "Maker")


def test_damaged_exif_turns_nothing():
    for exif in (b"", b"not EXIF", exif_of(6)[:9], b"II*\0\xff\xff\xff\xff", exif_of(9)):
        image = Image(samples(), exif=exif)
        assert turned_upright(image)[0] is image
    assert oriented(samples(), 1).shape == samples().shape


def test_wide_colours_are_converted():
    array = np.full((4, 5, 3), (200, 100, 50), np.uint8)
    converted, notes = plain(Image(array, icc=profile_of_code_points(12, 13)))
    np.testing.assert_allclose(converted.pixels[0, 0], (215, 93, 31), atol=1)  # by the matrices of P3 and sRGB
    assert converted.icc is None
    assert notes == ["its colours are converted to sRGB"]


def test_grey_is_converted_and_stays_grey():
    grey = Image(np.full((4, 5, 1), 50, np.uint8), icc=profile_of(SRGB, (1.0,), grey=True))
    np.testing.assert_allclose(plain(grey)[0].pixels[0, 0], (122,), atol=1)  # linear 50 / 255 in sRGB's curve
    with_rgb_profile = Image(grey.pixels, icc=profile_of(SRGB, (1.0,)))
    np.testing.assert_allclose(plain(with_rgb_profile)[0].pixels[0, 0], (122,), atol=1)


def test_srgb_is_left_alone_and_a_broken_profile_named():
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image(samples(), icc=srgb)
    converted, notes = plain(image)
    assert converted.pixels is image.pixels
    assert notes == []
    for icc in (b"profile" * 30, profile_of(SRGB, (1.0,), grey=True)):
        converted, notes = plain(Image(samples(), icc=icc))
        np.testing.assert_array_equal(converted.pixels, samples())
        assert notes == ["its ICC profile cannot be used: its colours are taken as sRGB"]
