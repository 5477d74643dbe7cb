"""What a predicted frame is predicted from: two pictures made of moved blocks of the frames it refers to.

Whole numbers only (FORMAT.md, "Prediction"). Samples between pixels come from the 8-tap filters of HEVC (ITU-T H.265,
8.5.3.3.3) in quarters of a pixel. Blocks overlap: each reaches 4 pixels into its neighbours, with weights that fall off
linearly and add up to 256 everywhere (Orchard and Sullivan, "Overlapped Block Motion Compensation", 1994).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.compiled import COMPILES
from vaecompress.codec.moved_blocks import add_up

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

BLOCK = 8
"""Side of the blocks that motion is given for, in pixels."""

PAST, FUTURE, BOTH = 0, 1, 2
"""What a block is predicted from."""

QUARTERS = 4
"""Parts of a pixel that vectors count."""

TAPS = (
    (0, 0, 0, 64, 0, 0, 0, 0),
    (-1, 4, -10, 58, 17, -5, 1, 0),
    (-1, 4, -11, 40, 40, -11, 4, -1),
    (0, 1, -5, 17, 58, -10, 4, -1),
)
"""The filter of each quarter: what pixels -3 .. 4 from the position weigh, in 1/64."""

WINDOW = 2 * BLOCK
"""Side of the overlapping windows, in pixels."""

RAMP = (1, 3, 5, 7, 9, 11, 13, 15)
"""Weights along a side of a window, in 1/16, from its edge to its middle; the other half mirrors them."""

BEFORE, AFTER = 3, 4
"""Pixels that the filters see before and after a position."""

PATCH_SIDE = WINDOW + BEFORE + AFTER
"""Side of what a window and its filters see, in pixels."""

REACH = WINDOW + AFTER
"""A window that starts so far outside of a picture sees copies of its edge only, however much farther it starts."""

BAND_BLOCKS = 4096
WINDOWS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class MotionField:
    """Motion of a frame, by blocks of 8 x 8 pixels.

    ``mode`` uint8 [rows, columns] is PAST, FUTURE or BOTH; ``past`` and ``future`` int16 [rows, columns, 2] are the
    vectors (down, right) in quarters of a pixel from a block to what it resembles; of no meaning where the mode does
    not use them.
    """

    mode: Array
    past: Array
    future: Array

    @classmethod
    def still(cls, height: int, width: int) -> "MotionField":
        """Blocks of a frame of ``height`` x ``width`` pixels that all stay where they were in the past frame."""
        grid = (-(-height // BLOCK), -(-width // BLOCK))
        return cls(np.zeros(grid, np.uint8), np.zeros((*grid, 2), np.int16), np.zeros((*grid, 2), np.int16))


class Reference:
    """A decoded picture, uint8 [height, width, channels]; beyond its edges copies of the pixels there go on."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    @cached_property
    def _patches(self) -> Array:
        """A view of everything that a window and its filters may see [rows, columns, 23, 23 * channels]."""
        height, width, channels = self.pixels.shape
        rows, columns = (np.arange(-REACH - BEFORE, side + BEFORE + WINDOW + AFTER) for side in (height, width))
        padded = self._cut(rows, columns)
        down, right, _ = padded.strides
        shape = (height + REACH + BEFORE + 1, width + REACH + BEFORE + 1, PATCH_SIDE, PATCH_SIDE * channels)
        return np.lib.stride_tricks.as_strided(padded, shape, (down, right, down, 1), writeable=False)

    def windows(self, position: Array) -> Pixels:
        """Windows [n, 16, 16 * channels] that start at ``position`` int [n, 2], in quarters of a pixel."""
        height, width, channels = self.pixels.shape
        start = np.clip(position // QUARTERS, -REACH, (height + BEFORE, width + BEFORE)) + REACH
        phase = position % QUARTERS
        key = phase[:, 0] * QUARTERS + phase[:, 1]
        found = np.empty((len(position), WINDOW, WINDOW * channels), np.uint8)
        for one in np.unique(key):
            group = np.flatnonzero(key == one)
            for begin in range(0, len(group), WINDOWS_AT_ONCE):
                some = group[begin : begin + WINDOWS_AT_ONCE]
                patches = self._patches[start[some, 0], start[some, 1]]
                found[some] = _filtered(patches, channels, int(one) // QUARTERS, int(one) % QUARTERS)
        return found

    def planes(self, margin: int) -> Pixels:
        """All samples, ``margin`` more beyond each edge [16, height + 2 margin, width + 2 margin, channels].

        Of row phase r and column phase c at 4 r + c.
        """
        height, width, channels = self.pixels.shape
        rows, columns = (np.arange(-margin - BEFORE, side + margin + AFTER) for side in (height, width))
        samples, shape = self._cut(rows, columns).reshape(1, len(rows), -1), (-1, width + 2 * margin, channels)
        across = (_across(samples, channels, phase) for phase in range(QUARTERS))
        columnwise = [[_down(one, samples.shape, channels, phase) for phase in range(QUARTERS)] for one in across]
        return np.stack([plane.reshape(shape) for phase in zip(*columnwise, strict=True) for plane in phase])

    def _cut(self, rows: Array, columns: Array) -> Pixels:
        height, width, _ = self.pixels.shape
        cut: Pixels = self.pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None]]
        return cut


