"""Ctrl-C or SIGTERM is noted first and obeyed at once the second time; afterwards it is what it was."""

import signal
import threading

import pytest

from vaecompress.train.interrupt import interrupt_flag


@pytest.fixture(autouse=True)
def usual_handler():
    """Ctrl-C as a program in the foreground sees it, whatever these tests run in."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_the_second_raises(kind):
    before = signal.getsignal(kind)
    with interrupt_flag() as asked:
        assert not asked.is_set()
        signal.raise_signal(kind)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(kind)
    assert signal.getsignal(kind) is before


def test_other_threads_leave_signals_alone():
    seen = []

    def work():
        with interrupt_flag() as asked:
            seen.append((asked.is_set(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]


def test_a_run_that_ignores_it_still_does():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupt_flag() as asked:
        signal.raise_signal(signal.SIGINT)
    assert not asked.is_set()
