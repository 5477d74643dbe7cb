"""Reading pictures: every kind that is carried comes out right, every other one is refused in one line."""

import contextlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from media_files import pillow, png, png_chunk, samples, saved, tiff_16_bit

from vaecompress.errors import InputError, LimitError
from vaecompress.limits import Limits
from vaecompress.media.image_read import read_image


def joined(image):
    """The samples of an Image with alpha as last channel."""
    return image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])


@pytest.mark.parametrize(
    ("format", "channels"),
    [(format, channels) for format in ("PNG", "TIFF") for channels in (1, 2, 3, 4)]
    + [(format, channels) for format in ("BMP", "PPM") for channels in (1, 3)],
)
def test_lossless_formats_keep_every_sample(format, channels):
    array = samples(channels=channels)
    image, notes = read_image(saved(pillow(array), format))
    np.testing.assert_array_equal(joined(image), array)
    assert notes == []


@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_webp(channels):
    array = samples(channels=channels)
    image, _ = read_image(saved(pillow(array), "WEBP", lossless=True, exact=True))
    np.testing.assert_array_equal(joined(image), array)


@pytest.mark.parametrize(("format", "channels"), [("JPEG", 1), ("JPEG", 3), ("AVIF", 3), ("WEBP", 3)])
def test_lossy_formats_come_close(format, channels):
    array = np.full((24, 32, channels), 100, np.uint8)
    image, _ = read_image(saved(pillow(array), format, quality=95))
    assert image.pixels.shape == array.shape
    assert np.abs(image.pixels.astype(int) - 100).max() <= 3


def test_a_profile_beyond_what_pillow_allows_by_itself_is_read():
    """Profiles of printers take megabytes; PNG compresses them."""
    profile = np.random.default_rng(0).bytes(3 << 20)
    image, _ = read_image(saved(pillow(samples()), "PNG", icc_profile=profile))
    assert image.icc == profile
    with pytest.raises(LimitError, match="metadata has 3145728 bytes"):
        read_image(saved(pillow(samples()), "PNG", icc_profile=profile), Limits(max_metadata_bytes=(3 << 20) - 1))


def test_file_and_bytes_read_alike(tmp_path):
    data = saved(pillow(samples()), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png")):
        np.testing.assert_array_equal(read_image(source)[0].pixels, read_image(data)[0].pixels)


def test_one_bit_becomes_grey():
    bits = samples(channels=1)[:, :, 0] > 100
    for format in ("PNG", "PPM", "TIFF"):
        image, _ = read_image(saved(PIL.Image.fromarray(bits), format))
        np.testing.assert_array_equal(image.pixels[:, :, 0], np.where(bits, 255, 0))


def test_palette_becomes_rgb_and_its_transparency_alpha():
    palette_image = pillow(samples()).quantize(16)
    image, _ = read_image(saved(palette_image, "PNG"))
    np.testing.assert_array_equal(image.pixels, np.asarray(palette_image.convert("RGB")))
    assert image.alpha is None
    image, _ = read_image(saved(palette_image, "PNG", transparency=3))
    np.testing.assert_array_equal(image.alpha, np.where(np.asarray(palette_image) == 3, 0, 255))


def test_transparent_colour_becomes_alpha():
    grey = samples(channels=1)
    image, _ = read_image(png(grey, 0, depth=8, transparency=struct.pack(">H", grey[2, 3, 0])))
    np.testing.assert_array_equal(image.alpha, np.where(grey[:, :, 0] == grey[2, 3, 0], 0, 255))
    rgb = samples(channels=3)
    image, _ = read_image(png(rgb, 2, depth=8, transparency=struct.pack(">3H", *rgb[2, 3])))
    np.testing.assert_array_equal(image.alpha, np.where((rgb == rgb[2, 3]).all(-1), 0, 255))


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_16_bit_png_is_rounded_and_said_aloud(channels, colour_type):
    array = samples(channels=channels, dtype=np.uint16)
    image, notes = read_image(png(array, colour_type))
    np.testing.assert_array_equal(joined(image), np.round(array / 257.0))
    assert notes == ["16-bit samples reduced to 8 bits"]


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (3, 2)])
def test_16_bit_png_with_a_transparent_colour(channels, colour_type):
    array = samples(channels=channels, dtype=np.uint16)
    key = array[2, 3]
    image, _ = read_image(png(array, colour_type, transparency=struct.pack(f">{channels}H", *key)))
    np.testing.assert_array_equal(image.alpha, np.where((array == key).all(-1), 0, 255))
    np.testing.assert_array_equal(image.pixels, np.round(array / 257.0))