def predict(field: MotionField, past: Reference, future: Reference | None) -> tuple[Pixels, Pixels]:
    """The predictions A and B of a frame, uint8 [height, width, channels]: A from the past, B from the future.

    Where a block has only one of them both are the same.
    """
    first, second = (np.empty_like(past.pixels, order="C") for _ in range(2))
    if COMPILES:
        _fill(field, past.pixels, None if future is None else future.pixels, (first, second))
        return first, second
    height, width, channels = first.shape
    for rows in _bands(field.mode.shape):
        blocks = _ringed(field, rows)
        place = slice(rows.start * BLOCK, min(rows.stop * BLOCK, height))
        for out, windows in zip((first, second), _windows(blocks, past, future), strict=True):
            out[place] = _overlapped(windows, channels)[: place.stop - place.start, :width]
    return first, second


def _fill(field: MotionField, past: Pixels, future: Pixels | None, found: tuple[Pixels, Pixels]) -> None:
    """:func:`predict` in compiled loops, into ``found``."""
    mode = np.full_like(field.mode, PAST) if future is None else field.mode
    pictures = past, past if future is None else future, *found
    past, future, first, second = (np.ascontiguousarray(one).reshape(len(one), -1) for one in pictures)
    vectors = np.stack([field.past, field.future]).astype(np.int64)
    taps, ramp = np.array(TAPS, np.float32), np.array((*RAMP, *RAMP[::-1]), np.float32)
    add_up(mode, vectors, (past, future), found[0].shape[2], taps, ramp, (first, second))


