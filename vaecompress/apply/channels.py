"""What each latent channel of a model draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import PictureCodec
from vaecompress.encoder.linear_path import linear_path
from vaecompress.format import LATENT_LIMIT, PATCH, STEP_BITS

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

COLOURS = ("luma", "orange-blue", "green-magenta")
_COLOUR_AXES = np.array([[1, 1, 1], [1, 0, -1], [-1, 2, -1]]) / np.sqrt([[3.0], [2.0], [6.0]])

_CELL = 4
"""Patches from one channel to the next in the picture in which all are drawn: each has room for what it spreads."""

_PEAK_LEVELS = 40.0
"""How strongly channels are drawn: far above rounding, far below clipping."""


@dataclass(frozen=True)
class Drawn:
    """A channel's basis picture, described: its strongest colour, and its strongest frequency in half waves a patch."""

    channel: int
    colour: str
    down: int
    across: int


def describe_channels(codec: PictureCodec, quality: int) -> list[Drawn]:
    """What the linear path draws for each channel. Raises UnsupportedError where the model has none."""
    basis = linear_basis(codec, quality)
    planes = np.einsum("ck,mijk->mcij", _COLOUR_AXES, basis)
    waves = _cosines()
    energy = np.square(np.einsum("ui,mcij,vj->mcuv", waves, planes, waves, optimize=True))
    found = []
    for channel, one in enumerate(energy):
        colour = int(one.sum((1, 2)).argmax())
        down, across = np.unravel_index(int(one[colour].argmax()), one.shape[1:])
        found.append(Drawn(channel, COLOURS[colour], int(down), int(across)))
    return found


def linear_basis(codec: PictureCodec, quality: int) -> Array:
    """What the linear path adds to a patch for one step of each channel: float32 [M, 16, 16, 3] in levels."""
    columns = linear_path(codec.model).columns(quality, 3)
    return np.ascontiguousarray(columns.T.reshape(-1, PATCH, PATCH, 3))


def steps_to_see(basis: Array) -> Array:
    """Steps by which each channel's linear picture moves some sample by 40 levels, at most what a latent can: [M]."""
    peak = np.abs(basis).max((1, 2, 3))
    return np.asarray(np.minimum(_PEAK_LEVELS / np.maximum(peak, 1e-3), LATENT_LIMIT >> STEP_BITS))


def synthesis_basis(codec: PictureCodec, quality: int, channels: list[int], steps: Array) -> Array:
    """What the whole synthesis adds around a patch for ``steps`` [n] of each channel: int16 [n, 48, 48, 3] in levels.

    The patch is in the middle; all other latents are zero.
    """
    side = int(np.ceil(np.sqrt(len(channels))))
    latents = np.zeros((1, codec.model.shape.latent_channels, side * _CELL, side * _CELL), np.int16)
    shape = (side * _CELL * PATCH, side * _CELL * PATCH, 3)
    nothing = codec.synthesise(latents, shape, quality).astype(np.int16)
    places = [(_CELL * (place // side) + 1, _CELL * (place % side) + 1) for place in range(len(channels))]
    for channel, step, (row, column) in zip(channels, steps, places, strict=True):
        latents[0, channel, row, column] = round(float(step) * (1 << STEP_BITS))
    changed = codec.synthesise(latents, shape, quality) - nothing
    cells = [
        (slice((row - 1) * PATCH, (row + 2) * PATCH), slice((column - 1) * PATCH, (column + 2) * PATCH))
        for row, column in places
    ]
    return np.asarray(np.stack([changed[cell] for cell in cells]))


def traversal(
    codec: PictureCodec, latents: Array, quality: int, channel: int, place: tuple[int, int], steps: Array
) -> list[Pixels]:
    """The 5x5 patches around ``place``, with ``steps`` added to one latent there: uint8 [80, 80, 3] each or smaller."""
    row, column = (max(0, at - 2) for at in place)
    window = latents[:, :, row : place[0] + 3, column : place[1] + 3].copy()
    shape = (window.shape[2] * PATCH, window.shape[3] * PATCH, 3)
    here = (0, channel, place[0] - row, place[1] - column)
    start, found = int(window[here]), []
    for step in steps:
        window[here] = np.clip(start + round(float(step) * (1 << STEP_BITS)), -LATENT_LIMIT, LATENT_LIMIT)
        found.append(codec.synthesise(window, shape, quality))
    return found


def _cosines() -> Array:
    """The orthonormal DCT-II of 16 samples, [frequency, place]."""
    frequency, place = np.ogrid[:PATCH, :PATCH]
    waves = np.cos(np.pi * frequency * (place + 0.5) / PATCH) * np.sqrt(2 / PATCH)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves)
