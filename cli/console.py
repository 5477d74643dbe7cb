"""What a verb says: words and one bar to standard error, JSON records to standard output."""

import argparse
import json
import math
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any, Self

from .failures import explain, one_line, printable, valid_unicode
from .streams import answer

_BAR_CELLS = 24
_MIN_INTERVAL_S = 0.1
_ERASE_LINE = "\r\033[K"


class Console:
    """Any number of threads may speak; lines never mix. The bar is drawn on a terminal only.

    ``quiet`` leaves out all but answers, records and what went wrong.
    """

    def __init__(self, json_records: bool = False, verbose: bool = False, quiet: bool = False) -> None:
        self.verbose = verbose
        self._json, self._quiet = json_records, quiet
        self._bar_allowed = sys.stderr.isatty() and not quiet
        self._bar = ""
        self._drawn = time.monotonic()
        self._task, self._last_done = "", 0
        self._begun, self._begun_with = self._drawn, 0
        self._lock = threading.RLock()

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """As the options of a verb ask for it."""
        return cls(getattr(options, "json", False), options.verbose, getattr(options, "quiet", False))

    def line(self, text: str) -> None:
        """Say that something went wrong: one line to standard error, above the bar."""
        self._write(printable(text))

    def say(self, text: str) -> None:
        """One line to standard error, unless told to be quiet."""
        if not self._quiet:
            self.line(text)

    def _write(self, text: str) -> None:
        with self._lock:
            erase = _ERASE_LINE if self._bar else ""
            sys.stderr.write(f"{erase}{text}\n{self._bar}")
            sys.stderr.flush()

    def done(self, text: str, record: dict[str, Any]) -> None:
        """A file is done: ``text`` for people, or with ``--json`` the ``record``."""
        if self._json:
            self.answer(text, record)
        else:
            self.say(text)

    def answer(self, text: str, record: dict[str, Any]) -> None:
        """What was asked for, to standard output."""
        with self._lock:
            answer((to_json(record) if self._json else text) + "\n")

    def notes(self, subject: str, notes: Sequence[str]) -> None:
        """What a file lost on its way, one line each."""
        for note in notes:
            self.say(f"note: {subject}: {note}")

    def passed_over(self, subject: str, target: str, why: str = "done already") -> None:
        """An output is there already, as this run would make it, or another run is making it."""
        record = {"source": subject, "output": target, "resumed": True, "why": why}
        self.done(f"{subject} -> {target}  {why}", record)

    def failed(self, error: Exception, subject: str, target: str) -> int:
        """Say what happened on the way from ``subject`` to ``target``; returns the exit code."""
        text, code = explain(error)
        if not text.startswith((f"{one_line(subject)}:", f"{one_line(target)}:")):
            text = f"{subject}: {text.removeprefix('input: ')}"  # what bytes are called that come from elsewhere
        if self.verbose:
            self._write("".join(traceback.format_exception(error)).rstrip())
        self.line(f"vaecompress: {text}")
        if self._json:
            self.answer("", {"source": subject, "error": text, "exit_code": code})
        return code

    def progress(self, done: int, total: int | None, unit: str) -> None:
        """Draw the bar: ``done`` of ``total`` (if known) ``unit``. It goes away when all is done.

        Speed and time left are those since the first call for the first word of ``unit``, or since it began anew.
        """
        now = time.monotonic()
        task = unit.split()[0]
        if task != self._task or done < self._last_done:
            self._task, self._begun, self._begun_with = task, now, done
        self._last_done = done
        finished = total is not None and done >= total
        if not self._bar_allowed or (now - self._drawn < _MIN_INTERVAL_S and not finished):
            return
        with self._lock:
            self._drawn = now
            self._bar = "" if finished else self._drawing(done, total, unit, now - self._begun)
            sys.stderr.write(_ERASE_LINE + self._bar)
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away."""
        with self._lock:
            if self._bar:
                sys.stderr.write(_ERASE_LINE)
                sys.stderr.flush()
            self._bar = ""

    def _drawing(self, done: int, total: int | None, unit: str, seconds: float) -> str:
        words = [f"{done}/{total} {unit}" if total else f"{done} {unit}"]
        if seconds > 0 and done > self._begun_with:
            rate = (done - self._begun_with) / seconds
            words.append(f"{rate:.2f} a second" if rate < 100 else f"{rate:.0f} a second")
            if total:
                left_s = round((total - done) / rate)
                words.append(f"{left_s // 60}:{left_s % 60:02} left")
        bar = [f"[{'#' * (_BAR_CELLS * min(done, total) // total):<{_BAR_CELLS}}]"] if total else []
        return " ".join([*bar, "  ".join(words)])[: shutil.get_terminal_size().columns - 1]


def to_json(record: Any) -> str:
    """One line of JSON; numbers that JSON does not have (an infinite PSNR) become null."""
    return json.dumps(_valid(record))


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        return valid_unicode(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _valid(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_valid(item) for item in value]
    return value
