"""The payload of a picture that no network coded, to its samples."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import PicturePayload, Tool, pixel_checksum
from vaecompress.codec.tools.av1 import decode_av1
from vaecompress.codec.tools.webp import decode_webp
from vaecompress.errors import CorruptError

Array = npt.NDArray[Any]


def decode_with_tool(payload: PicturePayload, shape: tuple[int, int, int]) -> Array:
    """Samples uint8 of ``shape`` (height, width, 1 to 4), with 2 and 4 channels alpha last.

    Raises CorruptError unless the checksum of the colours is the payload's, or where the bytes are damaged;
    UnsupportedError where the package that decodes the tool is not here.
    """
    colour_channels = shape[2] - (shape[2] + 1) % 2
    if payload.tool is Tool.WEBP_LOSSLESS:
        samples = decode_webp(payload.coded, shape)
    else:
        samples = decode_av1(payload.coded, shape)
    colours = np.ascontiguousarray(samples[:, :, :colour_channels])
    if pixel_checksum(colours.data) != payload.checksum:
        raise CorruptError("the decoded picture does not match its checksum; the stream is damaged")
    return samples
