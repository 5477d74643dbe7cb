"""Ctrl-C between two steps instead of in the middle of one, whose state would be lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, a second one raises KeyboardInterrupt.

    Neither happens outside the main thread, or where Ctrl-C is ignored, as in what a script sends to the background.
    """
    asked = threading.Event()

    def note(signum: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
