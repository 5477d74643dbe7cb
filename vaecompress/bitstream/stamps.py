"""Time stamps in runs of equal distances: FORMAT.md, "Time stamps". A constant rate takes one run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby, pairwise
from typing import Self

from vaecompress.bitstream.varint import read_varint, unzigzag, write_varint, zigzag
from vaecompress.errors import CorruptError

_TIME_BASE_LIMIT = 1 << 31
_LIMIT = 1 << 62


@dataclass(frozen=True)
class StampRuns:
    """``count`` stamps in units of ``time_base`` seconds: the ``first``, and the ``runs`` as the format spells them."""

    time_base: Fraction
    first: int
    runs: bytes
    count: int

    @classmethod
    def of(cls, time_base: Fraction, stamps: Iterable[int]) -> Self:
        """The runs of ``stamps``. Raises ValueError when the time base or a stamp is out of the format's range."""
        if not (0 < time_base.numerator < _TIME_BASE_LIMIT and time_base.denominator < _TIME_BASE_LIMIT):
            raise ValueError(f"time base {time_base} is out of range")
        left = iter(stamps)
        first = stamp = next(left, _LIMIT)
        largest, count, runs = abs(first), 1, bytearray()
        for step, run in groupby(after - before for before, after in pairwise(chain([first], left))):
            repeats = sum(1 for _ in run)
            stamp, count = stamp + step * repeats, count + repeats
            largest = max(largest, abs(stamp))
            if largest < _LIMIT:
                runs += write_varint(zigzag(step)) + write_varint(repeats)
        if largest >= _LIMIT:
            raise ValueError("no time stamps, or one of 2^62 or more")
        return cls(time_base, first, bytes(runs), count)

    def to_bytes(self) -> bytes:
        """As the format spells them."""
        numbers = self.time_base.numerator, self.time_base.denominator, zigzag(self.first)
        return b"".join(map(write_varint, numbers)) + self.runs

    @classmethod
    def read(cls, data: bytes, position: int, count: int, where: str, increasing: bool = False) -> tuple[Self, int]:
        """The ``count`` stamps (1 or more) at ``data[position:]``, and the position after them.

        Raises CorruptError, which speaks of ``where``, unless the bytes spell just so many, ``increasing`` if so asked.
        """
        numerator, position = read_varint(data, position, where)
        denominator, position = read_varint(data, position, where)
        if not (0 < numerator < _TIME_BASE_LIMIT and 0 < denominator < _TIME_BASE_LIMIT):
            raise CorruptError(f"{where}: time base {numerator}/{denominator} is out of range; encode the video again")
        first, start = read_varint(data, position, where)
        position, stamp, left = start, unzigzag(first), count - 1
        largest = abs(stamp)
        while left:
            step, run, position = _run(data, position, where)
            if not 0 < run <= left or (increasing and step <= 0):
                raise CorruptError(f"{where}: stamps do not match the {count} that there are; encode the video again")
            stamp, left = stamp + step * run, left - run
            largest = max(largest, abs(stamp))  # the stamps of a run lie between those at its ends
        if largest >= _LIMIT:
            raise CorruptError(f"{where}: a time stamp of 2^62 or more; encode the video again")
        return cls(Fraction(numerator, denominator), unzigzag(first), data[start:position], count), position

    def __iter__(self) -> Iterator[int]:
        """The stamps, one by one."""
        stamp, position = self.first, 0
        yield stamp
        while position < len(self.runs):
            step, run, position = _run(self.runs, position, "")
            for _ in range(run):
                stamp += step
                yield stamp


def _run(data: bytes, position: int, where: str) -> tuple[int, int, int]:
    """Distance and length of a run, and the position after it."""
    step, position = read_varint(data, position, where)
    run, position = read_varint(data, position, where)
    return unzigzag(step), run, position
