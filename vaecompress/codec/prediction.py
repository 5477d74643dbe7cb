"""What a predicted frame is predicted from: two pictures made of moved blocks of the frames it refers to.

Whole numbers only (FORMAT.md, "Prediction"). Samples between pixels come from the 8-tap filters of HEVC (ITU-T H.265,
8.5.3.3.3) in quarters of a pixel. Blocks overlap: each reaches 4 pixels into its neighbours, with weights that fall off
linearly and add up to 256 everywhere (Orchard and Sullivan, "Overlapped Block Motion Compensation", 1994).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

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

REACH = WINDOW + AFTER
"""A window that starts so far outside of a picture sees copies of its edge only, however much farther it starts."""

STRIP_ROWS = 64
BAND_BLOCKS = 4096
CACHE_BYTES = 48 << 20


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
    """A decoded picture, uint8 [height, width, channels], and what lies between its pixels, computed when needed.

    Beyond its edges the picture goes on with copies of the pixels there. Memory for what is computed is bounded.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self._filtered: dict[tuple[int, int, int], Array] = {}
        self._bytes = 0

    def windows(self, position: Array) -> Pixels:
        """Windows [n, 16, 16 * channels] that start at ``position`` int [n, 2], in quarters of a pixel."""
        height, width, channels = self.pixels.shape
        start = np.clip(position // QUARTERS, -REACH, (height + BEFORE, width + BEFORE)) + REACH
        phase = position % QUARTERS
        strip = start[:, 0] // STRIP_ROWS
        key = (strip * QUARTERS + phase[:, 0]) * QUARTERS + phase[:, 1]
        order = np.argsort(key, kind="stable")
        first = np.flatnonzero(np.diff(key[order], prepend=-1))
        found = np.empty((len(position), WINDOW, WINDOW * channels), np.uint8)
        for begin, end in pairwise([*first, len(order)]):
            group, one = order[begin:end], order[begin]
            samples = self._samples(int(strip[one]), int(phase[one, 0]), int(phase[one, 1]))
            found[group] = _all_windows(samples)[start[group, 0] - strip[one] * STRIP_ROWS, start[group, 1]]
        return found

    def plane(self, row_phase: int, column_phase: int, margin: int) -> Pixels:
        """All samples at a phase, ``margin`` more beyond each edge [height + 2 margin, width + 2 margin, channels]."""
        height, width, _ = self.pixels.shape
        rows, columns = (np.arange(-margin - BEFORE, side + margin + AFTER) for side in (height, width))
        return _filter_rows(_filter_columns(self._cut(rows, columns), column_phase), row_phase)

    def _samples(self, strip: int, row_phase: int, column_phase: int) -> Pixels:
        """Samples at a phase, of the rows in which windows that start in a strip lie."""
        if self._bytes > CACHE_BYTES:
            self._filtered.clear()
            self._bytes = 0
        return self._kept((strip, row_phase, column_phase), self._compute)

    def _compute(self, strip: int, row_phase: int, column_phase: int) -> Array:
        return _filter_rows(self._kept((strip, -1, column_phase), self._columns), row_phase)

    def _columns(self, strip: int, _: int, column_phase: int) -> Array:
        height, width, _ = self.pixels.shape
        first = strip * STRIP_ROWS - REACH
        last = min(first + STRIP_ROWS, height + BEFORE + 1) + WINDOW - 1
        rows = np.arange(first - BEFORE, last + AFTER)
        columns = np.arange(-REACH - BEFORE, width + BEFORE + WINDOW + AFTER)
        return _filter_columns(self._cut(rows, columns), column_phase)

    def _kept(self, key: tuple[int, int, int], compute: Any) -> Array:
        if key not in self._filtered:
            self._filtered[key] = compute(*key)
            self._bytes += self._filtered[key].nbytes
        return self._filtered[key]

    def _cut(self, rows: Array, columns: Array) -> Pixels:
        height, width, _ = self.pixels.shape
        cut: Pixels = self.pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None]]
        return cut


def predict(field: MotionField, past: Reference, future: Reference | None) -> tuple[Pixels, Pixels]:
    """The predictions A and B of a frame, uint8 [height, width, channels]: A from the past, B from the future.

    Where a block has only one of them both are the same.
    """
    height, width, channels = past.pixels.shape
    first, second = (np.empty((height, width, channels), np.uint8) for _ in range(2))
    for rows in _bands(field.mode.shape):
        blocks = _ringed(field, rows)
        place = slice(rows.start * BLOCK, min(rows.stop * BLOCK, height))
        for out, windows in zip((first, second), _windows(blocks, past, future), strict=True):
            out[place] = _overlapped(windows, channels)[: place.stop - place.start, :width]
    return first, second


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


def _all_windows(samples: Pixels) -> Array:
    """Every window of samples [rows, columns, channels], as a view [rows - 15, columns - 15, 16, 16 * channels]."""
    rows, columns, channels = samples.shape
    down, right, _ = samples.strides
    shape = (rows - WINDOW + 1, columns - WINDOW + 1, WINDOW, WINDOW * channels)
    return np.lib.stride_tricks.as_strided(samples, shape, (down, right, down, 1), writeable=False)


def _filter_columns(samples: Pixels, phase: int) -> Array:
    """Samples [rows, columns, channels] at a phase between columns, in 1/64, float32; 7 columns fewer."""
    rows, columns, channels = samples.shape
    flat = samples.reshape(rows, columns * channels).astype(np.float32)
    count = (columns - BEFORE - AFTER) * channels
    parts = [flat[:, tap * channels : tap * channels + count] for tap in range(len(TAPS[phase]))]
    return _weighed(parts, phase).reshape(rows, -1, channels)


def _filter_rows(samples: Array, phase: int) -> Pixels:
    """Samples in 1/64 at a phase between rows, rounded to 8 bits; 7 rows fewer."""
    count = len(samples) - BEFORE - AFTER
    total = _weighed([samples[tap : tap + count] for tap in range(len(TAPS[phase]))], phase)
    total += np.float32(2048)
    total *= np.float32(1 / 4096)
    return np.clip(total, 0, 255, out=total).astype(np.uint8)


def _weighed(parts: list[Array], phase: int) -> Array:
    """The sum of ``parts``, weighed by the taps of a phase; whole numbers below 2^24, so float32 holds them."""
    weights = TAPS[phase]
    total, product = np.zeros(parts[0].shape, np.float32), np.empty(parts[0].shape, np.float32)
    for part, weight in zip(parts, weights, strict=True):
        if weight:
            total += np.multiply(part, np.float32(weight), out=product)
    return total
