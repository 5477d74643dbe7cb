"""What every symbol of a picture costs: the walk of a decoder, watched."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import FileSymbols, LatentCoder, SymbolSource
from vaecompress.entropy import coder
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.entropy.tables import PRECISION_BITS, TOTAL, TableSet
from vaecompress.format import HYPER_FACTOR
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ScaleUse:
    """What the tables of each scale coded: int64 or float64 [S] each.

    ``count`` symbols, whose root mean square was ``came`` and which took ``bits``; the tables themselves expect
    ``predicted`` and ``expected_bits``.
    """

    count: Array
    predicted: Array
    came: Array
    bits: Array
    expected_bits: Array


@dataclass(frozen=True, eq=False)
class Trace:
    """One coded picture, symbol by symbol.

    ``latents`` int16 [1, M, h, w] in 1/16 of a step; ``bits`` float32 [M, h, w] of each latent and ``hyper_bits``
    [Z, h/4, w/4] of each hyper-latent; ``symbols`` int32 [M, h, w]; ``step_bits`` of each context step, and
    ``plane_bits`` of the planes of lowest frequency, which are among ``bits``; ``coded_bytes`` is the size in the file.
    """

    latents: Array
    symbols: Array
    bits: Array
    hyper_bits: Array
    plane_bits: float
    step_bits: tuple[float, ...]
    scales: ScaleUse
    coded_bytes: int

    @cached_property
    def map(self) -> Array:
        """Bits of each 16x16 patch, float64 [h, w]; those of a hyper-latent are spread over its 4x4 patches."""
        spread = np.repeat(np.repeat(self.hyper_bits.sum(0, np.float64), HYPER_FACTOR, 0), HYPER_FACTOR, 1)
        return np.asarray(self.bits.sum(0, np.float64) + spread / HYPER_FACTOR**2)

    @cached_property
    def channel_bits(self) -> Array:
        """Bits of each latent channel, float64 [M]."""
        return np.asarray(self.bits.sum((1, 2), np.float64))

    @property
    def overhead_bits(self) -> float:
        """What the entropy coder itself takes: coded bytes less information."""
        return 8.0 * self.coded_bytes - float(self.map.sum())

    @property
    def is_empty(self) -> Array:
        """Where nothing but zeros was coded: bool [h, w]."""
        return np.asarray(~self.symbols.any(0))


def trace(latents: LatentCoder, coded: bytes, grid: tuple[int, int], quality: int) -> Trace:
    """Decode ``coded``, of ``grid`` hyper-latent rows and columns, and keep what each symbol cost.

    Raises CorruptError where the bytes are not what an encoder gives.
    """
    decoder = coder.Decoder(coded, latents.model.tables)
    watch = _Watch(FileSymbols(decoder), latents.model, grid)
    decoded = latents.fill(watch, *grid, quality)
    decoder.finish()
    return watch.trace(decoded, len(coded))


class _Watch:
    """Passes symbols on, and keeps them with their bits. See :class:`SymbolSource`."""

    def __init__(self, source: SymbolSource, model: LoadedModel, grid: tuple[int, int]) -> None:
        self._source, self._tables, self._shape = source, model.tables, model.shape
        height, width = (HYPER_FACTOR * side for side in grid)
        self._symbols = np.zeros((self._shape.latent_channels, height, width), np.int32)
        self._bits = np.zeros(self._symbols.shape, np.float32)
        self._plane_symbols = np.zeros((len(self._shape.plane_channels), height, width), np.int32)
        self._plane_bits = np.zeros(self._plane_symbols.shape, np.float32)
        self._hyper_bits = np.zeros((self._shape.hyper_latent_channels, *grid), np.float32)
        self._step_bits: list[float] = []
        self._count, self._squares, self._scale_bits = np.zeros((3, self._shape.scale_count))

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`SymbolSource`."""
        symbols = self._source.planes(one, channels, mean, index)
        one.grid(self._plane_symbols[channels])[:, one.mask] = symbols
        one.grid(self._plane_bits[channels])[:, one.mask] = self._cost(symbols, index)
        return symbols

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`SymbolSource`."""
        symbols = self._source.hyper(one, channels, mean, index)
        one.grid(self._hyper_bits[channels])[:, one.mask] = self._cost(symbols, index)
        return symbols

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`SymbolSource`."""
        symbols, used = self._source.latents(rows, mean, index, coded), index[coded]
        bits = self._cost(symbols, used)
        self._bits[:, rows][coded] = bits
        self._symbols[:, rows][coded] = symbols
        if rows.start == 0:
            self._step_bits.append(0.0)
        self._step_bits[-1] += float(bits.sum())
        for total, values in (
            (self._count, None),
            (self._squares, np.square(symbols.astype(np.float64))),
            (self._scale_bits, bits),
        ):
            total += np.bincount(used, values, minlength=len(total))
        return symbols

    def _cost(self, symbols: Array, index: Array) -> Array:
        return coder.symbol_bits(symbols.ravel(), index.ravel(), self._tables).reshape(symbols.shape)

    def trace(self, latents: Array, coded_bytes: int) -> Trace:
        """What was seen."""
        planes = self._shape.plane_channels
        self._symbols[planes], self._bits[planes] = self._plane_symbols, self._plane_bits
        predicted, expected = _expectations(self._tables, self._shape.scale_count)
        came = np.sqrt(self._squares / np.maximum(self._count, 1))
        scales = ScaleUse(self._count.astype(np.int64), predicted, came, self._scale_bits, expected * self._count)
        return Trace(
            latents,
            self._symbols,
            self._bits,
            self._hyper_bits,
            float(self._plane_bits.sum(dtype=np.float64)),
            tuple(self._step_bits),
            scales,
            coded_bytes,
        )


def _expectations(tables: TableSet, count: int) -> tuple[Array, Array]:
    """Root mean square of the symbols that each of the first ``count`` tables expects, and its entropy in bits."""
    predicted, expected = np.zeros((2, count))
    for index in range(count):
        table = tables[index]
        share = table.frequencies / TOTAL
        symbols = table.first_symbol + np.arange(len(share) - 1)
        predicted[index] = np.sqrt(np.sum(share[:-1] * np.square(symbols.astype(np.float64))))
        expected[index] = np.sum(share * (PRECISION_BITS - np.log2(table.frequencies)))
    return predicted, expected