def average(first: Pixels, second: Pixels) -> Pixels:
    """The prediction p of a frame: the mean of A and B, halves rounded up."""
    return np.asarray((first.astype(np.uint16) + second + 1) >> 1, np.uint8)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Mode [rows, columns] and starts of the windows [rows, columns, 2] of a band with a ring of blocks around it."""

    mode: Array
    past: Array
    future: Array


def _bands(grid: tuple[int, ...]) -> Iterator[slice]:
    rows, columns = grid
    step = max(1, BAND_BLOCKS // columns)
    for top in range(0, rows, step):
        yield slice(top, min(top + step, rows))


def _ringed(field: MotionField, rows: slice) -> _Blocks:
    """Blocks of a band and their neighbours; those at the edge of the frame stand for what is beyond it."""
    height, width = field.mode.shape
    row, column = np.arange(rows.start - 1, rows.stop + 1), np.arange(-1, width + 1)
    place = np.clip(row, 0, height - 1)[:, None], np.clip(column, 0, width - 1)[None]
    corner = QUARTERS * (BLOCK * np.stack(np.broadcast_arrays(row[:, None], column[None]), 2) - BLOCK // 2)
    return _Blocks(field.mode[place], corner + field.past[place], corner + field.future[place])


def _windows(blocks: _Blocks, past: Reference, future: Reference | None) -> tuple[Array, Array]:
    """The windows [rows, columns, 16, 16 * channels] of A and of B."""
    first = np.empty((*blocks.mode.shape, WINDOW, WINDOW * past.pixels.shape[2]), np.uint8)
    if future is None:
        first[:] = past.windows(blocks.past.reshape(-1, 2)).reshape(first.shape)
        return first, first
    second = np.empty_like(first)
    uses_past, uses_future = blocks.mode != FUTURE, blocks.mode != PAST
    first[uses_past] = past.windows(blocks.past[uses_past])
    second[uses_future] = future.windows(blocks.future[uses_future])
    first[~uses_past] = second[~uses_past]
    second[~uses_future] = first[~uses_future]
    return first, second


def _overlapped(windows: Array, channels: int) -> Pixels:
    """The pixels of a band from its windows and those of the ring around it."""
    ramp = np.array((*RAMP, *RAMP[::-1]), np.uint16)
    weights = np.repeat(ramp[:, None] * ramp[None], channels, axis=1)
    part = windows * weights
    half = BLOCK * channels
    total = part[1:, 1:, :BLOCK, :half] + part[:-1, 1:, BLOCK:, :half]
    total += part[1:, :-1, :BLOCK, half:]
    total += part[:-1, :-1, BLOCK:, half:]
    total += 128
    cells = (total >> 8).astype(np.uint8)
    rows, columns = cells.shape[:2]
    picture: Pixels = cells.swapaxes(1, 2).reshape(rows * BLOCK, columns * BLOCK, channels)
    margin = BLOCK // 2
    return picture[margin : rows * BLOCK - margin, margin : columns * BLOCK - margin]


def _filtered(patches: Pixels, channels: int, row_phase: int, column_phase: int) -> Pixels:
    """Samples at a phase [n, rows - 7, (columns - 7) * channels] of patches [n, rows, columns * channels].

    Patches are weighed end to end, in long rows: what that gives across their ends is cut off.
    """
    _, rows, side = patches.shape
    inner = side - (BEFORE + AFTER) * channels
    if row_phase == column_phase == 0:
        return patches[:, BEFORE : rows - AFTER, BEFORE * channels : BEFORE * channels + inner]
    return _down(_across(patches, channels, column_phase), patches.shape, channels, row_phase)


def _across(patches: Pixels, channels: int, phase: int) -> Array:
    """Patches [n, rows, columns * channels], end to end, weighed along their rows: float32."""
    return _weighed(patches.astype(np.float32).ravel(), channels, phase)


def _down(across: Array, shape: tuple[int, ...], channels: int, phase: int) -> Pixels:
    """Samples of patches of ``shape`` that were weighed along rows, weighed along columns, too."""
    count, rows, side = shape
    total = _weighed(across, side, phase)
    total += np.float32(2048)
    total *= np.float32(1 / 4096)
    levels = np.empty(count * rows * side, np.uint8)
    levels[: len(total)] = np.clip(total, 0, 255, out=total)
    reach = BEFORE + AFTER
    return levels.reshape(shape)[:, : rows - reach, : side - reach * channels]


def _weighed(samples: Array, step: int, phase: int) -> Array:
    """Samples ``step`` apart, weighed by the taps of a phase; whole numbers below 2^24, so float32 holds them."""
    length = len(samples) - (BEFORE + AFTER) * step
    total, product = np.zeros(length, np.float32), np.empty(length, np.float32)
    for tap, weight in enumerate(TAPS[phase]):
        if weight:
            total += np.multiply(samples[tap * step : tap * step + length], np.float32(weight), out=product)
    return total
