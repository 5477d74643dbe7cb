"""What a person sees of an evaluation: a progress bar on stderr, drawn only where one looks, and how scripts end."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vaecompress.errors import VaecompressError

MIN_INTERVAL_S = 0.1
INTERRUPTED = 130

Bar = Callable[[int, int, str], None]
"""Is told how many are done, of how many, and what is being done: a :class:`ProgressBar` in a terminal."""


def path_argument(text: str) -> Path:
    """A path that is not empty, as that of an unset shell variable is: an empty one would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("is empty: is a shell variable unset?")
    return Path(text)


class ProgressBar:
    """Callable that redraws one line: bar, counts, time left, what is being done."""

    def __init__(self) -> None:
        """Start the clock."""
        self._visible = sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._done = 0

    def __call__(self, done: int, total: int, current: str) -> None:
        """Show that ``done`` of ``total`` are finished; fewer than before start a new stage and its clock."""
        now = time.monotonic()
        if done < self._done:
            self._started = now
        self._done = done
        if not self._visible or (done < total and now - self._drawn < MIN_INTERVAL_S):
            return
        self._drawn = now
        left_s = (now - self._started) / done * (total - done) if done else 0.0
        filled = 24 * done // max(total, 1)
        line = f"[{'#' * filled:<24}] {done}/{total}  {left_s / 60:.0f} min left  {current}"
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r" + line[:width].ljust(width))
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line."""
        if self._visible:
            sys.stderr.write("\n")


def exit_code(work: Callable[[], None], stopped: str = "stopped") -> int:
    """Do ``work``; 0, or the code of what went wrong, with one line of it (``stopped``, on Ctrl-C) on stderr."""
    try:
        work()
    except VaecompressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"{stopped}\n")
        return INTERRUPTED
    return 0
