"""Squared error as stills count it, and as videos do, whose chroma is half as fine."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels, squared_error
from vaecompress.format import PATCH

Array = npt.NDArray[Any]
Matrix = npt.NDArray[np.float32]

YUV = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""Luma and the two colour differences of RGB, full range (ITU-R BT.601-7, 2.5)."""

ROWS_AT_ONCE = 256


class Distortion(Protocol):
    """A squared error that is a linear map of a 16x16 patch's error, squared."""

    def total(self, original: Pixels, decoded: Pixels) -> float:
        """Distortion of a picture [H, W, C]: the mean squared error a pixel, times pixels."""
        ...

    def map(self, patches: Array) -> Array:
        """Errors of patches (row, column, colour) [768, ...] in levels to what is squared and summed [K, ...]."""
        ...


class ColourError:
    """Squared error over the samples of a picture of 1 or 3 channels."""

    def __init__(self, channels: int = 3) -> None:
        self._channels = channels

    def total(self, original: Pixels, decoded: Pixels) -> float:
        """See :class:`Distortion`."""
        return squared_error(original, decoded) / self._channels

    def map(self, patches: Array) -> Array:
        """See :class:`Distortion`."""
        return np.asarray(patches / np.float32(np.sqrt(3.0)))


class VideoError:
    """Squared error of Y at every pixel, and of U and V averaged over 2x2 pixels, each sample counting alike a plane.

    Videos are 4:2:0, and measured so. In the mean of decibels (6 Y + U + V) / 8 a plane's squared error counts by the
    inverse of its size, 1 / (6 r) of luma's; with errors of chroma a tenth to a quarter of luma's that is about 1.
    """

    def total(self, original: Pixels, decoded: Pixels) -> float:
        """See :class:`Distortion`. Odd sides: their last row and column count half as much in chroma."""
        height, width = (side + side % 2 for side in original.shape[:2])
        total = 0.0
        for top in range(0, height, ROWS_AT_ONCE):
            rows = slice(top, min(top + ROWS_AT_ONCE, height))
            error = original[rows].astype(np.float32) - decoded[rows]
            missing = (rows.stop - rows.start - error.shape[0], width - error.shape[1])
            y, u, v = _planes(np.pad(error, ((0, missing[0]), (0, missing[1]), (0, 0))))
            halves = [plane.reshape(len(plane) // 2, 2, -1, 2).mean((1, 3)) for plane in (u, v)]
            total += float(np.square(y).sum()) + 4.0 * sum(float(np.square(half).sum()) for half in halves)
        return total

    def map(self, patches: Array) -> Array:
        """See :class:`Distortion`."""
        rest = patches.shape[1:]
        y, u, v = _planes(patches.reshape(PATCH, PATCH, 3, -1))
        halves = [plane.reshape(PATCH // 2, 2, PATCH // 2, 2, -1).mean((1, 3)) * 2.0 for plane in (u, v)]
        parts = [plane.reshape(-1, *rest) for plane in (y, *halves)]
        return np.asarray(np.concatenate(parts), np.float32)


def _planes(error: Array) -> list[Array]:
    """Y, U and V of RGB errors [height, width, 3, ...], [height, width, ...] each."""
    return [red * error[:, :, 0] + green * error[:, :, 1] + blue * error[:, :, 2] for red, green, blue in YUV]
