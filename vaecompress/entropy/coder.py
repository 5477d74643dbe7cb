"""The entropy coder: groups of symbols to bytes and back, each symbol by the integer table its index names.

The arithmetic is asymmetric numeral systems (Duda, arXiv 0902.0271) on a 64-bit state with 32-bit words and 24-bit
frequencies, run by constriction's ``AnsCoder``; FORMAT.md, *Entropy coding*, gives it in plain integers. Symbols of a
group are coded table by table, so that a group costs one call for each table it uses.

A decoder is given one group after another: the table indices of a group may depend on every symbol before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from vaecompress.entropy.tables import MAX_SYMBOL, TableSet
from vaecompress.errors import CorruptError, UsageError

Symbols = NDArray[np.int32]
TableIndex = NDArray[np.uint16]

SLACK_BITS, SLACK_FACTOR = 128, 1.25
"""How far the least information content of a group may lie above the bits that are left to it."""


def encode(groups: Sequence[tuple[Symbols, TableIndex]], tables: TableSet) -> bytes:
    """Code groups of (symbols int32 [N], table_index uint16 [N]) in order. Any integer up to 2^20 in size may be coded.

    Raises UsageError for a larger symbol or an index without a table.
    """
    escapes = bytearray()
    runs: list[tuple[int, Symbols]] = []
    for symbols, table_index in groups:
        plan = _plan(table_index, tables)
        entries, escape_codes = _entries(symbols, plan.order, plan.first, plan.escape)
        for code in escape_codes:
            escapes += _varint(code)
        runs += [(table, entries[start:stop]) for table, start, stop in plan.runs]
    coder = constriction.stream.stack.AnsCoder()
    for table, entries in reversed(runs):
        coder.encode_reverse(entries, tables.models[table])
    words: NDArray[np.uint32] = coder.get_compressed()
    # The last word is never zero, so at most three bytes go, and a decoder knows how many.
    return _varint(len(escapes)) + escapes + words.astype("<u4").tobytes().rstrip(b"\0")


class Decoder:
    """Reads back what :func:`encode` wrote, group after group, then :meth:`finish`. Safe on any bytes."""

    def __init__(self, data: bytes, tables: TableSet) -> None:
        """Split ``data`` into escapes and words. Raises CorruptError."""
        length, start = _read_varint(data, 0)
        words = data[start + length :]
        if start + length > len(data) or words[-1:] == b"\0":
            raise CorruptError("entropy-coded data: wrong length of a section")
        self._tables = tables
        self._escapes = data[start : start + length]
        self._escape_position = 0
        padded = words + bytes(-len(words) % 4)
        self._coder: Any = constriction.stream.stack.AnsCoder(np.frombuffer(padded, "<u4").astype(np.uint32))

    def decode(self, table_index: TableIndex) -> Symbols:
        """Decode the next group: table_index uint16 [N] to symbols int32 [N]. Raises CorruptError, UsageError."""
        self._check_left(table_index)
        plan = _plan(table_index, self._tables)
        entries = np.empty(plan.order.size, np.int32)
        for table, start, stop in plan.runs:
            entries[start:stop] = self._coder.decode(self._tables.models[table], stop - start)
        sorted_symbols = entries + plan.first
        for place in np.flatnonzero(entries == plan.escape):
            sorted_symbols[place] = self._read_escape(int(plan.first[place]), int(plan.escape[place]))
        symbols = np.empty_like(sorted_symbols)
        symbols[plan.order] = sorted_symbols
        return symbols

    def finish(self) -> None:
        """Raise CorruptError unless every bit and every escape was used: the bytes are what encoding would give."""
        if not self._coder.is_empty() or self._escape_position != len(self._escapes):
            raise CorruptError("entropy-coded data: something is left after the last symbol")

    def _check_left(self, table_index: TableIndex) -> None:
        """Refuse a group that not even its likeliest symbols fit into what is left, before it takes time and memory."""
        counts = np.bincount(table_index, minlength=len(self._tables))[: len(self._tables)]
        least_bits = float(counts @ self._tables.least_bits)
        if least_bits > SLACK_BITS + SLACK_FACTOR * self._coder.num_bits():
            raise CorruptError(f"entropy-coded data: ends before the last of {table_index.size} symbols")

    def _read_escape(self, first: int, size: int) -> int:
        code, self._escape_position = _read_varint(self._escapes, self._escape_position)
        distance = code >> 1
        symbol = first - 1 - distance if code & 1 else first + size + distance
        if abs(symbol) > MAX_SYMBOL:
            raise CorruptError("entropy-coded data: an escaped symbol is out of bounds")
        return symbol


def symbol_bits(symbols: Symbols, table_index: TableIndex, tables: TableSet) -> NDArray[np.float64]:
    """Information content of each symbol of a group under its table, in bits, an escape's bytes included: [N].

    Raises UsageError.
    """
    _counts(table_index, tables)
    escape = tables.lengths[table_index] - 1
    entries, escape_codes = _entries(symbols, slice(None), tables.first_symbols[table_index], escape)
    bits = tables.bits[tables.offsets[table_index] + entries]
    if escape_codes:
        bits[entries == escape] += [8.0 * len(_varint(code)) for code in escape_codes]
    return np.asarray(bits)


def ideal_bits(symbols: Symbols, table_index: TableIndex, tables: TableSet) -> float:
    """Information content of a group under its tables, in bits. Raises UsageError."""
    return float(np.sum(symbol_bits(symbols, table_index, tables)))


@dataclass(frozen=True)
class _Plan:
    """The coding order of a group: by table index, equal ones by position.

    order [N]: positions in coding order; first, escape [N]: the first symbol and the escape entry of each one's table,
    in coding order; runs: (table, start, stop), the stretches of that order that share a table.
    """

    order: NDArray[np.intp]
    first: NDArray[np.int32]
    escape: NDArray[np.int32]
    runs: list[tuple[int, int, int]]


def _counts(table_index: TableIndex, tables: TableSet) -> NDArray[np.intp]:
    """How many symbols each table has."""
    if table_index.ndim != 1 or table_index.dtype != np.uint16:
        raise UsageError(f"table indices must be one row of uint16, got {table_index.dtype} {table_index.shape}")
    counts = np.bincount(table_index, minlength=len(tables))
    if counts.size > len(tables):
        raise UsageError(f"table index {counts.size - 1} is beyond the {len(tables)} tables")
    return counts


def _plan(table_index: TableIndex, tables: TableSet) -> _Plan:
    counts = _counts(table_index, tables)
    used = np.flatnonzero(counts)
    counts = counts[used]
    stops = np.cumsum(counts)
    return _Plan(
        order=np.argsort(table_index, kind="stable"),
        first=np.repeat(tables.first_symbols[used], counts),
        escape=np.repeat(tables.lengths[used] - 1, counts),
        runs=list(zip(used.tolist(), (stops - counts).tolist(), stops.tolist(), strict=True)),
    )


def _entries(
    symbols: Symbols, order: slice | NDArray[np.intp], first: NDArray[np.int32], escape: NDArray[np.int32]
) -> tuple[Symbols, list[int]]:
    """Give each symbol's entry in its table and, for the escaped ones, the zigzag of how far they lie outside.

    Both in ``order``, as the first symbol and the escape entry of each one's table are given.
    """
    if symbols.shape != first.shape or symbols.dtype != np.int32:
        raise UsageError(f"symbols must be int32 {first.shape}, got {symbols.dtype} {symbols.shape}")
    if symbols.size and max(int(symbols.max()), -int(symbols.min())) > MAX_SYMBOL:
        raise UsageError(f"a symbol is beyond +-{MAX_SYMBOL}: the model cannot carry this input")
    entries = symbols[order] - first
    outside = (entries < 0) | (entries >= escape)
    if not outside.any():
        return entries, []
    beyond = entries[outside]
    codes = np.where(beyond < 0, -2 * beyond - 1, 2 * (beyond - escape[outside]))
    entries[outside] = escape[outside]
    return entries, codes.tolist()


def _varint(value: int) -> bytes:
    """LEB128: seven bits a byte, low ones first, high bit set on all but the last."""
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a varint of at most five bytes: (value, position after it). Raises CorruptError."""
    value = 0
    for count, byte in enumerate(data[position : position + 5]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                break
            return value, position + count + 1
    raise CorruptError("entropy-coded data: a number is cut off, too long or padded")
