"""Ctrl-C, or being asked to end, between two steps instead of in the middle of one, whose state would be lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """The first Ctrl-C or SIGTERM sets the event, a second one raises KeyboardInterrupt.

    Nothing happens outside the main thread, nor on Ctrl-C where it is ignored, as in what a script sends to the
    background.
    """
    asked = threading.Event()

    def note(signum: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    heard = [kind for kind in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(kind) != signal.SIG_IGN]
    before = {kind: signal.signal(kind, note) for kind in heard}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
