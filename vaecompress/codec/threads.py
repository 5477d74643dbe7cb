"""Work in threads, each piece as soon as those before it are done that it needs."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Pending(Generic[Result]):
    """What a piece of work is going to give."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work: Callable[[], Result] | None = work
        self._future: Future[Result] = Future()
        self._missing = 0
        self._next: list[Pending[Any]] | None = []

    def result(self) -> Result:
        """What the work gave, when it is done; raises what it raised."""
        return self._future.result()


class Threads:
    """Threads that work, without any of them waiting for another."""

    def __init__(self, count: int) -> None:
        self._pool, self._lock = ThreadPoolExecutor(count), Lock()

    def start(self, work: Callable[[], Result], after: Sequence[Pending[Any]] = ()) -> Pending[Result]:
        """Do ``work`` once all of ``after`` are done, however they end."""
        pending = Pending(work)
        with self._lock:
            for other in after:
                if other._next is not None:
                    other._next.append(pending)
                    pending._missing += 1
            ready = not pending._missing
        if ready:
            self._submit(pending)
        return pending

    def close(self) -> None:
        """Start nothing any more; what is under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, pending: Pending[Any]) -> None:
        with suppress(RuntimeError):  # closed: nobody waits for it
            self._pool.submit(self._run, pending)

    def _run(self, pending: Pending[Any]) -> None:
        work, pending._work = pending._work, None
        assert work is not None
        try:
            pending._future.set_result(work())
        except BaseException as error:  # whoever asks for the result gets it
            pending._future.set_exception(error)
        with self._lock:
            following, pending._next = pending._next or [], None
            for other in following:
                other._missing -= 1
            ready = [other for other in following if not other._missing]
        for other in ready:
            self._submit(other)
