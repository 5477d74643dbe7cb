"""Pictures drawn from what a model expects: from nothing, from what one picture tells of itself, and between two.

What is drawn are symbols, from the integer tables that would code them, in the order of coding; so a sample is what a
decoder would make of random bits. A prior for compression knows textures, not objects.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels
from vaecompress.encoder.analysis import Analysis
from vaecompress.encoder.latents import TARGET_UNIT
from vaecompress.encoder.rounding import DeadZone
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.entropy.tables import TableSet
from vaecompress.errors import UsageError
from vaecompress.format import HYPER_LATENT_LIMIT, HYPER_PATCH, STEP_BITS
from vaecompress.media.padding import padded_size
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

GAP = 4
"""White pixels between the pictures of a grid."""


class Sampler:
    """Draws pictures with one model; equal seeds give equal pictures.

    At a ``temperature`` below 1 likely symbols become likelier (probabilities to the power of 1 / temperature), at 0
    only the likeliest are left. Raises UsageError where it is negative.
    """

    def __init__(self, model: LoadedModel, quality: int, temperature: float = 1.0, seed: int = 0) -> None:
        if not 0 <= temperature < np.inf:
            raise UsageError(f"temperature is {temperature:g}: must be 0 or more")
        self._codec, self._quality = Analysis(model), quality
        self._draws = _Draws(model.tables, temperature, seed)

    def draw(self, height: int, width: int) -> Pixels:
        """A picture uint8 [height, width, 3] from nothing."""
        return self._made(self._draws, height, width)

    def like(self, pixels: Pixels, lowest: bool = True) -> Pixels:
        """A picture uint8 [H, W, 3] with the hyper-latents of ``pixels`` [H, W, 1 or 3], and what they expect drawn.

        The latents of lowest frequency, which hyper-latents do not tell of, are those of ``pixels`` if ``lowest``.
        """
        y, z = self._codec.analyse(pixels, self._quality)
        kept = _Kept(self._draws, y[0, self._codec.model.shape.plane_channels] if lowest else None, z[0])
        return self._made(kept, *pixels.shape[:2])

    def between(self, first: Pixels, second: Pixels, count: int) -> list[Pixels]:
        """``count`` pictures uint8 [H, W, 3] on the line from the latents of one picture to those of another.

        Raises UsageError unless they have one size and ``count`` is 2 or more.
        """
        if first.shape[:2] != second.shape[:2] or count < 2:
            raise UsageError("a walk needs two pictures of one size, and two steps or more")
        codec, shape = self._codec, (*first.shape[:2], 3)
        start, end = (codec.analyse(one, self._quality) for one in (first, second))
        found = []
        for share in np.linspace(0, 1, count, dtype=np.float32):
            y, z = ((1 - share) * one + share * other for one, other in zip(start, end, strict=True))
            hyper = codec.latents.code_hyper(z, self._quality)
            coded = codec.latents.code(np.rint(y).astype(np.int16), hyper, DeadZone(codec.model.shape))
            found.append(codec.synthesise(coded.latents, shape, self._quality))
        return found

    def _made(self, source: "_Draws | _Kept", height: int, width: int) -> Pixels:
        rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in (height, width))
        latents = self._codec.latents.fill(source, rows, columns, self._quality)
        return self._codec.synthesise(latents, (height, width, 3), self._quality)


class _Draws:
    """Symbols drawn from their tables. See :class:`vaecompress.codec.latents.SymbolSource`."""

    def __init__(self, tables: TableSet, temperature: float, seed: int) -> None:
        self._tables, self._temperature = tables, temperature
        self._random = np.random.Generator(np.random.PCG64(seed))

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        return self._drawn(index)

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """Within the bounds of hyper-latents. See :class:`vaecompress.codec.latents.SymbolSource`."""
        return np.clip(self._drawn(index), -HYPER_LATENT_LIMIT - mean, HYPER_LATENT_LIMIT - mean).astype(np.int32)

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        return self._drawn(index[coded])

    def _drawn(self, index: Array) -> Array:
        """A symbol of the table of each index, of which the escape is no part."""
        place, symbols = self._random.random(index.shape), np.zeros(index.shape, np.int32)
        for number in np.unique(index):
            table, here = self._tables[int(number)], index == number
            share = table.frequencies[:-1].astype(np.float64)
            if self._temperature:
                share = (share / share.max()) ** (1 / self._temperature)
            else:
                share = (share == share.max()).astype(np.float64)
            edges = np.cumsum(share) / share.sum()
            symbols[here] = table.first_symbol + np.minimum(
                np.searchsorted(edges, place[here], side="right"), len(share) - 1
            )
        return symbols


class _Kept:
    """Hyper-latents, and if there are any planes of lowest frequency, of a picture; all else drawn."""

    def __init__(self, draws: _Draws, planes: Array | None, z: Array) -> None:
        self._draws, self._planes = draws, planes
        self._z = np.clip(np.rint(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT).astype(np.int32)

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        if self._planes is None:
            return self._draws.planes(one, channels, mean, index)
        wanted = one.of(self._planes[channels]) / TARGET_UNIT - mean / (1 << STEP_BITS)
        return np.asarray(np.rint(wanted), np.int32)

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        return np.asarray(one.of(self._z[channels]) - mean, np.int32)

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        return self._draws.latents(rows, mean, index, coded)


def grid(pictures: Sequence[Pixels], columns: int) -> Pixels:
    """Pictures of one size, uint8 [H, W, 3], in rows of ``columns`` on white."""
    height, width = (side + GAP for side in pictures[0].shape[:2])
    sheet = np.full((-(-len(pictures) // columns) * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for place, one in enumerate(pictures):
        top, left = height * (place // columns), width * (place % columns)
        sheet[top : top + one.shape[0], left : left + one.shape[1]] = one
    return sheet
