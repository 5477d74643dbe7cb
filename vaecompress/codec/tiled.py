"""Running a network over a big picture in tiles, with the very result of running it whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.runtime import Network
from vaecompress.media.tiling import Tile, tiles

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Output:
    """An output to keep: its type, and how many of its positions one grid position has along each side."""

    dtype: Any
    factor: int = 1


def run_tiled(
    network: Network,
    grids: Mapping[str, tuple[Array, int]],
    constants: Mapping[str, Array],
    outputs: Sequence[Output],
    core: int,
    halo: int,
) -> list[Array]:
    """Run ``network`` tile by tile and put the cores together.

    ``grids`` maps input names to ([1, C, H, W], factor): H and W are ``factor`` times those of a common grid, in whose
    positions ``core`` and ``halo`` are given. ``constants`` are passed as they are. Returns [1, C, H, W] per output.
    """
    first, factor = next(iter(grids.values()))
    height, width = first.shape[2] // factor, first.shape[3] // factor
    kept: list[Array] = []
    for tile in tiles(height, width, core, halo):
        inputs = {
            name: np.asarray(array[_window(tile.padded.scaled(scale).slices)], np.float32)
            for name, (array, scale) in grids.items()
        }
        results = network.run({**inputs, **constants})
        if tile.core.height == height and tile.core.width == width:
            return [result.astype(out.dtype, copy=False) for result, out in zip(results, outputs, strict=True)]
        kept = kept or [
            np.empty((1, result.shape[1], height * out.factor, width * out.factor), out.dtype)
            for result, out in zip(results, outputs, strict=True)
        ]
        for whole, result, out in zip(kept, results, outputs, strict=True):
            paste(whole, result, tile, out.factor)
    return kept


def paste(whole: Array, result: Array, tile: Tile, factor: int) -> None:
    """Copy the core of a tile's result [1, C, h, w] into its place in ``whole``."""
    inner = tile.core.within(tile.padded).scaled(factor)
    whole[_window(tile.core.scaled(factor).slices)] = result[_window(inner.slices)]


def _window(slices: tuple[slice, slice]) -> tuple[slice, slice, slice, slice]:
    return (slice(None), slice(None), *slices)
