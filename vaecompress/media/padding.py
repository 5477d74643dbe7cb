"""Padding to the grid the networks work on, and its inverse."""

from typing import Any

import numpy as np
import numpy.typing as npt


def padded_size(size: int, multiple: int) -> int:
    """Return the smallest multiple of ``multiple`` that is at least ``size``."""
    return -(-size // multiple) * multiple


def pad_edge(pixels: npt.NDArray[Any], multiple: int) -> npt.NDArray[Any]:
    """Repeat the last row and column of [height, width, channels] until both sides are multiples of ``multiple``.

    Returns the input itself where nothing is missing.
    """
    height, width = pixels.shape[:2]
    bottom = padded_size(height, multiple) - height
    right = padded_size(width, multiple) - width
    if bottom == 0 and right == 0:
        return pixels
    return np.pad(pixels, ((0, bottom), (0, right), (0, 0)), mode="edge")


def crop(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """Return the top left [height, width] of ``pixels`` as a view: the inverse of :func:`pad_edge`."""
    return pixels[:height, :width]
