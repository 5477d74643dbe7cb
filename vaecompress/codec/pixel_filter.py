"""The filter at pixel resolution: neighbours exchange a little of what they differ by, but not across edges.

FORMAT.md, "Pixel filter". In three planes (R + G + B, R - B, R - 2 G + B) each pair of neighbours exchanges a weighted
sum of its difference clipped at two bounds, so that small differences level out (or sharpen) and large ones stay; after
the clipped differences of AV1's CDEF (Midtskogen and Valin 2018) and VVC's adaptive loop filter. Weights are fitted for
each quality when a model's tables are; an encoder chooses the strength for each picture.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError
from vaecompress.format import (
    FILTER_BOUNDS,
    FILTER_DIRECTIONS,
    FILTER_MAX_STRENGTH,
    FILTER_STRENGTH_BITS,
    FILTER_WEIGHT_BITS,
)

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

REACH = 2
BAND_ROWS = 64


def filter_changes(pixels: Pixels, weights: Array) -> Array:
    """What the filter adds to ``pixels`` [H, W, 3] at full strength: int16 [H, W, 3] in 1/256 of a level.

    ``weights`` [3, 3, 2] are one row of the model's: for each plane and direction, one for each bound.
    """
    changes = np.empty(pixels.shape, np.int16)
    for top in range(0, len(pixels), BAND_ROWS):
        first = max(0, top - REACH)
        band = _changes(pixels[first : top + BAND_ROWS + REACH], weights)
        rows = slice(top, min(top + BAND_ROWS, len(pixels)))
        changes[rows] = band[top - first :][: rows.stop - rows.start]
    return changes


def apply_changes(pixels: Pixels, changes: Array, strength: int) -> Pixels:
    """``pixels`` with ``changes`` added at ``strength`` quarters."""
    result = np.empty_like(pixels)
    shift, half = FILTER_WEIGHT_BITS + FILTER_STRENGTH_BITS, 1 << (FILTER_WEIGHT_BITS + FILTER_STRENGTH_BITS - 1)
    for top in range(0, len(pixels), BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        moved = pixels[rows] + ((changes[rows].astype(np.int32) * strength + half) >> shift)
        result[rows] = np.clip(moved, 0, 255)
    return result


def filtered(pixels: Pixels, weights: Array, strength: int) -> Pixels:
    """Decoded ``pixels`` [H, W, 3] through the filter. Raises CorruptError for a strength that there is not."""
    if strength > FILTER_MAX_STRENGTH:
        raise CorruptError(f"filter strength {strength} is above {FILTER_MAX_STRENGTH}; the stream is damaged")
    return apply_changes(pixels, filter_changes(pixels, weights), strength) if strength else pixels


def exchanged(plane: Array, direction: int, bound: int) -> Array:
    """What ``plane`` [H, W] gains where neighbours of ``direction`` exchange their difference clipped at ``bound``."""
    gain = np.zeros_like(plane)
    for offset in FILTER_DIRECTIONS[direction]:
        here, there = _pair(plane.shape, offset)
        flow = np.clip(plane[there] - plane[here], -bound, bound)
        gain[here] += flow
        gain[there] -= flow
    return gain


def colour_planes(pixels: Pixels) -> tuple[Array, Array, Array]:
    """The planes in which the filter works, int16 [H, W] each."""
    red, green, blue = (pixels[:, :, channel].astype(np.int16) for channel in range(3))
    return red + green + blue, red - blue, red - 2 * green + blue


def _changes(pixels: Pixels, weights: Array) -> Array:
    luma, orange, green = (
        _gain(plane, plane_weights, bounds)
        for plane, plane_weights, bounds in zip(colour_planes(pixels), weights.astype(int), FILTER_BOUNDS, strict=True)
    )
    changes = np.empty(pixels.shape, np.int16)
    np.subtract(luma, 2 * green, out=changes[:, :, 1])
    luma += green
    np.add(luma, orange, out=changes[:, :, 0])
    np.subtract(luma, orange, out=changes[:, :, 2])
    return changes


def _gain(plane: Array, weights: Array, bounds: tuple[int, ...]) -> Array:
    """What a plane int16 [H, W] gains from all exchanges; buffers are used again, which halves the time."""
    gain, buffers = np.zeros_like(plane), np.empty((3, plane.size), np.int16)
    for direction, pair in enumerate(weights.tolist()):
        for offset in FILTER_DIRECTIONS[direction]:
            here, there = _pair(plane.shape, offset)
            shape = plane[here].shape
            difference, part, flow = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in buffers)
            np.subtract(plane[there], plane[here], out=difference)
            for weight, bound, found in zip(pair, bounds, (flow, part), strict=True):
                np.clip(difference, np.int16(-bound), np.int16(bound), out=found)
                np.multiply(found, np.int16(weight), out=found)
            flow += part
            gain[here] += flow
            gain[there] -= flow
    return gain


def _pair(shape: tuple[int, ...], offset: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the earlier and the later pixels of all pairs with this offset lie."""
    (height, width), (down, right) = shape, offset
    rows, later_rows = slice(0, max(0, height - down)), slice(down, height)
    left, later_left = slice(max(0, -right), max(0, width - max(0, right))), slice(max(0, right), width + min(0, right))
    return (rows, left), (later_rows, later_left)
