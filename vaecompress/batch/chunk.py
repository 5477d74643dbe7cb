"""A chunk of tasks, one after the other in one worker process; its part of the manifest is never far behind."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vaecompress.batch.manifest import read_part, write_part
from vaecompress.batch.store import StoreError
from vaecompress.batch.task import Record, Task
from vaecompress.batch.work import decode_file, encode_file, lost
from vaecompress.errors import LimitError, OutputError

FLUSH_S = 2.0
"""A worker that dies has done at most so much in vain, and the file it was at."""

LOOK_S = 0.2
"""How often a chunk's watch looks at the clock."""

stopped: set[str] = set()
"""Runs that are to end after the file they are at."""

Report = Callable[[int, int], None]
"""Told the files and pixels done since it was told last."""


@dataclass(frozen=True)
class Chunk:
    """Tasks, and where their records go.

    ``timeout_s`` is the limit for one file; ``deaths`` counts workers that died at just these tasks.
    """

    run: str
    part: str
    tasks: tuple[Task, ...]
    timeout_s: float
    retries: int
    deaths: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of a chunk: its records, and why nothing further should be tried ("" if it should)."""

    records: tuple[Record, ...]
    fault: str = ""


def run_chunk(chunk: Chunk, report: Report) -> Outcome:
    """Do the tasks of a chunk that its part does not hold yet; an earlier worker may have died in the middle."""
    try:
        page = _Page(chunk, report)
    except StoreError as error:
        return Outcome((), str(error))
    with page.watch:
        return _done(chunk, page)


def _done(chunk: Chunk, page: "_Page") -> Outcome:
    try:
        for task in chunk.tasks:
            if chunk.run in stopped:
                break
            if task.key not in page.keys:
                page.do(task)
        page.flush()
    except (OutputError, StoreError) as error:
        page.try_to_flush()
        return Outcome(tuple(page.records), str(error))
    return Outcome(tuple(page.records))


class _Page:
    """The records of a chunk, on their way to the manifest."""

    def __init__(self, chunk: Chunk, report: Report) -> None:
        """Read the part. One that is not there is begun, so that it shows which chunk a dead worker was at."""
        self._chunk, self._report = chunk, report
        found = read_part(chunk.part, chunk.retries)
        if found is None:
            write_part(chunk.part, [], chunk.retries)
        self.records = found or []
        self.keys = {record.key for record in self.records}
        self._flushed, self._flushed_at = len(self.records), time.monotonic()
        self._lock = threading.Lock()
        self.watch = _Watch(self._expire)

    def do(self, task: Task) -> None:
        """Do one task. One that takes too long is recorded, and takes this process with it: nothing else ends it."""
        self.watch.over(task, time.monotonic() + self._chunk.timeout_s)
        try:
            record = (encode_file if task.settings.verb == "encode" else decode_file)(task)
        finally:
            self.watch.over(None)
        with self._lock:
            self.records.append(record)
        if time.monotonic() - self._flushed_at > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write the part. Raises StoreError."""
        with self._lock:
            fresh = self.records[self._flushed :]
            if fresh:
                write_part(self._chunk.part, self.records, self._chunk.retries)
                self._report(len(fresh), sum(record.pixels for record in fresh))
            self._flushed, self._flushed_at = len(self.records), time.monotonic()

    def try_to_flush(self) -> None:
        """Write the part if that can be done: its disk may be the one that is full."""
        try:
            self.flush()
        except StoreError:
            return

    def _expire(self, task: Task) -> None:
        error = f"{task.source}: took longer than {self._chunk.timeout_s:g} s (--timeout)"
        with self._lock:
            if self.records and self.records[-1].key == task.key:  # done at the last moment
                return
            self.records.append(lost(task, error, LimitError.exit_code))
        try:
            self.try_to_flush()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)


class _Watch:
    """One thread for a whole chunk that calls ``expire`` with a task whose time is up. A context manager.

    Small pictures would wait for a thread of their own to start.
    """

    def __init__(self, expire: Callable[[Task], None]) -> None:
        self._expire = expire
        self._at: tuple[Task | None, float] = None, 0.0
        self._ended = threading.Event()

    def over(self, task: Task | None, until: float = 0.0) -> None:
        """Watch over a task until a time of the monotonic clock, or over none."""
        self._at = task, until

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            task, until = self._at
            if task is not None and time.monotonic() > until:
                self._expire(task)
