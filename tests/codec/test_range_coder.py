"""The range coder of motion: what is written reads back, in few bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.codec.range_coder import (
    COST,
    COST_UNIT,
    COUNT,
    EVEN,
    LEAST,
    MOST,
    Array,
    code_bit,
    code_number,
    start_reading,
    start_writing,
    written,
)


def contexts(probabilities: list[int]) -> Array:
    return np.array([[value, 0] for value in probabilities], np.int64)


def write(bits: list[tuple[int, int]], start: Array) -> bytes:
    """Bits (context, bit), then each context's number as a number of 7 bits."""
    state, room = start_writing(len(bits) * 3 + 16)
    for context, bit in bits:
        assert code_bit(state, room, start, context, bit) == bit
        code_number(state, room, 7, 3 * context)
    return written(state, room)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=400))
def test_bits_read_back(bits: list[tuple[int, int]]) -> None:
    data = write(bits, contexts([EVEN, LEAST, MOST]))
    state, padded = start_reading(data)
    again = contexts([EVEN, LEAST, MOST])
    for context, bit in bits:
        assert code_bit(state, padded, again, context, 0) == bit
        assert code_number(state, padded, 7, 0) == 3 * context
    assert not data.endswith(b"\0")


def test_likely_bits_cost_next_to_nothing() -> None:
    state, room = start_writing(1000)
    known = contexts([EVEN])
    for _ in range(2000):
        code_bit(state, room, known, 0, 0)
    assert len(written(state, room)) <= 5


def test_carries_run_back_into_what_is_written() -> None:
    bits = [(2, 1)] * 40 + [(1, 1)] * 300
    state, room = start_writing(1000)
    known = contexts([EVEN, LEAST, MOST])
    known[:, 1] = 0
    for context, bit in bits:
        known[context, 0] = LEAST
        code_bit(state, room, known, context, bit)
    state, padded = start_reading(written(state, room))
    for context, bit in bits:
        known[context, 0] = LEAST
        known[context, 1] = 0
        assert code_bit(state, padded, known, context, 0) == bit


def test_counting_tells_the_size() -> None:
    rng = np.random.default_rng(0)
    bits = [(0, int(bit)) for bit in rng.random(4000) < 0.1]
    state, room = start_writing(4000)
    known = contexts([EVEN])
    counter = np.array([COUNT, 0, 0, 0, 0], np.int64)
    for context, bit in bits:
        code_bit(counter, room, known, context, bit)
        code_bit(state, room, known, context, bit)
    assert abs(counter[COST] / COST_UNIT / 8 / len(written(state, room)) - 1) < 0.01


def test_what_was_never_written_reads_as_something() -> None:
    state, padded = start_reading(b"")
    known = contexts([EVEN])
    assert [code_bit(state, padded, known, 0, 0) for _ in range(100)] == [0] * 100
