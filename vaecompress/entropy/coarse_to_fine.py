"""Planes coded coarse to fine: which positions come when, and what those known so far say about the next ones.

FORMAT.md, "Coarse to fine". Each stride is halved in two passes: first the centres of the squares of known positions,
then the rest. All that a pass codes depends on earlier passes only, so a plane takes a dozen groups, whatever its size.
The mean leans towards the pair of neighbours along which the plane changes least (compare edge-directed interpolation,
Li and Orchard 2001). Integers throughout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
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

    @cached_property
    def places(self) -> Array:
        """Where its positions lie in :attr:`origin`: [N]."""
        row, column = np.nonzero(self.mask)
        return np.asarray((row + REACH) * (self.mask.shape[1] + 2 * REACH) + column + REACH)

    @cached_property
    def origin(self) -> Array:
        """Where each position of the grid, with ``REACH`` more on all sides, lies in the grid itself; one row."""
        rows, columns = (_reflected(side) for side in self.mask.shape)
        return np.asarray(rows[:, None] * self.mask.shape[1] + columns).ravel()

    @property
    def diagonal(self) -> bool:
        """Whether the nearest known neighbours lie along the diagonals."""
        return self.level % 2 == 1


@lru_cache(maxsize=8)
def passes(height: int, width: int) -> tuple[Pass, ...]:
    """The passes over planes of ``height`` x ``width``, in order; together they take each position once."""
    return tuple(_passes(height, width))


def _passes(height: int, width: int) -> Iterator[Pass]:
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

LINES = {
    diagonal: np.array([[pair, *ring] for pair, ring in zip(PAIRS[diagonal], RINGS[diagonal], strict=True)])
    for diagonal in PAIRS
}
"""Offsets [direction, pair, end, row or column] of all pairs, the nearest neighbours first."""

POSITIONS_AT_ONCE = 1 << 13


class Neighbours:
    """What is known around the positions of a pass after the first."""

    def __init__(self, one: Pass, planes: Array) -> None:
        """``planes`` is an integer array [C, h, w] with all earlier passes in place."""
        self._one, self._values = one, one.grid(planes).reshape(len(planes), -1)
        self._lines, self._own = LINES[one.diagonal], OWN_WEIGHT[one.diagonal]

    def _at(self, offsets: Array, places: slice = slice(None)) -> Array:
        """What is at ``offsets`` [..., row or column] of positions: int32 [C, ..., N]."""
        one = self._one
        steps = offsets @ (one.mask.shape[1] + 2 * REACH, 1)
        return np.asarray(self._values.take(one.origin[steps[..., None] + one.places[places]], axis=1), np.int32)

    def nearest(self) -> Array:
        """The four nearest neighbours: [4, C, N]."""
        return self._at(self._lines[:, 0].reshape(-1, 2)).swapaxes(0, 1).astype(np.int64)

    def leaning(self) -> tuple[Array, Array]:
        """A mean of the nearest neighbours that leans to where changes are small, and the local activity: [C, N]."""
        starts = range(0, max(1, self._one.places.size), POSITIONS_AT_ONCE)
        parts = [self._leaning(slice(start, start + POSITIONS_AT_ONCE)) for start in starts]
        mean, activity = np.concatenate(parts, axis=2)
        return mean, activity

    def _leaning(self, places: slice) -> tuple[Array, Array]:
        ends = self._at(self._lines, places)
        differences = np.abs(ends[:, :, :, 0] - ends[:, :, :, 1])
        changes = (self._own - 1) * differences[:, :, 0] + differences.sum(2, dtype=np.int64)
        first, second = changes.swapaxes(0, 1)
        first_sum, second_sum = ends[:, :, 0].sum(2, dtype=np.int64).swapaxes(0, 1)
        first_weight, second_weight = second * second + FLOOR, first * first + FLOOR
        weight = first_weight + second_weight
        mean = (first_sum * first_weight + second_sum * second_weight + weight) // (2 * weight)
        activity = 2 * first * second // (first + second + 1) + 2 * np.abs(first_sum - second_sum)
        return mean, activity


def _reflected(side: int) -> Array:
    """Where -REACH .. side + REACH - 1 lie in 0 .. side - 1, reflected at both ends."""
    period = max(1, 2 * (side - 1))
    place = np.arange(-REACH, side + REACH) % period
    return np.minimum(place, period - place) if side > 1 else np.zeros_like(place)
