"""Work that waits for other work, in threads that do not."""

import threading

import pytest

from vaecompress.codec.threads import Threads


def test_each_piece_starts_after_those_it_needs():
    threads, gate, order = Threads(2), threading.Event(), []
    first = threads.start(lambda: gate.wait(10) and order.append("first"))
    second = threads.start(lambda: order.append("second"), [first])
    third = threads.start(lambda: order.append("third"), [second, first])
    threads.start(lambda: order.append("free")).result()  # although two wait, a thread has time for it
    gate.set()
    third.result()
    assert order == ["free", "first", "second", "third"]
    threads.start(lambda: order.append("late"), [first, third]).result()
    assert order[-1] == "late"
    threads.close()


def test_an_error_goes_to_whoever_asks_and_holds_nobody_up():
    threads = Threads(1)
    bad = threads.start(lambda: 1 // 0)
    good = threads.start(lambda: "done", [bad])
    assert good.result() == "done"
    with pytest.raises(ZeroDivisionError):
        bad.result()
    threads.close()


def test_what_waits_when_all_is_closed_never_starts():
    threads, gate, ran = Threads(1), threading.Event(), []
    first = threads.start(lambda: gate.wait(10))
    threads.start(lambda: ran.append(1), [first])
    threads.close()
    gate.set()
    assert first.result()
    assert not ran
