"""Running a network over a big picture in tiles, with the very result of running it whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.media.tiling import Tile, tiles
from vaecompress.networks.engines import Network

Array = npt.NDArray[Any]


class Grid(Protocol):
    """An array [1, C, H, W], or what can be cut like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, C, H, W)."""
        ...

    def __getitem__(self, window: Any, /) -> Any:
        """The part that four slices cut out."""
        ...


class Scaled:
    """A grid times a number, float32; cut lazily."""

    def __init__(self, grid: Grid, factor: float) -> None:
        self._grid, self._factor = grid, np.float32(factor)
        self.shape = grid.shape

    def __getitem__(self, window: Any) -> Array:
        return np.asarray(self._grid[window] * self._factor)


@dataclass(frozen=True)
class Output:
    """An output to keep: its type, how many of its positions one grid position has along each side, and its unit.

    An output with a ``unit`` is kept as integers: multiplied by it, rounded, clipped to what the type holds.
    """

    dtype: Any
    factor: int = 1
    unit: int = 0

    def stored(self, result: Array) -> Array:
        """``result`` in the type that is kept."""
        if self.unit:
            bounds = np.iinfo(self.dtype)
            result = np.clip(np.rint(result * np.float32(self.unit)), bounds.min, bounds.max)
        return result.astype(self.dtype, copy=False)


def run_tiled(
    network: Network,
    grids: Mapping[str, tuple[Grid, int]],
    constants: Mapping[str, Array],
    outputs: Sequence[Output],
    core: int,
    halo: int,
    kept: Sequence[Array] | None = None,
) -> list[Array]:
    """Run ``network`` tile by tile and put the cores together.

    ``grids`` maps input names to ([1, C, H, W], factor): H and W are ``factor`` times those of a common grid, in whose
    positions ``core`` and ``halo`` are given. ``constants`` are passed as they are. Returns [1, C, H, W] per output:
    ``kept`` where given, which may be inputs that the network uses position by position.
    """
    first, factor = next(iter(grids.values()))
    height, width = first.shape[2] // factor, first.shape[3] // factor
    wholes = None if kept is None else list(kept)
    for tile in tiles(height, width, core, halo):
        inputs = {
            name: np.asarray(array[_window(tile.padded.scaled(scale).slices)], np.float32)
            for name, (array, scale) in grids.items()
        }
        results = network.run({**inputs, **constants})
        parts = [out.stored(result) for result, out in zip(results, outputs, strict=True)]
        if wholes is None:
            wholes = [
                np.empty((1, part.shape[1], height * out.factor, width * out.factor), out.dtype)
                for part, out in zip(parts, outputs, strict=True)
            ]
        for whole, part, out in zip(wholes, parts, outputs, strict=True):
            paste(whole, part, tile, out.factor)
    return wholes or []


def paste(whole: Array, result: Array, tile: Tile, factor: int) -> None:
    """Copy the core of a tile's result [1, C, h, w] into its place in ``whole``."""
    inner = tile.core.within(tile.padded).scaled(factor)
    whole[_window(tile.core.scaled(factor).slices)] = result[_window(inner.slices)]


def _window(slices: tuple[slice, slice]) -> tuple[slice, slice, slice, slice]:
    return (slice(None), slice(None), *slices)
