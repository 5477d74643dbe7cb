"""LEB128 and zigzag: round trips, one spelling for each number, damage named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.bitstream.varint import read_varint, unzigzag, write_varint, zigzag
from vaecompress.errors import CorruptError


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_round_trip_leaves_what_follows(value: int, rest: bytes) -> None:
    encoded = write_varint(value)
    assert read_varint(b"\xff" + encoded + rest, 1, "test") == (value, 1 + len(encoded))


@given(st.binary(max_size=12))
def test_every_number_has_one_spelling(data: bytes) -> None:
    try:
        value, end = read_varint(data, 0, "test")
    except CorruptError:
        return
    assert write_varint(value) == data[:end]


@pytest.mark.parametrize("spelling", ["8000", "ff00", "80808080808080808002", "ff" * 11])
def test_malformed_numbers(spelling: str) -> None:
    with pytest.raises(CorruptError, match="test: malformed number at byte 0"):
        read_varint(bytes.fromhex(spelling), 0, "test")


@pytest.mark.parametrize("spelling", ["", "80", "ff" * 9])
def test_cut_off_numbers(spelling: str) -> None:
    with pytest.raises(CorruptError, match="test: cut off"):
        read_varint(bytes.fromhex(spelling), 0, "test")


@pytest.mark.parametrize("value", [-1, 2**64])
def test_numbers_out_of_range(value: int) -> None:
    with pytest.raises(ValueError, match="range of a varint"):
        write_varint(value)


@given(st.integers(-(2**80), 2**80))
def test_zigzag(value: int) -> None:
    assert unzigzag(zigzag(value)) == value


def test_zigzag_interleaves() -> None:
    assert [zigzag(value) for value in (0, -1, 1, -2, 2)] == [0, 1, 2, 3, 4]