def test_16_bit_tiff_and_netpbm_are_rounded_and_said_aloud():
    grey, rgb = (samples(channels=channels, dtype=np.uint16) for channels in (1, 3))
    header = f"# a comment 7\n{rgb.shape[1]} {rgb.shape[0]}\n65535\n".encode()
    for data, array in (
        (saved(PIL.Image.fromarray(grey[:, :, 0]), "TIFF"), grey),
        (tiff_16_bit(rgb), rgb),
        (b"P6\n" + header + rgb.astype(">u2").tobytes(), rgb),
        (b"P5\n" + header + grey.astype(">u2").tobytes(), grey),
    ):
        image, notes = read_image(data)
        np.testing.assert_array_equal(image.pixels, np.round(array / 257.0))
        assert notes == ["16-bit samples reduced to 8 bits"]


def test_netpbm_of_any_maximum():
    for maximum in (1, 100, 255, 1023, 65535):
        array = np.random.default_rng(1).integers(0, maximum + 1, (23, 31, 3), np.uint16)
        data = array.astype("u1" if maximum < 256 else ">u2").tobytes()
        image, _ = read_image(b"P6 31 23 %d\n" % maximum + data)
        np.testing.assert_allclose(image.pixels, array * 255.0 / maximum, atol=0.51)


@pytest.mark.parametrize(("kind", "channels"), [("P2", 1), ("P3", 3)])
@pytest.mark.parametrize("maximum", [100, 255, 1023, 65535])
def test_netpbm_in_words_of_text(kind, channels, maximum):
    array = np.random.default_rng(1).integers(0, maximum + 1, (23, 31, channels), np.uint16)
    text = f"{kind}\n# drawn\n31 23\n{maximum}\n" + "\n".join(map(str, array.ravel()))
    image, _ = read_image(text.encode())
    np.testing.assert_allclose(image.pixels, array * 255.0 / maximum, atol=0.51)


def test_a_bitmap_without_its_file_header():
    array = samples()
    image, _ = read_image(saved(pillow(array), "DIB"))
    np.testing.assert_array_equal(image.pixels, array)


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
@pytest.mark.parametrize("depth", [8, 16])
def test_interlaced_png(channels, colour_type, depth):
    """libav's conversion of interlaced 16-bit frames overruns its heap from about 64x64 on."""
    array = samples(height=70, width=101, channels=channels, dtype=np.uint16 if depth == 16 else np.uint8)
    image, _ = read_image(png(array, colour_type, depth=depth, interlaced=True))
    np.testing.assert_array_equal(joined(image), np.round(array / 257.0) if depth == 16 else array)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_metadata_is_kept_and_the_orientation_not_applied(format):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    xmp = b"<x:xmpmeta>caf\xc3\xa9</x:xmpmeta>"
    options = {"exif": exif, "icc_profile": b"profile" * 30, "xmp": xmp}
    if format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        chunks = PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", xmp)
        options["pnginfo"] = chunks
        del options["xmp"]
    image, _ = read_image(saved(pillow(samples(height=20, width=30)), format, **options))
    assert (image.height, image.width) == (20, 30)
    assert image.icc == b"profile" * 30
    assert image.xmp == xmp
    kept = PIL.Image.Exif()
    kept.load(image.exif)
    assert image.exif[:2] in (b"II", b"MM")
    assert kept[0x0112] == 6


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_does_not_cost_the_picture(format):
    image, _ = read_image(saved(pillow(samples()), format, exif=b"Exif\0\0not EXIF at all"))
    assert image.exif == b"not EXIF at all"


def test_tiff_orientation_is_applied_and_description_kept():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05"}
    array = samples()
    image, _ = read_image(saved(pillow(array), "TIFF", exif=exif.tobytes()))
    np.testing.assert_array_equal(image.pixels, np.rot90(array, -1))
    kept = PIL.Image.Exif()
    kept.load(image.exif)
    assert (kept[0x010F], kept.get(0x0112)) == ("Maker", None)
    assert kept.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


def test_the_first_picture_of_a_multi_picture_jpeg_is_read_and_said_aloud():
    first, second = pillow(samples()), pillow(samples()[::-1].copy())
    image, notes = read_image(saved(first, "MPO", save_all=True, append_images=[second]))
    assert (image.height, image.width) == (23, 31)
    assert notes == ["only the first of 2 pictures in the file is kept, no gain map or preview"]


