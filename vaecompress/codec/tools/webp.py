"""Pictures without loss: WebP's lossless bitstream (RFC 9649, section 3), through Pillow.

FORMAT.md, "WebP lossless". What is stored is the body of the file's only chunk, without the file around it.
"""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError
from vaecompress.limits import Limits
from vaecompress.media.image_read import read_image

Array = npt.NDArray[Any]

WEBP_MAX_SIDE = 16_383
"""The longest side that libwebp writes."""

_SIGNATURE = 0x2F
_HEAD = struct.Struct("<BI")
_SIDE_BITS, _SIDE_MASK = 14, (1 << 14) - 1
_RIFF = struct.Struct("<4sI4s4sI")
_RIFF_HEAD_BYTES = 8
_UNIT_BYTES = 2
"""Bodies of RIFF chunks are padded to a multiple of it."""


def decode_webp(stream: bytes, shape: tuple[int, int, int]) -> Array:
    """Samples uint8 of ``shape`` (height, width, 1 to 4), with 2 and 4 channels alpha last.

    Raises CorruptError where the bitstream is damaged, of another size, or followed by other bytes.
    """
    height, width, channels = shape
    _check_head(stream, width, height, channels in (2, 4))
    limits = Limits(max_pixels=width * height, max_side=max(width, height))
    samples = _decoded(stream, limits)
    if samples is None or samples.shape[:2] != (height, width):
        raise CorruptError("the WebP bitstream cannot be decoded; the stream is damaged")
    if _decoded(stream[:-_UNIT_BYTES], limits) is not None:
        raise CorruptError("bytes follow the WebP bitstream; the stream is damaged")
    if channels > 2:
        return samples
    if not (samples[:, :, :3] == samples[:, :, :1]).all():
        raise CorruptError("the WebP bitstream of a grey picture has colours; the stream is damaged")
    return np.ascontiguousarray(samples[:, :, :1] if channels == 1 else samples[:, :, 2:])


def bitstream_of(file: bytes) -> bytes:
    """The bitstream in a WebP file of one lossless picture without metadata."""
    riff, _, webp, kind, length = _RIFF.unpack_from(file)
    assert (riff, webp, kind) == (b"RIFF", b"WEBP", b"VP8L")
    return file[_RIFF.size : _RIFF.size + length + length % _UNIT_BYTES]


def has_alpha(stream: bytes) -> bool:
    """Whether a bitstream says that it has an alpha channel."""
    return bool(_HEAD.unpack_from(stream)[1] >> 2 * _SIDE_BITS & 1)


def _file_of(stream: bytes) -> bytes:
    return _RIFF.pack(b"RIFF", len(stream) + _RIFF.size - _RIFF_HEAD_BYTES, b"WEBP", b"VP8L", len(stream)) + stream


def _check_head(stream: bytes, width: int, height: int, alpha: bool) -> None:
    if len(stream) <= _HEAD.size or len(stream) % _UNIT_BYTES:
        raise CorruptError(f"the WebP bitstream has {len(stream)} bytes; fetch the file again")
    signature, bits = _HEAD.unpack_from(stream)
    size = (bits & _SIDE_MASK) + 1, (bits >> _SIDE_BITS & _SIDE_MASK) + 1
    if (signature, size, bits >> 2 * _SIDE_BITS) != (_SIGNATURE, (width, height), int(alpha)):
        raise CorruptError("the WebP bitstream is not of such a picture as the header says; the stream is damaged")


def _decoded(stream: bytes, limits: Limits) -> Array | None:
    """Samples [height, width, 3 or 4], None where the bitstream is not whole and sound."""
    try:
        image, _ = read_image(_file_of(stream), limits)
    except Exception:  # decoders of damaged files raise nearly everything
        return None
    return np.asarray(image)
