"""Tables: sums are exact, rounding is close, and nothing invalid gets in."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vaecompress.entropy.tables import (
    MAX_SYMBOL,
    TAIL_MASS,
    TOTAL,
    Table,
    TableSet,
    quantize_pmf,
    symmetric_tables,
    table_from_pmf,
)
from vaecompress.errors import CorruptError, UsageError


def normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])


def divergence_bits(pmf: NDArray[np.float64], frequencies: NDArray[np.uint32]) -> float:
    """Bits a symbol lost by coding ``pmf`` with ``frequencies``."""
    pmf = pmf / pmf.sum()
    seen = pmf > 0
    return float(np.sum(pmf[seen] * np.log2(pmf[seen] * TOTAL / frequencies[seen])))


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=200).filter(any))
def test_frequencies_sum_to_the_total_and_are_never_zero(pmf: list[float]) -> None:
    frequencies = quantize_pmf(np.array(pmf))
    assert frequencies.dtype == np.uint32
    assert int(frequencies.sum(dtype=np.int64)) == TOTAL
    assert frequencies.min() >= 1
    assert divergence_bits(np.array(pmf) / max(pmf), frequencies) < 1e-4


@pytest.mark.parametrize(
    ("pmf", "frequencies"),
    [
        ([7.0], [TOTAL]),
        ([1.0, 0.0], [TOTAL - 1, 1]),
        ([1.0, 1.0, 1.0], [5592406, 5592405, 5592405]),
        ([0.0, 1e-30, 1.0, 1.0], [1, 1, TOTAL // 2 - 1, TOTAL // 2 - 1]),
        ([5e-324, 5e-324], [TOTAL // 2, TOTAL // 2]),
    ],
)
def test_quantize_pmf_by_hand(pmf: list[float], frequencies: list[int]) -> None:
    assert quantize_pmf(np.array(pmf)).tolist() == frequencies


@pytest.mark.parametrize("pmf", [[], [0.0, 0.0], [-1.0, 2.0], [math.nan, 1.0], [math.inf, 1.0], [[0.5, 0.5]]])
def test_quantize_pmf_refuses(pmf: list[float]) -> None:
    with pytest.raises(UsageError):
        quantize_pmf(np.array(pmf))


def test_table_from_pmf_gives_the_tail_to_the_escape() -> None:
    table = table_from_pmf(-3, np.array([0.0, 1e-9, 0.25, 0.5, 0.125, 1e-9, 0.0]))
    assert table.first_symbol == -1
    assert table.frequencies.tolist() == [TOTAL // 4, TOTAL // 2, TOTAL // 8, TOTAL // 8]


def test_table_from_pmf_keeps_one_symbol_of_a_distribution_that_is_all_tail() -> None:
    table = table_from_pmf(5, np.array([1e-9, 1e-9]))
    assert table.first_symbol == 6
    assert table.frequencies.tolist() == [1, TOTAL - 1]


def test_symmetric_tables_follow_the_distribution() -> None:
    scales = np.array([0.05, 0.7, 30.0])
    for scale, table in zip(scales, symmetric_tables(normal_cdf, scales), strict=True):
        size = len(table.frequencies) - 1
        assert table.first_symbol == -(size // 2)
        edges = (np.arange(size + 1) + table.first_symbol - 0.5) / scale
        inside = np.diff(normal_cdf(edges))
        assert 1 - inside.sum() <= 2 * TAIL_MASS
        assert np.abs(table.frequencies[:-1] - inside * TOTAL).max() <= 2
        assert table.frequencies[-1] <= max(1, TAIL_MASS * TOTAL + 1)


def test_a_table_set_comes_back_from_its_arrays() -> None:
    tables = symmetric_tables(normal_cdf, np.array([0.5, 2.0, 9.0]))
    table_set = TableSet.from_arrays(TableSet.from_tables(tables).to_arrays())
    assert len(table_set) == 3
    for index, table in enumerate(tables):
        assert table_set[index].first_symbol == table.first_symbol
        assert table_set[index].frequencies.tolist() == table.frequencies.tolist()


def arrays(
    first_symbols: object = (0, -1), lengths: object = (2, 3), frequencies: object = None
) -> dict[str, NDArray[Any]]:
    if frequencies is None:
        frequencies = (TOTAL - 1, 1, TOTAL - 2, 1, 1)
    return {
        "first_symbols": np.asarray(first_symbols),
        "lengths": np.asarray(lengths),
        "frequencies": np.asarray(frequencies),
    }


def test_the_arrays_that_are_damaged_below_are_sound() -> None:
    assert len(TableSet.from_arrays(arrays())) == 2


@pytest.mark.parametrize(
    "damaged",
    [
        arrays(first_symbols=(0,)),
        arrays(first_symbols=(0, MAX_SYMBOL + 1)),
        arrays(first_symbols=(0, MAX_SYMBOL)),
        arrays(first_symbols=(0, -MAX_SYMBOL - 1)),
        arrays(first_symbols=(0.0, -1.0)),
        arrays(first_symbols=((0, -1),)),
        arrays(lengths=(2, 2)),
        arrays(lengths=(3, 2)),
        arrays(lengths=(1, 4)),
        arrays(lengths=(-1, 6)),
        arrays(lengths=(2**62, 2**62)),
        arrays(lengths=np.array([2**64 - 1, 6], np.uint64)),
        arrays((), (), ()),
        arrays(frequencies=(TOTAL, 0, TOTAL - 2, 1, 1)),
        arrays(frequencies=(TOTAL + 1, -1, TOTAL - 2, 1, 1)),
        arrays(frequencies=(TOTAL - 1, 2, TOTAL - 3, 1, 1)),
        arrays(frequencies=np.array([TOTAL - 1, 1, TOTAL - 2, 1, 1], object)),
        {"lengths": np.array([2])},
    ],
)
def test_damaged_arrays_are_refused(damaged: dict[str, NDArray[Any]]) -> None:
    with pytest.raises(CorruptError):
        TableSet.from_arrays(damaged)


def test_no_tables_at_all_are_refused() -> None:
    with pytest.raises(CorruptError):
        TableSet.from_tables([])


def test_table_set_from_invalid_table_is_refused() -> None:
    with pytest.raises(CorruptError):
        TableSet.from_tables([Table(0, np.array([TOTAL], np.uint32))])
