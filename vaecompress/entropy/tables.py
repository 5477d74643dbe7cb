"""Integer probability tables: what a model file carries in place of probability functions.

A table covers the symbols ``first_symbol .. first_symbol + n - 1`` and has one more entry, the last, that stands for
every symbol outside that range (the escape). An entry's frequency is its probability in units of 2^-24. Tables are made
once, when a model is frozen, and stored as integers: ``erf`` and ``exp`` differ between maths libraries, integers do
not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from vaecompress.errors import CorruptError, UsageError

PRECISION_BITS = 24
TOTAL = 1 << PRECISION_BITS
MAX_SYMBOL = 1 << 20
"""Largest magnitude of a symbol, inside a table or escaped."""
MAX_ENTRIES = 2 * MAX_SYMBOL + 2
MAX_TABLES = 1 << 16
TAIL_MASS = 2.0**-18
"""Probability that may be left to the escape entry: a table's range ends where less than this lies outside."""
MAX_HALF_WIDTH = 4096


def quantize_pmf(pmf: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Round probabilities to frequencies that sum to 2^24, each at least 1.

    ``pmf`` is float64 [n], non-negative, of any positive sum. Entries below one unit get one unit; the others share the
    rest in proportion, rounded by largest remainder (ties: the lower index first). Raises UsageError.
    """
    pmf = _checked_pmf(pmf)
    pmf = pmf / pmf.max()
    share = np.zeros_like(pmf)
    small = np.zeros(pmf.size, bool)
    while True:
        large = ~small
        share[large] = pmf[large] * ((TOTAL - small.sum()) / pmf[large].sum())
        too_small = large & (share < 1)
        if not too_small.any():
            break
        small |= too_small
    share[small] = 1
    frequencies = np.floor(share).astype(np.int64)
    missing = TOTAL - int(frequencies.sum())
    remainder = np.where(small, -1.0, share - frequencies)
    frequencies[np.argsort(-remainder, kind="stable")[:missing]] += 1
    return frequencies.astype(np.uint32)


def _checked_pmf(pmf: NDArray[np.float64]) -> NDArray[np.float64]:
    pmf = np.asarray(pmf, np.float64)
    if pmf.ndim != 1 or not 1 <= pmf.size <= MAX_ENTRIES:
        raise UsageError(f"a probability table needs 1 to {MAX_ENTRIES} entries in one row, got shape {pmf.shape}")
    if not (np.isfinite(pmf).all() and pmf.min() >= 0 and pmf.max() > 0):
        raise UsageError("probabilities must be finite, not negative and not all zero")
    return pmf


@dataclass(frozen=True, eq=False)
class Table:
    """Frequencies uint32 [n + 1] of the symbols from ``first_symbol`` on; the last one is the escape's."""

    first_symbol: int
    frequencies: NDArray[np.uint32]


def table_from_pmf(first_symbol: int, pmf: NDArray[np.float64]) -> Table:
    """Make a table of the probabilities float64 [n] of the symbols from ``first_symbol`` on.

    Symbols are dropped at both ends as long as they add up to at most half of TAIL_MASS on each side. What is dropped,
    and what ``pmf`` lacks of 1, goes to the escape entry. Raises UsageError.
    """
    pmf = _checked_pmf(pmf)
    below, above = np.cumsum(pmf), np.cumsum(pmf[::-1])
    start = min(int((below <= TAIL_MASS / 2).sum()), pmf.size - 1)
    stop = max(pmf.size - int((above <= TAIL_MASS / 2).sum()), start + 1)
    kept = pmf[start:stop]
    return Table(first_symbol + start, quantize_pmf(np.append(kept, max(1.0 - kept.sum(), 0.0))))


def symmetric_tables(
    cdf: Callable[[NDArray[np.float64]], NDArray[np.float64]], scales: NDArray[np.float64]
) -> list[Table]:
    """Make one table a scale for integers drawn as ``round(scale * x)``, ``x`` symmetric about 0 with the given CDF.

    ``scales`` is float64 [T], positive, in steps of the symbol; ``cdf`` maps float64 arrays element by element and is
    asked for its lower half only, where float64 keeps small masses exact (Balle et al. 2018, arXiv 1802.01436: a
    density convolved with the unit box, read at integers).
    """
    edges = -(np.arange(MAX_HALF_WIDTH + 1) + 0.5)
    return [_symmetric_table(cdf(edges / scale)) for scale in np.asarray(scales, np.float64)]


def _symmetric_table(lower_tail: NDArray[np.float64]) -> Table:
    """``lower_tail[k]`` is the mass below ``-k - 0.5``."""
    side = np.maximum(lower_tail[:-1] - lower_tail[1:], 0.0)
    pmf = np.concatenate([side[::-1], [1.0 - 2.0 * lower_tail[0]], side])
    return table_from_pmf(-side.size, pmf)


@dataclass(frozen=True, eq=False)
class TableSet:
    """Tables in flat storage, as a model file holds them. Valid by construction: CorruptError otherwise.

    first_symbols: int32 [T]; lengths: int32 [T], the entries of each table with its escape; frequencies: uint32
    [sum(lengths)].
    """

    first_symbols: NDArray[np.int32]
    lengths: NDArray[np.int32]
    frequencies: NDArray[np.uint32]

    def __post_init__(self) -> None:
        first_symbols, lengths, frequencies = (
            _integer_row(name, getattr(self, name)) for name in ("first_symbols", "lengths", "frequencies")
        )
        if not 1 <= lengths.size <= MAX_TABLES or first_symbols.size != lengths.size:
            raise CorruptError(f"probability tables: {first_symbols.size} first symbols for {lengths.size} tables")
        if lengths.min() < 2 or lengths.max() > frequencies.size or lengths.sum() != frequencies.size:
            raise CorruptError(f"probability tables: lengths below 2, or not {frequencies.size} in all")
        if frequencies.min() < 1 or frequencies.max() > TOTAL:
            raise CorruptError(f"probability tables: a frequency lies outside 1..2^{PRECISION_BITS}")
        if (np.add.reduceat(frequencies, np.cumsum(lengths) - lengths) != TOTAL).any():
            raise CorruptError(f"probability tables: a table does not sum to 2^{PRECISION_BITS}")
        last_symbols = first_symbols + (lengths - 2)
        if first_symbols.min() < -MAX_SYMBOL or first_symbols.max() > MAX_SYMBOL or last_symbols.max() > MAX_SYMBOL:
            raise CorruptError(f"probability tables: a symbol lies beyond +-{MAX_SYMBOL}")
        object.__setattr__(self, "first_symbols", first_symbols.astype(np.int32))
        object.__setattr__(self, "lengths", lengths.astype(np.int32))
        object.__setattr__(self, "frequencies", frequencies.astype(np.uint32))

    @classmethod
    def from_tables(cls, tables: Sequence[Table]) -> "TableSet":
        """Join tables; a symbol's table index is the table's place in ``tables``. Raises CorruptError."""
        if not tables:
            raise CorruptError("probability tables: there is none")
        return cls(
            np.array([table.first_symbol for table in tables]),
            np.array([len(table.frequencies) for table in tables]),
            np.concatenate([table.frequencies for table in tables]),
        )

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "TableSet":
        """Take the arrays that :meth:`to_arrays` gave, from an untrusted file. Raises CorruptError."""
        missing = {"first_symbols", "lengths", "frequencies"} - arrays.keys()
        if missing:
            raise CorruptError(f"probability tables: no array named {', '.join(sorted(missing))}")
        return cls(arrays["first_symbols"], arrays["lengths"], arrays["frequencies"])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the three arrays, by field name."""
        return {"first_symbols": self.first_symbols, "lengths": self.lengths, "frequencies": self.frequencies}

    def __len__(self) -> int:
        return int(self.lengths.size)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where each table starts in ``frequencies``: int64 [T]."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    @cached_property
    def bits(self) -> NDArray[np.float64]:
        """Information content of the entries in ``frequencies``, in bits."""
        return np.asarray(PRECISION_BITS - np.log2(self.frequencies))

    @cached_property
    def least_bits(self) -> NDArray[np.float64]:
        """Information content of each table's likeliest entry, in bits: float64 [T]."""
        return np.asarray(np.minimum.reduceat(self.bits, self.offsets))

    def __getitem__(self, index: int) -> Table:
        start = int(self.offsets[index])
        return Table(int(self.first_symbols[index]), self.frequencies[start : start + int(self.lengths[index])])

    @cached_property
    def models(self) -> list[Any]:
        """One constriction model a table, with exactly our integers.

        constriction rounds probabilities p [m] to ``floor(cumsum(p) * (2^24 - m) / sum(p)) + index``. Given frequencies
        less one, the quotient is exactly 1 and every sum is an integer below 2^53, so nothing is rounded.
        """
        categorical = constriction.stream.model.Categorical
        return [
            categorical(self[index].frequencies.astype(np.float64) - 1.0, perfect=False) for index in range(len(self))
        ]


def _integer_row(name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    array = np.asarray(array)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0:
        raise CorruptError(f"probability tables: {name} must be one row of integers")
    return array.astype(np.int64)
