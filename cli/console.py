"""What a verb says: words and one bar to standard error, JSON records to standard output."""

import json
import math
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any

from .failures import explain

_BAR_CELLS = 24
_MIN_INTERVAL_S = 0.1
_ERASE_LINE = "\r\033[K"


class Console:
    """Any number of threads may speak; lines never mix. The bar is drawn on a terminal only."""

    def __init__(self, json_records: bool = False, verbose: bool = False) -> None:
        self._json, self._verbose = json_records, verbose
        self._bar_allowed = sys.stderr.isatty()
        self._bar = ""
        self._started = self._drawn = time.monotonic()
        self._lock = threading.RLock()

    def line(self, text: str) -> None:
        """One line to standard error, above the bar."""
        with self._lock:
            erase = _ERASE_LINE if self._bar else ""
            sys.stderr.write(f"{erase}{text}\n{self._bar}")
            sys.stderr.flush()

    def done(self, text: str, record: dict[str, Any]) -> None:
        """A file is done: ``text`` for people, or with ``--json`` the ``record``."""
        if self._json:
            self.answer(text, record)
        else:
            self.line(text)

    def answer(self, text: str, record: dict[str, Any]) -> None:
        """What was asked for, to standard output."""
        with self._lock:
            sys.stdout.write((to_json(record) if self._json else text) + "\n")

    def notes(self, subject: str, notes: Sequence[str]) -> None:
        """What a file lost on its way, one line each."""
        for note in notes:
            self.line(f"note: {subject}: {note}")

    def passed_over(self, subject: str, target: str) -> None:
        """An output is there already, as this run would make it."""
        self.done(f"{subject} -> {target}  done already", {"source": subject, "output": target, "resumed": True})

    def failed(self, error: Exception, subject: str, target: str) -> int:
        """Say what happened on the way from ``subject`` to ``target``; returns the exit code."""
        text, code = explain(error)
        text = text if text.startswith((f"{subject}:", f"{target}:")) else f"{subject}: {text}"
        if self._verbose:
            self.line("".join(traceback.format_exception(error)).rstrip())
        self.line(f"vaecompress: {text}")
        if self._json:
            self.answer("", {"source": subject, "error": text, "exit_code": code})
        return code

    def progress(self, done: int, total: int | None, unit: str) -> None:
        """Draw the bar: ``done`` of ``total`` (if known) ``unit``. It goes away when all is done."""
        now = time.monotonic()
        finished = total is not None and done >= total
        if not self._bar_allowed or (now - self._drawn < _MIN_INTERVAL_S and not finished):
            return
        with self._lock:
            self._drawn = now
            self._bar = "" if finished else self._drawing(done, total, unit, now - self._started)
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
        if not total:
            text = f"{done} {unit}"
        else:
            filled = _BAR_CELLS * done // total
            left_s = seconds / done * (total - done) if done else math.inf
            left = f"  {left_s // 60:.0f}:{left_s % 60:02.0f} left" if done else ""
            text = f"[{'#' * filled:<{_BAR_CELLS}}] {done}/{total} {unit}{left}"
        return text[: shutil.get_terminal_size().columns - 1]


def to_json(record: Any) -> str:
    """One line of JSON; numbers that JSON does not have (an infinite PSNR) become null."""
    return json.dumps(_finite(record))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
