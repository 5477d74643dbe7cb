"""What the values of options may look like."""

import argparse
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from vaecompress_cli import options


@pytest.mark.parametrize(
    ("text", "size"),
    [("40000", 40_000), ("40k", 40_000), ("40kB", 40_000), ("1.5M", 1_500_000), ("64Ki", 65_536), ("1Gi", 1 << 30)],
)
def test_sizes(text: str, size: int) -> None:
    assert options.byte_count(text) == size


@pytest.mark.parametrize(
    ("text", "first", "end"), [("10:20", 10, 20), (":3", 0, 3), ("5:", 5, None), ("7", 7, 8), (":", 0, None)]
)
def test_frame_ranges(text: str, first: int, end: int | None) -> None:
    assert options.frame_range(text) == (first, end)


def test_frame_rates_are_exact() -> None:
    assert options.frame_rate("30000/1001") == Fraction(30000, 1001)
    assert options.frame_rate("23.976") == Fraction(23976, 1000)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (options.byte_count, ["", "0", "40q", "-1", "1e3", "0.1", "k"]),
        (options.frame_range, ["", "3:3", "4:2", "a", "1:2:3", "-1"]),
        (options.frame_rate, ["0", "-24", "1/0", "fast", "nan"]),
        (options.quality, ["0", "101", "1.5", "-3", "best", "²"]),
        (options.effort, ["10", "2.5", "-1", "most"]),
        (options.positive_integer, ["0", "-1", "2.0", ""]),
        (options.thread_count, ["0", "-1", "2.0", "", "1025"]),
        (options.path, [""]),
        (options.positive_number, ["0", "-1", "nan", "inf", "x"]),
    ],
)
def test_nonsense_is_refused(kind: Callable[[str], Any], texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)
