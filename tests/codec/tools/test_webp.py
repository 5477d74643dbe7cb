"""The tool webp-lossless: exact for every kind of picture, and nothing but sound bitstreams of the right size."""

import numpy as np
import numpy.typing as npt
import pytest

import vaecompress
from vaecompress.bitstream import Chunk, Container, Header, PicturePayload, Tool, chunks, write
from vaecompress.bitstream.directory import NO_MODEL
from vaecompress.codec.tools.webp import decode_webp
from vaecompress.encoder.tools.webp import encode_lossless
from vaecompress.errors import CorruptError, UsageError
from vaecompress.media.image import Image

SHAPE = (33, 60)


def noise(channels: int, levels: int = 256) -> npt.NDArray[np.uint8]:
    """A picture of so many levels, uint8 [33, 60, channels]."""
    samples = np.random.default_rng(0).integers(0, levels, (*SHAPE, channels))
    return (samples * (255 // (levels - 1))).astype(np.uint8)


def bitstream(channels: int = 3) -> bytes:
    """That of a picture."""
    with Container.open(encode_lossless(Image.from_array(noise(channels, 4))).data) as container:
        entry = container.find(chunks.PICTURE)
        assert entry is not None
        return PicturePayload.from_body(container.read(entry)).coded


@pytest.mark.parametrize("levels", [2, 5, 256])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_sample_comes_back(channels: int, levels: int) -> None:
    image = Image.from_array(noise(channels, levels))
    encoded = encode_lossless(image)
    back = vaecompress.decode(encoded.data)
    assert np.array_equal(np.asarray(back), np.asarray(image))
    info = vaecompress.info(encoded.data)
    assert (info.tool, info.model, info.model_id, info.quality) == ("webp-lossless", None, "00" * 8, 100)
    assert encoded.psnr_db == float("inf")


def test_colours_under_transparent_pixels_stay_and_full_alpha_is_cheap() -> None:
    samples = noise(4)
    samples[:, :, 3] = 0
    assert np.array_equal(np.asarray(vaecompress.decode(encode_lossless(Image.from_array(samples)).data)), samples)
    samples[:, :, 3] = 255
    data = encode_lossless(Image.from_array(samples)).data
    assert np.array_equal(np.asarray(vaecompress.decode(data)), samples)


def test_a_grey_picture_that_came_as_rgb_comes_back_as_rgb() -> None:
    image = Image(np.repeat(noise(1), 3, axis=2))
    back = vaecompress.decode(encode_lossless(image).data)
    assert np.array_equal(back.pixels, image.pixels)


def test_metadata_is_kept_or_stripped() -> None:
    image = Image(noise(3, 2), icc=None, exif=b"II*\0", xmp=b"<x/>")
    back = vaecompress.decode(encode_lossless(image).data)
    assert (back.exif, back.xmp) == (image.exif, image.xmp)
    assert vaecompress.decode(encode_lossless(image, strip=True).data).exif is None


@pytest.mark.parametrize("extra", [b"\0", b"\1", b"\0\0", b"\1\2", b"\0\0\0\0", bytes(1000)])
def test_bytes_too_many_are_refused(extra: bytes) -> None:
    with pytest.raises(CorruptError):
        decode_webp(bitstream() + extra, (*SHAPE, 3))


def test_bytes_too_few_are_refused() -> None:
    stream = bitstream()
    for length in range(0, len(stream) - 1, 7):
        with pytest.raises(CorruptError):
            decode_webp(stream[:length], (*SHAPE, 3))


@pytest.mark.parametrize("shape", [(33, 61, 3), (34, 60, 3), (60, 33, 3), (33, 60, 4), (33, 60, 2), (33, 60, 1)])
def test_other_sizes_and_channels_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(CorruptError):
        decode_webp(bitstream(), shape)


def test_a_lossy_file_is_refused() -> None:
    for stream in (b"RIFF" + bitstream(), b"\x9d\x01\x2a" + bytes(99), bytes(100)):
        with pytest.raises(CorruptError, match="not of such a picture"):
            decode_webp(stream, (*SHAPE, 3))


@pytest.mark.parametrize("tool", [Tool.LEARNED, Tool.WEBP_LOSSLESS])
def test_an_empty_alpha_chunk_needs_alpha_in_the_bitstream(tool: Tool) -> None:
    payload = PicturePayload(0, bitstream(3), tool)
    header = Header("image", 60, 33, 3, True, 60, NO_MODEL)
    with pytest.raises((CorruptError, vaecompress.errors.UnsupportedError)):
        vaecompress.decode(write(header, [Chunk(chunks.PICTURE, payload.to_body()), Chunk(chunks.ALPHA, b"")]))


def test_a_side_that_webp_does_not_have_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="at most 16383 pixels a side"):
        encode_lossless(Image(np.zeros((1, 16_384, 1), np.uint8)))