def animation(format):
    first, second = pillow(samples()), pillow(samples()[::-1].copy())
    return saved(first, format, save_all=True, append_images=[second])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (saved(pillow(samples(), "CMYK"), "JPEG"), "CMYK"),
        (saved(pillow(samples(), "CMYK"), "TIFF"), "CMYK"),
        (saved(pillow(samples(channels=1), "F"), "TIFF"), "floating point"),
        (saved(pillow(samples(channels=1), "I"), "TIFF"), "32-bit"),
        (animation("GIF"), "2 frames of an animation"),
        (animation("PNG"), "2 frames of an animation"),
        (animation("WEBP"), "2 frames of an animation"),
        (animation("AVIF"), "2 frames of an animation"),
        (animation("TIFF"), "2 pages"),
        (saved(pillow(samples()), "JPEG2000"), "is a JPEG 2000 file, which is not read: convert it"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "is a JPEG XL file"),
        (b"", "not a picture"),
        (b"hello, this is a text renamed .png", "not a picture"),
        (np.random.default_rng(0).bytes(5000), "not a picture"),
    ],
)
def test_what_is_not_carried_is_refused_by_name(data, word):
    with pytest.raises(InputError, match=word) as caught:
        read_image(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM"])
def test_truncated_files_are_refused_in_one_line(format, capfd):
    data = saved(pillow(samples(height=64, width=64)), format)
    for length in (3, 16, 40, len(data) // 2, len(data) * 9 // 10):
        with pytest.raises(InputError) as caught:
            read_image(data[:length])
        assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_damaged_files_raise_nothing_but_our_errors():
    rng = np.random.default_rng(3)
    deep = png(samples(channels=3, dtype=np.uint16), 2)
    whole = [deep] + [saved(pillow(samples()), format) for format in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF")]
    for data in whole:
        for _ in range(30):
            damaged = bytearray(data)
            for position in rng.integers(0, len(data), 3):
                damaged[position] = rng.integers(0, 256)
            with contextlib.suppress(InputError, LimitError):
                read_image(bytes(damaged), Limits(max_pixels=1 << 20))


@pytest.mark.parametrize("progressive", [False, True])
def test_damage_that_a_decoder_of_jpeg_glosses_over_is_named(progressive):
    data = saved(pillow(samples(height=64, width=64)), "JPEG", quality=90, progressive=progressive)
    assert read_image(data)[1] == []
    middle = len(data) * 3 // 4
    damaged = data[:middle] + b"\xff\0" * 20 + data[middle + 40 :]
    _, notes = read_image(damaged)
    assert notes == ["its data is damaged: parts of the picture may be wrong"]
    arithmetic = damaged.replace(
        b"\xff\xc2" if progressive else b"\xff\xc0", b"\xff\xca" if progressive else b"\xff\xc9"
    )
    assert read_image(arithmetic)[1] == []  # libav does not know this coding


def test_missing_file_folder_and_empty_file(tmp_path):
    (tmp_path / "empty.png").touch()
    for path, word in ((tmp_path / "no.png", "No such file"), (tmp_path, "folder"), (tmp_path / "empty.png", "empty")):
        with pytest.raises(InputError, match=word):
            read_image(path)


def test_limits_are_checked():
    data = saved(pillow(samples(height=20, width=30)), "PNG", icc_profile=b"x" * 100)
    for limits in (
        Limits(max_pixels=599),
        Limits(max_side=29),
        Limits(max_file_bytes=len(data) - 1),
        Limits(max_metadata_bytes=99),
    ):
        with pytest.raises(LimitError):
            read_image(data, limits)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_bomb_is_refused_within_little_memory():
    bomb = png(samples(channels=1), 0, depth=8, size=(60_000, 60_000))
    script = (
        "import sys; from vaecompress.media.image_read import read_image\n"
        "try: read_image(sys.stdin.buffer.read())\n"
        "except Exception as error: print(repr(error), open('/proc/self/status').read())"
    )
    result = subprocess.run([sys.executable, "-c", script], input=bomb, capture_output=True, check=True)
    assert b"LimitError('input: picture is 60000x60000: over the limit" in result.stdout
    peak_kib = int(result.stdout.split(b"VmHWM:")[1].split()[0])
    assert peak_kib < 100 << 10


def test_more_pixels_than_pillow_allows_by_itself(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    image, _ = read_image(saved(pillow(samples(height=40, width=50)), "PNG"))
    assert image.width == 50
    assert PIL.Image.MAX_IMAGE_PIXELS == 100


def test_the_video_library_is_not_imported_before_it_is_needed():
    script = "import sys, vaecompress.media.image_read, vaecompress.media.image_write; assert 'av' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_png_chunk_helper_makes_sound_files():
    assert png_chunk(b"IEND", b"") == bytes.fromhex("0000000049454e44ae426082")
