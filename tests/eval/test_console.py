"""What the bar says."""

import io
import sys

import pytest
from vaecompress_eval import console
from vaecompress_eval.console import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_time_left_is_that_of_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 60.0, 600.0, 660.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = ProgressBar()
    bar(1, 11, "first")
    bar(0, 4, "second")
    bar(1, 4, "second")
    *_, first, _, last = sys.stderr.getvalue().split("\r")
    assert "1/11  10 min left  first" in first
    assert "1/4  3 min left  second" in last


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    bar = ProgressBar()
    bar(1, 2, "work")
    bar.close()
    assert sys.stderr.getvalue() == ""
