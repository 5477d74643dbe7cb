"""What the boxes of an AVIF file say of its main picture: its crop, and that it is of its own, not of another item."""

import struct

import numpy as np
import pytest
from media_files import pillow, samples, saved

from vaecompress.media.image_read import read_image


def avif(array, *aperture):
    """An AVIF file; with the eight numbers of a clean aperture, that property is added to its picture."""
    data = bytearray(saved(pillow(array), "AVIF", quality=100, subsampling="4:4:4"))
    if not aperture:
        return bytes(data)
    box = struct.pack(">I4s8i", 40, b"clap", *aperture)
    grown = len(box) + 1
    properties, associated = data.index(b"ipco"), data.index(b"ipma")
    count = associated + 14  # of one item: its id takes two bytes
    data[count] += 1
    data.insert(count + data[count], 0x80 | data[count])
    (length,) = struct.unpack_from(">I", data, properties - 4)
    data[properties - 4 + length : properties - 4 + length] = box
    for kind, by in ((b"meta", grown), (b"iprp", grown), (b"ipco", len(box)), (b"ipma", 1)):
        at = data.index(kind) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + by)
    offset = data.index(b"iloc") + 18
    struct.pack_into(">I", data, offset, struct.unpack_from(">I", data, offset)[0] + grown)
    return bytes(data)


def test_a_clean_aperture_is_a_crop():
    array = samples(height=20, width=30)
    whole, _ = read_image(avif(array))
    cropped, notes = read_image(avif(array, 10, 1, 8, 1, 5, 1, -3, 1))
    np.testing.assert_array_equal(cropped.pixels, whole.pixels[3:11, 15:25])
    halves, _ = read_image(avif(array, 11, 1, 20, 1, -1, 2, 0, 1))  # an odd width: its middle lies between two pixels
    np.testing.assert_array_equal(halves.pixels, whole.pixels[:, 9:20])
    assert notes == []


@pytest.mark.parametrize(
    "aperture",
    [(10, 1, 8, 1, 5, 1, -7, 1), (10, 1, 8, 1, 1, 3, 0, 1), (10, 0, 8, 1, 0, 1, 0, 1), (0, 1, 8, 1, 0, 1, 0, 1)],
)
def test_an_aperture_that_is_no_part_of_the_picture_is_named(aperture):
    image, notes = read_image(avif(samples(height=20, width=30), *aperture))
    assert (image.height, image.width) == (20, 30)
    assert notes == ["its crop makes no sense: the whole picture is taken"]
