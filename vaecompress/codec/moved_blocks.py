"""The loops of :mod:`vaecompress.codec.prediction` for numba: the same samples and sums, window by window.

Whole numbers in float32 below 2^24, so exact in whatever order. A window is filtered where it lies and added to sixteen
rows of sums; eight of them are complete after each row of blocks.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.compiled import compiled

Array = npt.NDArray[Any]


@compiled
def add_up(
    mode: Array,
    vectors: Array,
    pictures: tuple[Array, Array],
    channels: int,
    taps: Array,
    ramp: Array,
    found: tuple[Array, Array],
) -> None:
    """Fill the predictions ``found`` [height, width * channels] uint8 from ``pictures`` of the same shape.

    ``mode`` [rows, columns] is 0 (first picture), 1 (second) or 2 (each its own); ``vectors`` int [2, rows, columns,
    2] are in quarters of a pixel; ``taps`` float32 [4, 8], ``ramp`` float32 [16].
    """
    height, width = found[0].shape
    rows, columns = mode.shape
    block, window = len(ramp) // 2, len(ramp)
    side = window * channels
    weights = np.empty((window, side), np.float32)
    for i in range(window):
        for j in range(side):
            weights[i, j] = ramp[i] * ramp[j // channels]
    sums = np.zeros((2, window, (block * (columns + 1) + window) * channels), np.float32)
    patch = np.empty((window + taps.shape[1] - 1, side + (taps.shape[1] - 1) * channels), np.float32)
    between = np.empty_like(patch)
    samples = np.empty((window, side), np.float32)
    for row in range(-1, rows + 1):
        for column in range(-1, columns + 1):
            i, j = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
            for which in range(2):
                if mode[i, j] == 1 - which:
                    continue
                top = block * row - block // 2 + (vectors[which, i, j, 0] >> 2)
                left = block * column - block // 2 + (vectors[which, i, j, 1] >> 2)
                cut(pictures[which], channels, top, left, patch)
                down, right = vectors[which, i, j, 0] & 3, vectors[which, i, j, 1] & 3
                filtered(patch, channels, taps, down, right, between, samples)
                begin = block * (column + 1) * channels
                for target in range(2):
                    if mode[i, j] == 2 and target != which:
                        continue
                    for y in range(window):
                        line = sums[target, y, begin : begin + side]
                        for x in range(side):
                            line[x] += weights[y, x] * samples[y, x]
        for target in range(2):
            for y in range(block):
                place = block * row - block // 2 + y
                if 0 <= place < height:
                    line, out = sums[target, y, (window - block // 2) * channels :], found[target][place]
                    for x in range(width):
                        out[x] = np.uint8((line[x] + np.float32(128)) * np.float32(1 / 256))
            sums[target, :block] = sums[target, block:]
            sums[target, block:] = 0


@compiled
def cut(picture: Array, channels: int, top: int, left: int, patch: Array) -> None:
    """Copy what a window and its filters see, from 3 pixels before its corner on; copies of the edge beyond that."""
    height, width = len(picture), picture.shape[1] // channels
    first = left - 3
    count = patch.shape[1]
    inside = first >= 0 and first + count // channels <= width
    for y in range(len(patch)):
        line, out = picture[min(max(top - 3 + y, 0), height - 1)], patch[y]
        if inside:
            part = line[first * channels : first * channels + count]
            for x in range(count):
                out[x] = part[x]
        else:
            for x in range(count // channels):
                place = min(max(first + x, 0), width - 1) * channels
                for channel in range(channels):
                    out[x * channels + channel] = line[place + channel]


@compiled
def filtered(
    patch: Array, channels: int, taps: Array, row_phase: int, column_phase: int, between: Array, samples: Array
) -> None:
    """The ``samples`` of a window from its ``patch``: columns first, then rows, rounded to 8 bits.

    Both are weighed end to end, in long rows; what that gives across their ends is not used. ``patch`` is written over.
    """
    window, side = samples.shape
    if row_phase == 0 and column_phase == 0:
        for y in range(window):
            line, out = patch[y + 3, 3 * channels : 3 * channels + side], samples[y]
            for x in range(side):
                out[x] = line[x]
        return
    weigh(patch.ravel(), channels, taps[column_phase], between.ravel(), 0)
    weigh(between.ravel(), patch.shape[1], taps[row_phase], patch.ravel(), 2048)
    for y in range(window):
        line, out = patch[y], samples[y]
        for x in range(side):
            level = np.floor(line[x] * np.float32(1 / 4096))
            out[x] = min(max(level, np.float32(0)), np.float32(255))


@compiled
def weigh(line: Array, step: int, weights: Array, found: Array, start: int) -> None:
    """The weighted sums of values ``step`` apart, as far as there are enough."""
    count = len(line) - (len(weights) - 1) * step
    a = line[:count]
    b = line[step : step + count]
    c = line[2 * step : 2 * step + count]
    d = line[3 * step : 3 * step + count]
    e = line[4 * step : 4 * step + count]
    f = line[5 * step : 5 * step + count]
    g = line[6 * step : 6 * step + count]
    h = line[7 * step : 7 * step + count]
    for x in range(count):
        found[x] = (
            np.float32(start)
            + weights[0] * a[x]
            + weights[1] * b[x]
            + weights[2] * c[x]
            + weights[3] * d[x]
            + weights[4] * e[x]
            + weights[5] * f[x]
            + weights[6] * g[x]
            + weights[7] * h[x]
        )
