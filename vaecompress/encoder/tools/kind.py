"""Whether a picture is of a kind that networks code badly: flat, drawn, dithered, a page of text."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels

Array = npt.NDArray[Any]

TILE = 64
STRIDE = 4
"""Side of a tile in pixels, and the distance of the pixels that are looked at, which keeps it cheap."""

FEW_COLOURS = {1: 6, 3: 24}
"""Of the 256 pixels that are looked at in a tile, by the channels: skies of grey photographs have some ten levels."""

SMOOTH_SHARE = 0.95
"""Share of a tile whose second difference is at most one level, both ways: a gradient without the noise of a camera."""

ENOUGH = 0.1
"""Share of tiles that makes a picture one for other tools."""

ICON_PIXELS, SMALL_PIXELS = 1024, 4096
"""So small pictures are icons; so small ones cost nothing to try without loss."""


def is_drawn(pixels: Pixels) -> bool:
    """Whether enough 64x64 tiles of pixels [H, W, 1 or 3] have few colours or are flat gradients."""
    if pixels.shape[0] * pixels.shape[1] <= ICON_PIXELS:
        return True
    drawn = _has_few_colours(pixels) | _is_smooth(pixels)
    return bool(drawn.mean() >= ENOUGH)


def _has_few_colours(pixels: Pixels) -> npt.NDArray[np.bool_]:
    looked_at = pixels[::STRIDE, ::STRIDE].astype(np.uint32)
    packed: Array = looked_at[:, :, 0]
    for channel in range(1, pixels.shape[2]):
        packed = packed << 8 | looked_at[:, :, channel]
    tiles = np.sort(_tiles(packed, TILE // STRIDE), axis=1)
    colours = 1 + np.count_nonzero(tiles[:, 1:] != tiles[:, :-1], axis=1)
    return np.asarray(colours <= FEW_COLOURS[pixels.shape[2]])


def _is_smooth(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """Of green, or grey."""
    plane = pixels[:, :, pixels.shape[2] // 2]
    across, down = (_is_gentle(lines[::STRIDE].astype(np.int16)) for lines in (plane, plane.T))
    gentle = across[:, ::STRIDE] & down.T[::STRIDE]
    return np.asarray(_tiles(gentle, TILE // STRIDE).mean(axis=1) >= SMOOTH_SHARE)


def _is_gentle(lines: Array) -> npt.NDArray[np.bool_]:
    """Whether the second difference along lines [N, length] is at most a level; true at both ends."""
    gentle = np.ones(lines.shape, np.bool_)
    gentle[:, 1:-1] = np.abs(lines[:, 2:] - 2 * lines[:, 1:-1] + lines[:, :-2]) <= 1
    return gentle


def _tiles(plane: Array, side: int) -> Array:
    """A plane [H, W] as [tiles, pixels]: whole tiles only, smaller ones where a side is shorter than ``side``."""
    height, width = (min(side, length) for length in plane.shape)
    rows, columns = plane.shape[0] // height, plane.shape[1] // width
    whole = plane[: rows * height, : columns * width].reshape(rows, height, columns, width)
    return whole.swapaxes(1, 2).reshape(rows * columns, height * width)
