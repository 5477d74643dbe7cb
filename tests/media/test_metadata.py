"""What picture files say in other ways than ICC, EXIF and XMP blocks, and what is named because it is left out."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from media_files import pillow, png, samples, saved
from PIL import ImageCms

from vaecompress.errors import InputError
from vaecompress.media.colour import Colour
from vaecompress.media.image_read import read_image
from vaecompress.media.plain import plain

GAMMA, LINEAR = struct.pack(">I", 45455), struct.pack(">I", 100_000)
SRGB_POINTS = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_POINTS = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
EXIF = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # one tag: orientation 6


def png8(*more, channels=3):
    return png(samples(channels=channels), {1: 0, 3: 2, 4: 6}[channels], depth=8, more=more)


def seen(data):
    """How a picture looks in sRGB."""
    return plain(read_image(data)[0])[0].pixels


def test_gamma_and_chromaticities_that_mean_srgb_are_not_worth_a_profile():
    for more in ([(b"gAMA", GAMMA)], [(b"cHRM", SRGB_POINTS)], [(b"gAMA", GAMMA), (b"cHRM", SRGB_POINTS)]):
        assert read_image(png8(*more))[0].icc is None
    assert read_image(png8((b"sRGB", b"\0"), (b"gAMA", LINEAR)))[0].icc is None


def test_linear_gamma_becomes_a_profile():
    for channels in (1, 3):
        array = samples(channels=channels) / 255.0
        wanted = 255 * np.where(array <= 0.0031308, 12.92 * array, 1.055 * array ** (1 / 2.4) - 0.055)
        assert np.abs(seen(png8((b"gAMA", LINEAR), channels=channels)) - wanted).max() <= 2


def test_wide_primaries_become_a_profile():
    data = png(np.full((4, 5, 3), (200, 100, 50), np.uint8), 2, depth=8, more=[(b"gAMA", GAMMA), (b"cHRM", P3_POINTS)])
    np.testing.assert_allclose(seen(data)[0, 0], (216, 92, 24), atol=1)  # gamma 2.2, P3 to sRGB
    assert ImageCms.ImageCmsProfile(io.BytesIO(read_image(data)[0].icc)).profile.xcolor_space.strip() == "RGB"


@pytest.mark.parametrize("points", [bytes(32), b"\xff" * 32, struct.pack(">8I", *[31270, 32900] * 4)])
def test_senseless_chromaticities_cost_nothing(points):
    assert read_image(png8((b"cHRM", points)))[0].icc is None
    assert read_image(png8((b"gAMA", b"\0\0\0\1"), (b"cHRM", points)))[0].pixels.shape == (23, 31, 3)


def test_code_points_of_png():
    image, notes = read_image(png8((b"cICP", bytes([12, 13, 0, 1]))))
    assert image.icc is not None
    assert (image.colour, notes) == (None, [])
    image, notes = read_image(png8((b"cICP", bytes([9, 16, 0, 1]))))
    assert image.colour == Colour(9, 16, 0, True)
    assert notes == ["its colours are PQ (HDR): of pictures, only .png can say so when decoded"]
    assert read_image(png8((b"cICP", bytes([1, 13, 0, 1]))))[0].icc is None


def test_code_points_of_avif():
    data = saved(pillow(samples()), "AVIF", quality=95)
    at = data.index(b"colrnclx") + 8
    assert read_image(data)[0].icc is None
    wide = data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :]
    assert read_image(wide)[0].icc is not None
    assert read_image(data[:at] + struct.pack(">HH", 9, 16) + data[at + 4 :])[0].colour == Colour(9, 16, 0, True)


def raw_profile(name, body):
    digits = body.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(body):8d}\n{lines}\n".encode()
    return b"zTXt", b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(text)


def test_metadata_in_the_manner_of_image_magick():
    xmp, icc = b"<x:xmpmeta>1</x:xmpmeta>", b"profile" * 30
    image, notes = read_image(
        png8(raw_profile("exif", b"Exif\0\0" + EXIF), raw_profile("xmp", xmp), raw_profile("icc", icc))
    )
    assert (image.exif, image.xmp, image.icc) == (EXIF, xmp, icc)
    assert notes == []
    image, _ = read_image(png8(raw_profile("APP1", b"Exif\0\0" + EXIF)))
    assert image.exif == EXIF
    for broken in (
        (b"zTXt", b"Raw profile type exif\0\0not zlib"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n9\nzz\n"),
    ):
        assert read_image(png8(broken))[0].exif is None


def test_metadata_behind_the_pixels_is_found():
    data = png8()
    end = data.index(b"IEND") - 4
    late = struct.pack(">I", len(EXIF)) + b"eXIf" + EXIF + struct.pack(">I", zlib.crc32(b"eXIf" + EXIF))
    assert read_image(data[:end] + late + data[end:])[0].exif == EXIF


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("packed_key", [0, 1])
def test_the_transparent_grey_of_every_depth(depth, packed_key):
    top = (1 << depth) - 1
    key = packed_key * top
    grey = np.tile(np.arange(16) % (top + 1), (8, 1))
    bits = np.unpackbits(grey.astype(np.uint8)[:, :, None], axis=2)[:, :, -depth:].reshape(8, -1)
    packed = np.packbits(bits, axis=1)[:, :, None]
    data = png(packed, 0, depth=8, transparency=struct.pack(">H", key), size=(16, 8))
    data = redepth(data, depth)
    image, _ = read_image(data)
    np.testing.assert_array_equal(image.alpha, np.where(grey == key, 0, 255))
    np.testing.assert_array_equal(image.pixels[:, :, 0], grey * 255 // top)


def redepth(data, depth):
    header = bytearray(data[12:29])
    header[12] = depth
    return data[:12] + bytes(header) + struct.pack(">I", zlib.crc32(bytes(header))) + data[33:]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_missing_rows_are_damage(interlaced, depth):
    array = samples(height=64, width=40, dtype=np.uint16 if depth == 16 else np.uint8)
    with pytest.raises(InputError, match="rows are missing"):
        read_image(png(array[:40], 2, depth=depth, size=(40, 64), interlaced=interlaced))


def test_what_is_left_out_is_named():
    array = np.full((16, 16, 3), 128, np.uint8)
    jpeg = saved(pillow(array), "JPEG", comment=b"hello", dpi=(300, 300))
    assert read_image(jpeg)[1] == ["the JPEG comment is left out", "the resolution of 300 dpi is left out"]
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 12) + b"\x1c\x02\x19\0\x07keyword"
    plain_jpeg = saved(pillow(array), "JPEG")
    with_iptc = plain_jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + plain_jpeg[2:]
    assert read_image(with_iptc)[1] == ["IPTC (captions, keywords) is left out"]
    long_xmp = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40)
    extended = plain_jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(long_xmp) + 2) + long_xmp + plain_jpeg[2:]
    assert read_image(extended)[1] == ["the extended part of the XMP is left out"]
    assert read_image(plain_jpeg + bytes(5000))[1] == [
        "5,000 bytes after the picture are left out, such as a motion photo's film"
    ]
    assert read_image(plain_jpeg)[1] == []
    texts = png8((b"tEXt", b"Title\0A title"), (b"iTXt", b"parameters\0\0\0\0\0a cat"))
    assert read_image(texts)[1] == ["the PNG's texts are left out: Title, parameters"]


def test_tiff_resolution_of_a_screen_is_not_worth_a_word():
    buffer = io.BytesIO()
    PIL.Image.fromarray(samples()).save(buffer, "TIFF", dpi=(72, 72))
    assert read_image(buffer.getvalue())[1] == []
