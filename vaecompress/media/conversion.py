"""Between libav's frames and RGB, by the declared matrix and range, with libswscale's accurate path.

Its fast path, the default, costs 20 dB: luma of 4:2:0 to RGB and back comes out at 47 dB there, at 68 dB here.
"""

from typing import Any

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
