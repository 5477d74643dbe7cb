"""Weights of the pixel filter, fitted by least squares to what the codec makes of pictures."""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.pixel_filter import colour_planes, exchanged
from vaecompress.format import FILTER_BOUNDS, FILTER_DIRECTIONS, FILTER_WEIGHT_BITS, MAX_QUALITY, MIN_QUALITY
from vaecompress.models.loaded import FILTER_WEIGHTS

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

PLANE_SHARES = np.array([3, 2, 6])
"""What the planes' parts of a colour are divided by."""

TERMS = len(FILTER_DIRECTIONS) * len(FILTER_BOUNDS[0])
RIDGE = 1e3


class FilterFit:
    """Collects normal equations, for each quality, from pictures and what they decode to without the filter."""

    def __init__(self) -> None:
        planes = len(FILTER_BOUNDS)
        self._squares: dict[int, Array] = defaultdict(lambda: np.zeros((planes, TERMS, TERMS)))
        self._products: dict[int, Array] = defaultdict(lambda: np.zeros((planes, TERMS)))

    def add(self, pixels: Pixels, decoded: Pixels, quality: int) -> None:
        """One picture [H, W, 3] and its decoded pixels."""
        pairs = zip(colour_planes(pixels), colour_planes(decoded), FILTER_BOUNDS, strict=True)
        for number, (wanted, plane, bounds) in enumerate(pairs):
            terms = [exchanged(plane, way, bound) for way in range(len(FILTER_DIRECTIONS)) for bound in bounds]
            matrix = np.stack([term.ravel() for term in terms], axis=1).astype(np.float64)
            self._squares[quality][number] += matrix.T @ matrix
            self._products[quality][number] += matrix.T @ (wanted - plane).ravel()

    def arrays(self) -> dict[str, Array]:
        """The model file's array: a row for each quality, between those that were fitted interpolated."""
        fitted = sorted(self._squares)
        rows = np.stack([self._solved(quality) for quality in fitted])
        qualities = np.arange(MIN_QUALITY, MAX_QUALITY + 1)
        flat = np.stack([np.interp(qualities, fitted, column) for column in rows.reshape(len(rows), -1).T], axis=1)
        shape = (len(qualities), len(FILTER_BOUNDS), len(FILTER_DIRECTIONS), len(FILTER_BOUNDS[0]))
        return {FILTER_WEIGHTS: np.rint(flat).astype(np.int16).reshape(shape)}

    def _solved(self, quality: int) -> Array:
        """[planes, TERMS] in the unit of the file."""
        squares = self._squares[quality] + RIDGE * np.eye(TERMS)
        solved = np.linalg.solve(squares, self._products[quality][..., None])[..., 0]
        return np.asarray((1 << FILTER_WEIGHT_BITS) * solved / PLANE_SHARES[:, None])
