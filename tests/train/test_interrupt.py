"""Ctrl-C is noted first and obeyed at once the second time; afterwards it is what it was."""

import signal
import threading

import pytest

from vaecompress.train.interrupt import interrupt_flag


def test_the_first_is_noted_the_second_raises():
    before = signal.getsignal(signal.SIGINT)
    with interrupt_flag() as asked:
        assert not asked.is_set()
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with interrupt_flag() as asked:
            seen.append((asked.is_set(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
