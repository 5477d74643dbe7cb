"""Between libav's frames and RGB, by the declared matrix and range, with libswscale's accurate path.

Its fast path, the default, costs 20 dB: luma of 4:2:0 to RGB and back comes out at 47 dB there, at 68 dB here.
"""

from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from vaecompress.media.colour import IDENTITY, Colour
from vaecompress.media.image import UInt8Array

# BITEXACT: the same bits with every instruction set.
_ACCURATE = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)


def to_rgb(frame: Any, colour: Colour) -> UInt8Array:
    """Convert a decoded ``av.VideoFrame`` to uint8 RGB [height, width, 3]."""
    if is_grey(frame) and not colour.full_range:
        return _grey_to_rgb(frame)
    declared = {}
    if colour.matrix != IDENTITY:
        declared = {
            "src_colorspace": colour.swscale_matrix,
            "dst_colorspace": colour.swscale_matrix,
            "src_color_range": colour.swscale_range,
            "dst_color_range": ColorRange.JPEG,
        }
    rgb: UInt8Array = frame.reformat(format="rgb24", interpolation=_ACCURATE, **declared).to_ndarray()
    return rgb


def is_grey(frame: Any) -> bool:
    """Whether an ``av.VideoFrame`` has luma alone, alpha aside."""
    is_other = frame.format.is_rgb or frame.format.has_palette
    return not is_other and sum(not component.is_alpha for component in frame.format.components) == 1


def _grey_to_rgb(frame: Any) -> UInt8Array:
    """Spread luma of limited range, which libswscale takes for full range where there is no chroma."""
    bits = frame.format.components[0].bits
    share = frame.reformat(format="gray16le").to_ndarray() / 65535  # of the largest number of so many bits
    luma = share * (2**bits - 1) / 2 ** (bits - 8)
    grey = np.clip(np.round((luma - 16) * 255 / 219), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def to_yuv(frame: Any, pixel_format: str, colour: Colour) -> Any:
    """Convert an RGB ``av.VideoFrame`` to an 8-bit YUV format, in the matrix and range of ``colour``."""
    return frame.reformat(
        format=pixel_format,
        src_colorspace=colour.swscale_matrix,
        dst_colorspace=colour.swscale_matrix,
        src_color_range=ColorRange.JPEG,
        dst_color_range=colour.swscale_range,
        interpolation=_ACCURATE,
    )
