"""TIFF: each layout of the same samples gives the same picture, and what is not the picture is not taken for it."""

import struct

import numpy as np
import pytest
from media_files import pillow, samples, saved
from tiff_files import tiff

from vaecompress.errors import InputError
from vaecompress.media.image_read import read_image


def joined(image):
    return image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint8, 4), (np.uint16, 3), (np.uint16, 4)])
def test_every_layout_gives_the_same_samples(order, deflate, planar, tile, dtype, channels):
    array = samples(channels=channels, dtype=dtype)
    tags = {"t338": 2} if channels == 4 else {}
    image, _ = read_image(tiff(array, order=order, deflate=deflate, planar=planar, tile=tile, **tags))
    wanted = array if dtype == np.uint8 else np.round(array / 257.0)
    # libtiff hands Pillow the upper bytes only of planes that are compressed one by one.
    assert np.abs(joined(image) - wanted).max() <= (1 if planar and deflate and dtype == np.uint16 else 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("deflate", [False, True])
def test_white_as_zero_is_turned_round(order, dtype, deflate):
    array = samples(channels=1, dtype=dtype)
    image, _ = read_image(tiff(array, order=order, deflate=deflate, t262=0))
    wanted = np.iinfo(dtype).max - array
    np.testing.assert_array_equal(image.pixels, wanted if dtype == np.uint8 else np.round(wanted / 257.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("deflate", [False, True])
def test_associated_alpha_is_divided_out(dtype, deflate):
    top = np.iinfo(dtype).max
    colours = samples(channels=3, dtype=dtype)
    alpha = samples(channels=1, dtype=dtype) // 2 + top // 2 + 1
    stored = np.round(colours * (alpha / top)).astype(dtype)
    image, _ = read_image(tiff(np.dstack([stored, alpha]), deflate=deflate, t338=1))
    step = top // 255
    assert np.abs(image.pixels - colours / step).max() <= (2 if step == 1 else 0.51)
    np.testing.assert_array_equal(image.alpha, np.round(alpha / step)[:, :, 0])


def test_a_sample_that_is_no_alpha_is_left_out():
    array = samples(channels=4, dtype=np.uint16)
    image, notes = read_image(tiff(array, t338=0))
    np.testing.assert_array_equal(image.pixels, np.round(array[:, :, :3] / 257.0))
    assert image.alpha is None
    assert "samples of no named meaning are left out" in notes


def test_a_resolution_of_nothing_by_nothing_costs_nothing():
    data = saved(pillow(samples()), "TIFF", dpi=(300, 300))
    assert read_image(data)[1] == ["the resolution of 300 dpi is left out"]
    image, notes = read_image(data.replace(struct.pack("<II", 300, 1), bytes(8)))
    np.testing.assert_array_equal(image.pixels, samples())
    assert notes == []


def test_big_tiff():
    for dtype in (np.uint8, np.uint16):
        array = samples(dtype=dtype)
        image, _ = read_image(tiff(array, big=True))
        np.testing.assert_array_equal(image.pixels, array if dtype == np.uint8 else np.round(array / 257.0))


def test_a_thumbnail_is_not_a_page():
    array, small = samples(), samples(height=8, width=10)
    for data in (tiff(array, more=[(small, {"t254": 1})]), tiff(small, t254=1, more=[array])):
        image, notes = read_image(data)
        np.testing.assert_array_equal(image.pixels, array)
        assert notes == ["the file's thumbnail is left out"]
    image, _ = read_image(tiff(array, children=[small]))
    np.testing.assert_array_equal(image.pixels, array)


def raw_photograph(**tags):
    """What a camera writes: a preview first, the sensor's numbers below it."""
    sensor = samples(height=60, width=80, channels=1, dtype=np.uint16)
    return tiff(samples(height=12, width=16), t254=1, children=[(sensor, {"t262": 32803, "t254": 0})], **tags)


@pytest.mark.parametrize(
    "data",
    [
        raw_photograph(),
        raw_photograph(t50706=[1, 4, 0, 0]),
        tiff(samples(channels=1, dtype=np.uint16), t262=32803),
        tiff(samples(dtype=np.uint16), t262=34892),
        tiff(samples(height=12, width=16), t254=1, children=[samples(height=60, width=80)]),
        b"II*\0\x10\0\0\0CR\2\0" + tiff(samples())[12:],
        b"FUJIFILMCCD-RAW 0201FF383501",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"IIU\0\x18\0\0\0" + bytes(100),
    ],
)
def test_raw_photographs_are_refused_and_their_previews_not_taken(data):
    with pytest.raises(InputError, match=r"raw photograph, .*develop it with"):
        read_image(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(samples(channels=1).astype(np.int8)), "8-bit signed grey"),
        (tiff(samples(channels=1).astype(np.int16)), "16-bit signed grey"),
        (tiff(samples(channels=1).astype(np.float16)), "16-bit floating point grey"),
        (tiff(samples(channels=3).astype(np.float32)), "32-bit floating point RGB"),
        (tiff(samples(channels=2, dtype=np.uint16), t338=2), "16-bit grey with 2 samples"),
        (tiff(samples(channels=2), planar=True, deflate=True, t338=2), "plane by plane"),
        (tiff(samples(channels=4), planar=True, t338=1), "plane by plane"),
        (tiff(samples(channels=5), t338=[2, 0]), None),
        (tiff(samples(channels=3), t259=50002), "compression 50002"),
        (tiff(samples(channels=3), more=[samples()]), "2 pages"),
    ],
)
def test_kinds_that_are_not_read_are_refused_by_name(data, words):
    if words is None:
        np.testing.assert_array_equal(read_image(data)[0].pixels.shape, (23, 31, 3))
        return
    with pytest.raises(InputError, match=words) as caught:
        read_image(data)
    assert "<" not in str(caught.value)
