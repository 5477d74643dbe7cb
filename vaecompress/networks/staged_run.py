"""Runs the stages of a graph one after the other, each in tiles so small that they stay in a core's cache."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.networks.stages import RINGED, Extent, Stage, tensor

Array = npt.NDArray[Any]
Window = tuple[slice, slice]

TILE_VALUES = 80 << 10
"""Of the largest tensor of a tile, at most."""

SHARED_VALUES = 56 << 10
"""Of the largest tensor, more: to hand less to other threads takes longer than it saves."""


class Layout:
    """How a graph in stages runs on inputs of one size: the sides of each tensor, and the tiles all stages share."""

    def __init__(self, parts: Sequence[Stage], shapes: Mapping[str, tuple[int, ...]], threads: int) -> None:
        """``shapes`` are those of the inputs [1, C, H, W]; ``threads`` tiles are under way at once."""
        self.parts, self.threads = parts, threads
        self.extents: dict[str, Extent] = {}
        for part in parts:
            self.extents |= part.extents
        self.sides = {name: extent.sides(shapes) for name, extent in self.extents.items()}
        self.grid = min(self.sides.values())
        self.tiles = list(self._tiles())
        self._windows: dict[tuple[str, int], Window] = {}
        read = [name for part in parts for name in part.inputs]
        self.ringed = {tensor(name) for name in read if name.endswith(RINGED)}
        self.plain = set(read) - shapes.keys()
        self.last = {tensor(name): number for number, part in enumerate(parts) for name in part.inputs}

    def window(self, name: str, tile: int) -> Window:
        """Rows and columns of a tile in a tensor."""
        if (name, tile) not in self._windows:
            rows, columns = (
                slice(span.start * side // least, span.stop * side // least)
                for span, side, least in zip(self.tiles[tile], self.sides[name], self.grid, strict=True)
            )
            self._windows[name, tile] = rows, columns
        return self._windows[name, tile]

    def _tiles(self) -> Iterator[Window]:
        """Windows in the coarsest grid: small enough for a cache, and as many as there are threads; wide ones first."""
        height, width = self.grid
        values = max(extent.channels * prod(self.sides[name]) for name, extent in self.extents.items())
        shares = self.threads if values > SHARED_VALUES else 1
        most = max(1, min(TILE_VALUES * height * width // values, ceil(height * width / shares)))
        columns = list(_spans(width, most))
        rows = _spans(height, max(1, most * len(columns) // width))
        yield from product(rows, columns)


class StagedRun:
    """One evaluation of a graph in stages. Only what is ringed, and what it gives, is put together from its tiles."""

    def __init__(self, layout: Layout, inputs: Mapping[str, Array], outputs: Sequence[str]) -> None:
        """``inputs`` are float32 [1, C, H, W], of the layout's shapes."""
        self._layout, self._inputs = layout, inputs
        self._rings = {name: self._ring(name, inputs[name]) for name in layout.ringed & inputs.keys()}
        self._held: dict[tuple[str, int], Array] = {}
        self._wholes = {name: self._whole(name) for name in outputs}

    def run(self, sessions: Sequence[Any]) -> list[Array]:
        """What ``sessions``, which run the stages, give."""
        layout = self._layout
        for number, (part, session) in enumerate(zip(layout.parts, sessions, strict=True)):
            for name in layout.ringed & set(part.graph.outputs):
                self._rings[name] = self._ring(name)
            gains = {name: self._inputs[name] for name in part.graph.inputs if name not in part.inputs}

            def run(tile: int, part: Stage = part, session: Any = session, gains: Any = gains) -> None:
                feeds = {name: self._cut(name, tile) for name in part.inputs}
                results = session.run(None, {**feeds, **gains})
                for name, result in zip(part.graph.outputs, results, strict=True):
                    self._keep(name, tile, result)

            tiles = range(len(layout.tiles))
            if layout.threads == 1 or len(tiles) == 1:
                for tile in tiles:
                    run(tile)
            else:
                list(_pool(layout.threads).map(run, tiles))
            for name in [name for name in self._rings if layout.last[name] == number]:
                del self._rings[name]
            for key in [key for key in self._held if layout.last[key[0]] == number]:
                del self._held[key]
        return list(self._wholes.values())

    def _cut(self, name: str, tile: int) -> Array:
        """What a stage reads under ``name`` for one tile."""
        if (name, tile) in self._held:
            return self._held[name, tile]
        rows, columns = self._layout.window(tensor(name), tile)
        if not name.endswith(RINGED):
            return np.ascontiguousarray(self._inputs[name][:, :, rows, columns])
        ring = self._rings[tensor(name)]
        return np.ascontiguousarray(ring[:, :, rows.start : rows.stop + 2, columns.start : columns.stop + 2])

    def _keep(self, name: str, tile: int, result: Array) -> None:
        """Put a tile of a tensor wherever it is needed."""
        layout = self._layout
        rows, columns = layout.window(name, tile)
        if name in layout.ringed:
            self._rings[name][:, :, rows.start + 1 : rows.stop + 1, columns.start + 1 : columns.stop + 1] = result
        if name in layout.plain:
            self._held[name, tile] = result
        if name in self._wholes:
            place = (rows, columns) if layout.extents[name].last else (slice(None), rows, columns)
            self._wholes[name][:, *place] = result

    def _ring(self, name: str, inner: Array | None = None) -> Array:
        """Room for a tensor with a ring of zeros around."""
        height, width = self._layout.sides[name]
        ring = np.zeros((1, self._layout.extents[name].channels, height + 2, width + 2), np.float32)
        if inner is not None:
            ring[:, :, 1:-1, 1:-1] = inner
        return ring

    def _whole(self, name: str) -> Array:
        extent, (height, width) = self._layout.extents[name], self._layout.sides[name]
        shape = (height, width, extent.channels) if extent.last else (extent.channels, height, width)
        return np.empty((1, *shape), extent.dtype)


def _spans(side: int, most: int) -> Iterator[slice]:
    """``side`` in about equal spans of at most ``most``."""
    count = ceil(side / most)
    for index in range(count):
        yield slice(index * side // count, (index + 1) * side // count)


@lru_cache(maxsize=8)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
