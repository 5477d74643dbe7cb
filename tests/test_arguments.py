"""The package's face: each form of a picture is taken for what it is, each wrong number is named."""

import io
import warnings

import numpy as np
import PIL.Image
import pytest
from photo import photo

import vaecompress
from vaecompress.arguments import check_integers, check_numbers, file_of, image_of
from vaecompress.errors import InputError, LimitError, UsageError
from vaecompress.media.image import Image

COLOURS = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)
MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr", "HSV"]


def in_mode(mode):
    picture = PIL.Image.fromarray(COLOURS)
    if mode in ("La", "RGBa", "PA"):
        picture = picture.convert({"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}[mode])
    return picture.convert("P").convert("PA") if mode == "PA" else picture.convert(mode)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_of_pillow_looks_as_pillow_shows_it(mode):
    picture = in_mode(mode)
    image = image_of(picture)
    shown = picture.convert("LA").convert("RGBA") if mode == "La" else picture.convert("RGBA")
    wanted = np.asarray(shown)
    np.testing.assert_array_equal(np.broadcast_to(image.pixels, COLOURS.shape), wanted[:, :, :3])
    np.testing.assert_array_equal(255 if image.alpha is None else image.alpha, wanted[:, :, 3])


def test_transparent_colours_and_16_bits():
    picture = PIL.Image.fromarray(COLOURS).quantize(8)
    picture.info["transparency"] = 2
    np.testing.assert_array_equal(image_of(picture).alpha, np.where(np.asarray(picture) == 2, 0, 255))
    grey = PIL.Image.fromarray(COLOURS[:, :, 0])
    grey.info["transparency"] = int(COLOURS[0, 0, 0])
    assert image_of(grey).alpha[0, 0] == 0
    deep = np.random.default_rng(1).integers(0, 65536, (9, 8), np.uint16)
    with pytest.warns(UserWarning, match="16-bit"):
        np.testing.assert_array_equal(image_of(PIL.Image.fromarray(deep)).pixels[:, :, 0], np.round(deep / 257.0))


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "I", "F"])
def test_other_modes_are_refused_by_name(mode):
    with pytest.raises(InputError, match=f"mode {mode} are not carried"):
        image_of(PIL.Image.new(mode, (8, 8)))


def test_metadata_of_a_pillow_picture_goes_both_ways():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    PIL.Image.fromarray(COLOURS).save(buffer, "JPEG", exif=exif, icc_profile=b"profile" * 30, xmp=b"<x/>")
    image = image_of(PIL.Image.open(buffer))
    assert (image.icc, image.xmp, image.exif[:2] in (b"II", b"MM")) == (b"profile" * 30, b"<x/>", True)
    assert (image_of(image.to_pil()).exif, image_of(image.to_pil()).icc) == (image.exif, image.icc)


def test_files_in_every_form(tmp_path):
    path = tmp_path / "a.png"
    PIL.Image.fromarray(COLOURS).save(path)
    data = path.read_bytes()
    for form in (path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)):
        np.testing.assert_array_equal(image_of(form).pixels, COLOURS)
    assert file_of(io.BytesIO(b"x")) == b"x"
    for wrong in (5, None, io.StringIO("x"), [1]):
        with pytest.raises(UsageError, match="no file"):
            file_of(wrong)


@pytest.mark.parametrize("wrong", [None, 5, [[1, 2], [3]], "missing.png", [["a"]], object()])
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(InputError):
        image_of(wrong)


def test_what_a_file_loses_is_warned_of(tmp_path):
    buffer = io.BytesIO()
    PIL.Image.fromarray(COLOURS).save(buffer, "JPEG", comment=b"hello")
    with pytest.warns(UserWarning, match="comment"):
        image_of(buffer.getvalue())


def test_an_image_is_an_array_a_pillow_picture_and_a_file(tmp_path):
    image = Image(COLOURS, COLOURS[:, :, 0])
    assert np.asarray(image).shape == (24, 32, 4)
    assert np.asarray(image, np.float32).dtype == np.float32
    assert image.to_pil().mode == "RGBA"
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(image_of(tmp_path / "a.png").alpha, image.alpha)
    with pytest.raises(UsageError, match="no alpha"):
        image.save(str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 60.0}, {"quality": 0}, {"quality": 101}, {"quality": True}, {"quality": "60"},
        {"size_bytes": 1e4}, {"size_bytes": -1}, {"bpp": float("inf")}, {"bpp": float("nan")}, {"bpp": 0},
        {"psnr_db": float("inf")}, {"psnr_db": "34"}, {"threads": 0}, {"threads": 1.5}, {"effort": 2.5},
        {"effort": -1}, {"effort": "3"},
    ],
)  # fmt: skip
def test_numbers_out_of_range(options):
    with pytest.raises(UsageError):
        vaecompress.encode(COLOURS, model="tiny", **options)


def test_numpy_numbers_are_numbers():
    check_integers(quality=np.int64(5), threads=None)
    check_numbers(bpp=np.float32(0.5), psnr_db=34)


def test_no_file_is_made_that_the_decoder_refuses():
    with pytest.raises(LimitError, match="metadata"):
        vaecompress.encode(Image(COLOURS, icc=b"x" * (17 << 20)), model="tiny")


def test_a_round_trip_in_every_form(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = vaecompress.encode(PIL.Image.fromarray(photo()), 30, model="tiny", effort=1)
    (tmp_path / "a.bin").write_bytes(data)
    wanted = vaecompress.decode(data).pixels
    for form in (bytearray(data), memoryview(data), io.BytesIO(data), tmp_path / "a.bin", str(tmp_path / "a.bin")):
        np.testing.assert_array_equal(vaecompress.decode(form).pixels, wanted)
