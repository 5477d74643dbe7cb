"""Runs the stages of a graph one after the other, each in tiles so small that they stay in a core's cache."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import product
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.stages import RINGED, Extent, Stage, tensor

Array = npt.NDArray[Any]
Window = tuple[slice, slice]
Sides = Mapping[str, tuple[int, int]]

TILE_VALUES = 80 << 10
"""Of the largest tensor of a tile, at most."""


class StagedRun:
    """One evaluation of a graph in stages. All of them share their tiles, so only what is ringed is put together."""

    def __init__(
        self, parts: Sequence[Stage], inputs: Mapping[str, Array], outputs: Sequence[str], threads: int
    ) -> None:
        """``inputs`` are float32 [1, C, H, W]; ``threads`` tiles are under way at once."""
        self._parts, self._inputs, self._threads = parts, inputs, threads
        shapes = {name: value.shape for name, value in inputs.items()}
        self._extents: dict[str, Extent] = {}
        for part in parts:
            self._extents |= part.extents
        self._sides = {name: extent.sides(shapes) for name, extent in self._extents.items()}
        self._grid = min(self._sides.values())
        self._windows = list(self._tiles())
        read = [name for part in parts for name in part.inputs]
        self._ringed = {tensor(name) for name in read if name.endswith(RINGED)}
        self._plain = set(read) - inputs.keys()
        self._rings = {name: self._ring(name, inputs.get(name)) for name in self._ringed & inputs.keys()}
        self._held: dict[tuple[str, int], Array] = {}
        self._wholes = {name: self._whole(name) for name in outputs}

    def run(self, sessions: Sequence[Any]) -> list[Array]:
        """What ``sessions``, which run the stages, give."""
        last = {tensor(name): number for number, part in enumerate(self._parts) for name in part.inputs}
        for number, (part, session) in enumerate(zip(self._parts, sessions, strict=True)):
            for name in self._ringed & set(part.graph.outputs):
                self._rings[name] = self._ring(name)
            gains = {name: self._inputs[name] for name in part.graph.inputs if name not in part.inputs}

            def run(tile: int, part: Stage = part, session: Any = session, gains: Any = gains) -> None:
                feeds = {name: self._cut(name, tile) for name in part.inputs}
                results = session.run(None, {**feeds, **gains})
                for name, result in zip(part.graph.outputs, results, strict=True):
                    self._keep(name, tile, result)

            tiles = range(len(self._windows))
            if self._threads == 1 or len(tiles) == 1:
                for tile in tiles:
                    run(tile)
            else:
                list(_pool(self._threads).map(run, tiles))
            for name in [name for name in self._rings if last[name] == number]:
                del self._rings[name]
            for key in [key for key in self._held if last[key[0]] == number]:
                del self._held[key]
        return list(self._wholes.values())

    def _cut(self, name: str, tile: int) -> Array:
        """What a stage reads under ``name`` for one tile."""
        if (name, tile) in self._held:
            return self._held[name, tile]
        rows, columns = self._scaled(tensor(name), tile)
        if not name.endswith(RINGED):
            return np.ascontiguousarray(self._inputs[name][:, :, rows, columns])
        ring = self._rings[tensor(name)]
        return np.ascontiguousarray(ring[:, :, rows.start : rows.stop + 2, columns.start : columns.stop + 2])

    def _keep(self, name: str, tile: int, result: Array) -> None:
        """Put a tile of a tensor wherever it is needed."""
        rows, columns = self._scaled(name, tile)
        if name in self._ringed:
            self._rings[name][:, :, rows.start + 1 : rows.stop + 1, columns.start + 1 : columns.stop + 1] = result
        if name in self._plain:
            self._held[name, tile] = result
        if name in self._wholes:
            place = (rows, columns) if self._extents[name].last else (slice(None), rows, columns)
            self._wholes[name][:, *place] = result

    def _scaled(self, name: str, tile: int) -> Window:
        rows, columns = (
            slice(span.start * side // least, span.stop * side // least)
            for span, side, least in zip(self._windows[tile], self._sides[name], self._grid, strict=True)
        )
        return rows, columns

    def _ring(self, name: str, inner: Array | None = None) -> Array:
        """Room for a tensor with a ring of zeros around."""
        height, width = self._sides[name]
        ring = np.empty((1, self._extents[name].channels, height + 2, width + 2), np.float32)
        ring[:, :, [0, -1]] = 0
        ring[:, :, :, [0, -1]] = 0
        if inner is not None:
            ring[:, :, 1:-1, 1:-1] = inner
        return ring

    def _whole(self, name: str) -> Array:
        extent, (height, width) = self._extents[name], self._sides[name]
        shape = (height, width, extent.channels) if extent.last else (extent.channels, height, width)
        return np.empty((1, *shape), extent.dtype)

    def _tiles(self) -> Iterator[Window]:
        """Windows in the coarsest grid: small enough for a cache, and as many as there are threads; wide ones first."""
        height, width = self._grid
        values = max(extent.channels * np.prod(self._sides[name]) for name, extent in self._extents.items())
        most = max(1, min(TILE_VALUES * height * width // int(values), ceil(height * width / self._threads)))
        columns = list(_spans(width, most))
        rows = _spans(height, max(1, most * len(columns) // width))
        yield from product(rows, columns)


def _spans(side: int, most: int) -> Iterator[slice]:
    """``side`` in about equal spans of at most ``most``."""
    count = ceil(side / most)
    for index in range(count):
        yield slice(index * side // count, (index + 1) * side // count)


@lru_cache(maxsize=8)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
