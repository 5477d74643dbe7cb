"""Pictures as monochrome AV1 stills, one a plane, through Pillow's AVIF. AV1 decoding is normative, hence exact.

FORMAT.md, "AV1 planes". No colour conversion but ours takes part.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.features

from vaecompress.bitstream.varint import read_varint, write_varint
from vaecompress.codec.tools.avif import to_avif
from vaecompress.codec.tools.colour import from_planes
from vaecompress.codec.tools.obu import check_still
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.limits import Limits
from vaecompress.media.image_read import read_image

Array = npt.NDArray[Any]


def has_avif() -> bool:
    """Whether Pillow has AVIF."""
    return bool(PIL.features.check("avif"))


def decode_av1(coded: bytes, shape: tuple[int, int, int]) -> Array:
    """Pixels uint8 of ``shape`` (height, width, 1 or 3).

    Raises CorruptError where a plane is damaged or of another size or kind, UnsupportedError where Pillow lacks AVIF.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise CorruptError("alpha is not among AV1 planes; the stream is damaged")
    streams = split(coded, channels)
    levels = [check_still(stream, width, height) for stream in streams]
    if not has_avif():
        raise UnsupportedError("coded with AV1, which this Pillow cannot decode: pip install --upgrade 'pillow>=11.3'")
    files = [to_avif(stream, width, height, level) for stream, level in zip(streams, levels, strict=True)]
    planes = [_plane(file, height, width) for file in files]
    return planes[0][:, :, None] if channels == 1 else from_planes(np.stack(planes))


def split(coded: bytes, count: int) -> list[bytes]:
    """The stills of ``count`` planes. Raises CorruptError where one is missing."""
    streams = []
    for _ in range(count - 1):
        length, place = read_varint(coded, 0, "AV1 planes")
        if place + length > len(coded):
            raise CorruptError("an AV1 plane is cut off; fetch the file again")
        streams.append(coded[place : place + length])
        coded = coded[place + length :]
    return [*streams, coded]


def join(streams: list[bytes]) -> bytes:
    """What :func:`split` takes apart."""
    return b"".join(write_varint(len(stream)) + stream for stream in streams[:-1]) + streams[-1]


def _plane(file: bytes, height: int, width: int) -> Array:
    limits = Limits(max_pixels=width * height, max_side=max(width, height))
    try:
        image, _ = read_image(file, limits)
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise CorruptError("an AV1 picture cannot be decoded; the stream is damaged") from error
    if image.pixels.shape != (height, width, 1) or image.alpha is not None:
        raise CorruptError("an AV1 picture is not of the size that it should be; the stream is damaged")
    return image.pixels[:, :, 0]
