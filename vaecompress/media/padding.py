"""What fills places that nobody sees: padding to the grid the networks work on, and colours under alpha 0."""

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


def fill_hidden(pixels: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """``pixels`` [H, W, C] with means of what is ``seen`` [H, W] around them where nothing is.

    Push and pull (Gortler et al. 1996, "The Lumigraph", section 3.3): means over 2x2, 4x4, ... of what is seen, the
    finest that there is.
    """
    if seen.all() or not seen.any():
        return pixels if seen.any() else np.full_like(pixels, 128)
    count: npt.NDArray[Any] = seen[:, :, None].astype(np.float32)
    levels = [(pixels * count, count)]
    while max(levels[-1][1].shape) > 1:
        levels.append((_summed(levels[-1][0]), _summed(levels[-1][1])))
    filled = levels[-1][0] / levels[-1][1]
    for total, count in reversed(levels[:-1]):
        coarse = filled.repeat(2, 0).repeat(2, 1)[: len(total), : total.shape[1]]
        filled = np.where(count > 0, total / np.maximum(count, 1), coarse)
    return np.where(seen[:, :, None], pixels, np.rint(filled).astype(np.uint8))


def _summed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sums over 2x2 of [H, W, C]; odd sides end in half as many."""
    padded = np.pad(values, ((0, len(values) % 2), (0, values.shape[1] % 2), (0, 0)))
    rows = padded[0::2] + padded[1::2]
    return np.asarray(rows[:, 0::2] + rows[:, 1::2])
