"""Writing pictures: what is written reads back the same, what a format cannot carry is refused or said aloud."""

import io

import numpy as np
import pytest
from media_files import samples

from vaecompress.errors import OutputError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.formats.icc import profile_of_code_points
from vaecompress.media.image import Image
from vaecompress.media.image_read import read_image
from vaecompress.media.image_write import format_of, write_image

LOSSLESS = [(name, channels) for name in ("png", "webp", "tiff") for channels in (1, 2, 3, 4)] + [
    ("bmp", 1),
    ("bmp", 3),
    ("ppm", 1),
    ("ppm", 3),
    ("pgm", 1),
]
EXIF = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # one tag: orientation 6


@pytest.mark.parametrize(("format", "channels"), LOSSLESS)
@pytest.mark.parametrize("size", [(1, 1), (23, 31), (5, 3)])
def test_lossless_formats_round_trip(format, channels, size, tmp_path):
    image = Image.from_array(samples(*size, channels=channels))
    path = tmp_path / "picture.part"
    assert write_image(image, path, format) == []
    back, _ = read_image(path)
    expected = image.pixels if format != "webp" else np.broadcast_to(image.pixels, (*size, 3))
    np.testing.assert_array_equal(back.pixels, expected)
    assert (back.alpha is None) == (image.alpha is None)
    if image.alpha is not None:
        np.testing.assert_array_equal(back.alpha, image.alpha)


def test_a_binary_file_gets_the_same_bytes_as_a_path(tmp_path):
    image = Image.from_array(samples())
    buffer = io.BytesIO()
    write_image(image, buffer, "png")
    write_image(image, tmp_path / "a.png", "png")
    assert buffer.getvalue() == (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_comes_close(channels):
    image = Image.from_array(np.full((16, 24, channels), 77, np.uint8))
    buffer = io.BytesIO()
    write_image(image, buffer, "jpeg")
    back, _ = read_image(buffer.getvalue())
    assert back.pixels.shape == image.pixels.shape
    assert np.abs(back.pixels.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_metadata_round_trips(format):
    exif = EXIF if format != "tiff" else None
    image = Image(samples(), icc=b"profile" * 20, exif=exif, xmp=b"<x:xmpmeta>caf\xc3\xa9</x:xmpmeta>")
    buffer = io.BytesIO()
    assert write_image(image, buffer, format) == []
    back, _ = read_image(buffer.getvalue())
    assert (back.icc, back.exif, back.xmp) == (image.icc, image.exif, image.xmp)


def test_metadata_without_room_is_said_aloud():
    image = Image(samples(), icc=b"x" * 10, exif=EXIF + bytes(70_000))
    turned = "its pixels are turned upright, as its EXIF orientation asks"
    assert write_image(image, io.BytesIO(), "bmp") == [
        "ICC profile (10 bytes) left out: bmp has no room for it",
        f"EXIF ({len(EXIF) + 70_000} bytes) left out: bmp has no room for it",
        turned,
        "its ICC profile cannot be used: its colours are taken as sRGB",
    ]
    for format in ("jpeg", "tiff"):
        notes = write_image(image, io.BytesIO(), format)
        assert notes == [f"EXIF ({len(EXIF) + 70_000} bytes) left out: {format} has no room for it", turned]


@pytest.mark.parametrize("format", ["tiff", "bmp", "ppm"])
def test_what_orientation_and_profile_say_is_done_where_they_have_no_room(format):
    array = np.full((6, 9, 3), (200, 100, 50), np.uint8)
    array[0, 0] = 0
    buffer = io.BytesIO()
    write_image(Image(array, icc=profile_of_code_points(12, 13), exif=EXIF), buffer, format)
    back, _ = read_image(buffer.getvalue())
    assert (back.height, back.width) == (9, 6)
    assert back.pixels[0, 5].max() == 0
    np.testing.assert_allclose(back.pixels[4, 3], (200, 100, 50) if format == "tiff" else (215, 93, 31), atol=1)


def test_hdr_is_said_in_png_and_named_elsewhere():
    image, buffer = Image(samples(), colour=Colour(9, 16, 0, True)), io.BytesIO()
    assert write_image(image, buffer, "png") == []
    assert read_image(buffer.getvalue())[0].colour == image.colour
    assert write_image(image, io.BytesIO(), "jpeg") == [
        "PQ (HDR) cannot be said in jpeg: players will show other colours"
    ]


@pytest.mark.parametrize(("format", "channels"), [("jpeg", 4), ("bmp", 4), ("ppm", 2), ("pgm", 2), ("pgm", 3)])
def test_what_a_format_does_not_carry_is_refused(format, channels):
    with pytest.raises(UsageError, match=f"{format} carries"):
        write_image(Image.from_array(samples(channels=channels)), io.BytesIO(), format)


def test_unwritable_outputs(tmp_path):
    image = Image.from_array(samples())
    with pytest.raises(OutputError, match="No such file"):
        write_image(image, tmp_path / "no" / "a.png", "png")
    with pytest.raises(OutputError, match="cannot be written"):
        write_image(Image.from_array(np.zeros((1, 20_000), np.uint8)), tmp_path / "a.webp", "webp")


@pytest.mark.parametrize(("name", "format"), [("a.PNG", "png"), ("a.b.jpg", "jpeg"), ("a.tif", "tiff")])
def test_format_of(name, format):
    assert format_of(name) == format


@pytest.mark.parametrize("name", ["a", "a.gif", "png"])
def test_unknown_suffix(name):
    with pytest.raises(UsageError, match=r"\.png"):
        format_of(name)
