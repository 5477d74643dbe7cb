"""The coder against a second one in plain integers, on round trips, on sizes and on damaged bytes."""

import functools
import math
import re
import tracemalloc
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vaecompress.entropy.coder import Decoder, encode, ideal_bits
from vaecompress.entropy.tables import MAX_SYMBOL, TOTAL, Table, TableSet, quantize_pmf, symmetric_tables
from vaecompress.errors import CorruptError, UsageError

Group = tuple[NDArray[np.int32], NDArray[np.uint16]]
SCALES = np.geomspace(0.1, 60.0, 24)


def normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])


@functools.cache
def make_tables() -> TableSet:
    """Normal tables, then the odd ones: one symbol, one all but certain escape, far from zero, wide and flat."""
    odd = [
        Table(0, np.array([TOTAL - 1, 1], np.uint32)),
        Table(-7, np.array([1, TOTAL - 1], np.uint32)),
        Table(MAX_SYMBOL - 1, np.array([5, 6, TOTAL - 11], np.uint32)),
        Table(-3000, quantize_pmf(np.ones(6001))),
    ]
    return TableSet.from_tables(symmetric_tables(normal_cdf, SCALES) + odd)


def normal_group(generator: np.random.Generator, size: int) -> Group:
    table_index = generator.integers(0, SCALES.size, size).astype(np.uint16)
    return np.rint(generator.normal(size=size) * SCALES[table_index]).astype(np.int32), table_index


def decode_all(data: bytes, table_indices: list[NDArray[np.uint16]], tables: TableSet) -> list[NDArray[np.int32]]:
    decoder = Decoder(data, tables)
    groups = [decoder.decode(table_index) for table_index in table_indices]
    decoder.finish()
    return groups


def reference_decode(data: bytes, table_indices: list[NDArray[np.uint16]], tables: TableSet) -> list[list[int]]:
    """FORMAT.md's *Entropy coding* to the letter, without numpy or constriction. For sound streams only."""

    def varint(source: list[int]) -> int:
        value = shift = 0
        while True:
            byte = source.pop(0)
            value += (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    rest = list(data)
    count = varint(rest)
    escapes, rest = rest[:count], rest[count:]
    rest += [0] * (-len(rest) % 4)
    words = [int.from_bytes(bytes(rest[i : i + 4]), "little") for i in range(0, len(rest), 4)]
    state = words.pop() if words else 0
    if words:
        state = (state << 32) + words.pop()
    groups = []
    for table_index in table_indices:
        symbols = [0] * len(table_index)
        for position in sorted(range(len(symbols)), key=lambda place: (table_index[place], place)):
            table = tables[int(table_index[position])]
            frequencies = table.frequencies.tolist()
            slot, low, entry = state % TOTAL, 0, 0
            while low + frequencies[entry] <= slot:
                low += frequencies[entry]
                entry += 1
            state = (state >> 24) * frequencies[entry] + slot - low
            if state < 2**32 and words:
                state = (state << 32) + words.pop()
            last = len(frequencies) - 1
            if entry < last:
                symbols[position] = table.first_symbol + entry
            else:
                code = varint(escapes)
                below, above = table.first_symbol - 1 - code // 2, table.first_symbol + last + code // 2
                symbols[position] = below if code % 2 else above
        groups.append(symbols)
    assert state == 0
    assert not escapes
    return groups


symbol_strategy = st.one_of(st.integers(-4, 4), st.integers(-300, 300), st.integers(-MAX_SYMBOL, MAX_SYMBOL))
group_strategy = st.lists(st.tuples(symbol_strategy, st.integers(0, SCALES.size + 3)), max_size=80).map(
    lambda pairs: (np.array([s for s, _ in pairs], np.int32), np.array([t for _, t in pairs], np.uint16))
)


@settings(deadline=None)
@given(st.lists(group_strategy, max_size=4))
def test_groups_come_back_from_both_decoders(groups: list[Group]) -> None:
    tables = make_tables()
    data = encode(groups, tables)
    table_indices = [table_index for _, table_index in groups]
    expected = [symbols.tolist() for symbols, _ in groups]
    assert [symbols.tolist() for symbols in decode_all(data, table_indices, tables)] == expected
    assert reference_decode(data, table_indices, tables) == expected


def test_the_reference_decoder_agrees_on_a_long_stream() -> None:
    groups = [normal_group(np.random.default_rng(seed), 2000) for seed in range(3)]
    data = encode(groups, make_tables())
    decoded = reference_decode(data, [table_index for _, table_index in groups], make_tables())
    assert decoded == [symbols.tolist() for symbols, _ in groups]


def test_the_example_of_the_format() -> None:
    """Any change here breaks every file. Symbols of 1/2, 1/4, 1/8 and 1/8, the last one an escape of one byte."""
    text = files("vaecompress.bitstream").joinpath("FORMAT.md").read_text(encoding="utf-8")
    example = re.search(r"The coded bytes are `([0-9a-f ]+)`", text)
    assert example
    tables = TableSet.from_tables([Table(-1, np.array([1 << 22, 1 << 23, 1 << 21, 1 << 21], np.uint32))])
    symbols = np.array([0, -1, 1, -5], np.int32)
    table_index = np.zeros(4, np.uint16)
    assert encode([(symbols, table_index)], tables) == bytes.fromhex(example[1])
    assert ideal_bits(symbols, table_index, tables) == 1 + 2 + 3 + 3 + 8


def test_nothing_is_one_byte() -> None:
    empty = (np.zeros(0, np.int32), np.zeros(0, np.uint16))
    data = encode([empty], make_tables())
    assert data == b"\0"
    assert decode_all(data, [empty[1]], make_tables())[0].size == 0


@pytest.mark.parametrize(("count", "overhead"), [(3000, 0.01), (30_000, 0.002)])
def test_size_is_close_to_the_information_content(count: int, overhead: float) -> None:
    symbols, table_index = normal_group(np.random.default_rng(1), count)
    ideal_bytes = ideal_bits(symbols, table_index, make_tables()) / 8
    assert 0 <= len(encode([(symbols, table_index)], make_tables())) - ideal_bytes <= overhead * ideal_bytes


def test_overhead_is_at_most_eight_bytes() -> None:
    generator = np.random.default_rng(2)
    for count in range(1, 60):
        group = normal_group(generator, count)
        assert len(encode([group], make_tables())) - ideal_bits(*group, make_tables()) / 8 <= 8


def test_a_stream_that_is_accepted_is_the_one_encoding_gives() -> None:
    """Random bytes, cut and flipped streams: CorruptError, or symbols that encode to the very same bytes."""
    generator = np.random.default_rng(3)
    symbols, table_index = normal_group(generator, 40)
    table_index[::9] = SCALES.size + 1
    sound = encode([(symbols, table_index)], make_tables())
    streams = [sound[:length] for length in range(len(sound))] + [sound + b"\0", sound + b"\1", b""]
    for _ in range(3000):
        flipped = bytearray(sound)
        flipped[generator.integers(len(sound))] ^= 1 << generator.integers(8)
        streams += [bytes(flipped), generator.bytes(generator.integers(12)), b"\0" + generator.bytes(5)]
    accepted = 0
    for data in streams:
        try:
            decoded = decode_all(data, [table_index], make_tables())[0]
        except CorruptError:
            continue
        accepted += 1
        assert encode([(decoded, table_index)], make_tables()) == data
    assert 0 < accepted < len(streams)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x80\x00",
        b"\x80\x80\x80\x80\x80\x00",
        b"\xff\xff\xff\xff\x7f",
        b"\x02\x00",
        b"\x00\x01\x00",
    ],
    ids=["empty", "cut", "padded", "too long", "beyond the end", "escapes cut", "zero at the end"],
)
def test_damaged_sections(data: bytes) -> None:
    with pytest.raises(CorruptError):
        Decoder(data, make_tables())


