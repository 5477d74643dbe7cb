"""RGB to and from three planes of 8 bits, in integers: YCoCg as Malvar and Sullivan have it (JVT-I014), halved.

FORMAT.md, "AV1 planes".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ROWS_AT_ONCE = 256
_MIDDLE = 128


def to_planes(rgb: Array) -> Array:
    """Y, Co and Cg, uint8 [3, H, W], of pixels uint8 [H, W, 3]."""
    planes = np.empty((3, *rgb.shape[:2]), np.uint8)
    for rows in _spans(len(rgb)):
        red, green, blue = np.moveaxis(rgb[rows].astype(np.int16), 2, 0)
        planes[0, rows] = (red + 2 * green + blue + 2) >> 2
        planes[1, rows] = np.minimum(((red - blue + 1) >> 1) + _MIDDLE, 255)
        planes[2, rows] = np.minimum(((2 * green - red - blue + 2) >> 2) + _MIDDLE, 255)
    return planes


def from_planes(planes: Array) -> Array:
    """Pixels uint8 [H, W, 3] of Y, Co and Cg, uint8 [3, H, W]."""
    rgb = np.empty((*planes.shape[1:], 3), np.uint8)
    for rows in _spans(len(rgb)):
        luma, orange, green = planes[:, rows].astype(np.int16)
        rest = luma - (green - _MIDDLE)
        rgb[rows, :, 0] = np.clip(rest + (orange - _MIDDLE), 0, 255)
        rgb[rows, :, 1] = np.clip(luma + (green - _MIDDLE), 0, 255)
        rgb[rows, :, 2] = np.clip(rest - (orange - _MIDDLE), 0, 255)
    return rgb


def _spans(rows: int) -> list[slice]:
    return [slice(top, top + ROWS_AT_ONCE) for top in range(0, rows, ROWS_AT_ONCE)]
