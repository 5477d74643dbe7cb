"""Planes coded coarse to fine: which positions come when, and what those known so far say about the next ones.

FORMAT.md, "Coarse to fine". Each stride is halved in two passes: first the centres of the squares of known positions,
then the rest. All that a pass codes depends on earlier passes only, so a plane takes a dozen groups, whatever its size.
The mean leans towards the pair of neighbours along which the plane changes least (compare edge-directed interpolation,
Li and Orchard 2001). Integers throughout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Offset = tuple[int, int]
Pair = tuple[Offset, Offset]

MAX_STRIDE = 32
LEVELS = 7
"""The first grid, then two passes each for strides of 4 and more, 2 and 1."""

REACH = 3
FLOOR = 16


@dataclass(frozen=True, eq=False)
class Pass:
    """Positions coded together: those of every ``stride``-th row and column where ``mask`` is true."""

    stride: int
    level: int
    mask: npt.NDArray[np.bool_]

    def grid(self, planes: Array) -> Array:
        """The view [C, n, m] of ``planes`` [C, h, w] in which ``mask`` [n, m] lies."""
        return planes[:, :: self.stride, :: self.stride]

    def of(self, planes: Array) -> Array:
        """What ``planes`` [C, h, w] hold at the positions of this pass: [C, N]."""
        return self.grid(planes)[:, self.mask]

    @property
    def diagonal(self) -> bool:
        """Whether the nearest known neighbours lie along the diagonals."""
        return self.level % 2 == 1


def passes(height: int, width: int) -> Iterator[Pass]:
    """The passes over planes of ``height`` x ``width``, in order; together they take each position once."""
    stride = 1
    while stride < min(height, width, MAX_STRIDE):
        stride *= 2
    rows, columns = (np.arange(0, side, stride).size for side in (height, width))
    yield Pass(stride, 0, np.ones((rows, columns), bool))
    while stride > 1:
        stride //= 2
        level = {1: 5, 2: 3}.get(stride, 1)
        row, column = (np.arange(np.arange(0, side, stride).size) % 2 == 1 for side in (height, width))
        yield Pass(stride, level, row[:, None] & column)
        yield Pass(stride, level + 1, row[:, None] ^ column)


PAIRS: dict[bool, tuple[Pair, Pair]] = {
    True: (((-1, -1), (1, 1)), ((-1, 1), (1, -1))),
    False: (((-1, 0), (1, 0)), ((0, -1), (0, 1))),
}
"""The two pairs of nearest neighbours, by whether they are diagonal."""

RINGS: dict[bool, tuple[list[Pair], list[Pair]]] = {
    True: (
        [((-3, -1), (-1, 1)), ((-1, -3), (1, -1)), ((1, -1), (3, 1)), ((-1, 1), (1, 3))],
        [((-3, 1), (-1, -1)), ((-1, 3), (1, 1)), ((1, 1), (3, -1)), ((-1, -1), (1, -3))],
    ),
    False: (
        [
            ((-1, 2), (1, 2)),
            ((-1, -2), (1, -2)),
            ((-2, 1), (0, 1)),
            ((0, 1), (2, 1)),
            ((-2, -1), (0, -1)),
            ((0, -1), (2, -1)),
        ],
        [
            ((2, -1), (2, 1)),
            ((-2, -1), (-2, 1)),
            ((1, -2), (1, 0)),
            ((1, 0), (1, 2)),
            ((-1, -2), (-1, 0)),
            ((-1, 0), (-1, 2)),
        ],
    ),
}
"""Pairs around a position, parallel to the first and to the second pair of nearest neighbours."""

OWN_WEIGHT = {True: 4, False: 3}


class Neighbours:
    """What is known around the positions of a pass after the first."""

    def __init__(self, one: Pass, planes: Array) -> None:
        """``planes`` is an integer array [C, h, w] with all earlier passes in place."""
        self._diagonal, self._mask = one.diagonal, one.mask
        grid = one.grid(planes)
        self._rows, self._columns = grid.shape[1:]
        margin = (REACH, REACH)
        self._padded = np.pad(grid.astype(np.int64), ((0, 0), margin, margin), mode="reflect")

    def _at(self, offset: Offset) -> Array:
        top, left = REACH + offset[0], REACH + offset[1]
        return self._padded[:, top : top + self._rows, left : left + self._columns][:, self._mask]

    def _difference(self, pair: Pair) -> Array:
        return np.asarray(np.abs(self._at(pair[0]) - self._at(pair[1])))

    def nearest(self) -> Array:
        """The four nearest neighbours: [4, C, N]."""
        return np.stack([self._at(offset) for pair in PAIRS[self._diagonal] for offset in pair])

    def leaning(self) -> tuple[Array, Array]:
        """A mean of the nearest neighbours that leans to where changes are small, and the local activity: [C, N]."""
        sums = [self._at(first) + self._at(second) for first, second in PAIRS[self._diagonal]]
        own, changes = OWN_WEIGHT[self._diagonal], []
        for pair, ring in zip(PAIRS[self._diagonal], RINGS[self._diagonal], strict=True):
            changes.append(own * self._difference(pair) + sum(self._difference(other) for other in ring))
        first, second = changes
        first_weight, second_weight = second * second + FLOOR, first * first + FLOOR
        weight = first_weight + second_weight
        mean = (sums[0] * first_weight + sums[1] * second_weight + weight) // (2 * weight)
        activity = 2 * first * second // (first + second + 1) + 2 * np.abs(sums[0] - sums[1])
        return np.asarray(mean), np.asarray(activity)