def test_an_escape_out_of_bounds() -> None:
    escape_only = np.array([SCALES.size + 1], np.uint16)
    data = encode([(np.array([MAX_SYMBOL], np.int32), escape_only)], make_tables())
    escape_length = data[0]
    data = data[:escape_length] + bytes([data[escape_length] + 1]) + data[escape_length + 1 :]
    with pytest.raises(CorruptError):
        Decoder(data, make_tables()).decode(escape_only)


def test_groups_left_undecoded_are_found() -> None:
    group = normal_group(np.random.default_rng(4), 50)
    decoder = Decoder(encode([group, group], make_tables()), make_tables())
    decoder.decode(group[1])
    with pytest.raises(CorruptError):
        decoder.finish()


def test_more_symbols_than_the_bytes_can_hold_are_refused_before_anything_is_allocated() -> None:
    """Ten million symbols out of a hundred bytes, and out of none: no time, no memory."""
    table_index = np.full(10_000_000, SCALES.size - 1, np.uint16)
    for data in (bytes(1), b"\0" + np.random.default_rng(5).bytes(100) + b"\1"):
        tracemalloc.start()
        with pytest.raises(CorruptError, match="ends before the last of 10000000 symbols"):
            Decoder(data, make_tables()).decode(table_index)
        assert tracemalloc.get_traced_memory()[1] < 10 * table_index.size
        tracemalloc.stop()


def test_likely_symbols_may_be_many() -> None:
    """All but certain ones cost next to nothing, so a few bytes may hold millions."""
    certain = (np.zeros(1_000_000, np.int32), np.full(1_000_000, SCALES.size, np.uint16))
    narrow = (np.zeros(100_000, np.int32), np.zeros(100_000, np.uint16))
    data = encode([narrow, certain], make_tables())
    assert len(data) < 20
    for symbols in decode_all(data, [narrow[1], certain[1]], make_tables()):
        assert not symbols.any()


@pytest.mark.parametrize(
    ("symbols", "table_index"),
    [
        (np.array([MAX_SYMBOL + 1], np.int32), np.zeros(1, np.uint16)),
        (np.array([-(2**31)], np.int32), np.zeros(1, np.uint16)),
        (np.zeros(1, np.int32), np.array([SCALES.size + 4], np.uint16)),
        (np.zeros(2, np.int32), np.zeros(1, np.uint16)),
        (np.zeros(1, np.int64), np.zeros(1, np.uint16)),
        (np.zeros(1, np.int32), np.zeros(1, np.int32)),
    ],
    ids=["symbol too large", "symbol too small", "no such table", "lengths differ", "symbols int64", "index int32"],
)
def test_calls_without_sense(symbols: NDArray[np.int32], table_index: NDArray[np.uint16]) -> None:
    with pytest.raises(UsageError):
        encode([(symbols, table_index)], make_tables())
