"""A whole folder: listed while it is done, in chunks of which only a few are in flight, each file once.

The listing runs ahead in a thread of its own, by at most :data:`_AHEAD` files. Near the end the chunks become smaller,
so that the workers end together. A chunk whose worker died is split until the file that kills workers stands alone.
"""

import queue
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

from vaecompress.batch import store
from vaecompress.batch.chunk import Chunk
from vaecompress.batch.engine import Died, Engine
from vaecompress.batch.manifest import Known, Manifest, read_part, write_part
from vaecompress.batch.task import Record, Settings, Task
from vaecompress.batch.work import lost
from vaecompress.errors import OutputError, UsageError
from vaecompress.media.suffixes import PICTURE_SUFFIXES, STREAM_SUFFIXES, VIDEO_SUFFIXES

DEFAULT_CHUNK = 200
DEFAULT_TIMEOUT_S = 300.0

LOST = 10
"""Exit code of a file whose worker died at it."""

_AHEAD = 100_000
_SHARES = 4
"""Near the end a chunk is a quarter of a worker's share of what is left."""

_DEATHS_ALONE = 2
"""A file that was alone when its worker died is tried once more: it may have been hit by what hit the worker."""

_MAX_DEATHS_AT_NOTHING = 100


@dataclass(frozen=True)
class Plan:
    """What to do. ``source`` and ``output`` are folders by path or URL; ``scheduler`` None starts one here."""

    source: str
    output: str
    manifest: str
    settings: Settings
    workers: int | None = None
    scheduler: str | None = None
    chunk: int = DEFAULT_CHUNK
    retries: int = 3
    timeout_s: float = DEFAULT_TIMEOUT_S
    update: bool = False

    @property
    def suffixes(self) -> frozenset[str]:
        """Those of files to take."""
        return STREAM_SUFFIXES if self.settings.verb == "decode" else PICTURE_SUFFIXES | VIDEO_SUFFIXES


@dataclass
class Summary:
    """What a run did. ``exit_code`` is the highest of all files, those of earlier runs included."""

    found: int = 0
    done: int = 0
    failed: int = 0
    passed_over: int = 0
    failed_before: int = 0
    changed: int = 0
    left_out: int = 0
    pixels: int = 0
    source_bytes: int = 0
    output_bytes: int = 0
    seconds: float = 0.0
    cores: int = 1
    work_s: float = 0.0
    exit_code: int = 0
    stopped: bool = False
    total_db: float = 0.0
    with_db: int = 0

    def add(self, record: Record) -> None:
        """Count a file."""
        self.exit_code = max(self.exit_code, record.exit_code)
        self.work_s += record.seconds
        if record.exit_code:
            self.failed += 1
            return
        self.done += 1
        self.pixels += record.pixels
        self.source_bytes += record.source_bytes
        self.output_bytes += record.output_bytes
        if record.psnr_db is not None:
            self.total_db += record.psnr_db
            self.with_db += 1

    @property
    def megapixels_per_s_per_core(self) -> float:
        """Speed, the start of the workers left out."""
        return self.pixels / 1e6 / self.seconds / self.cores if self.seconds else 0.0


class Watcher(Protocol):
    """Who is told how it goes."""

    def failed(self, record: Record) -> None:
        """A file failed."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def progress(self, done: int, total: int | None, megapixels_per_s_per_core: float) -> None:
        """So many files are done; ``total`` is None until the listing is through."""


def run(plan: Plan, watcher: Watcher) -> Summary:
    """Do all files of a folder that are not done yet.

    On KeyboardInterrupt each worker ends the file it is at, and the summary says ``stopped``. Raises UsageError,
    StoreError where listing or manifest cannot be read, OutputError where outputs cannot be written any more; what is
    done by then is in the manifest.
    """
    manifest = Manifest(plan.manifest, plan.retries)
    summary = Summary()
    listing = _Listing(plan, manifest.known(), summary)
    manifest.write_run(_facts(plan, None))
    return _Run(plan, manifest, listing, summary, watcher).go()


class _Listing(threading.Thread):
    """Tasks, listed ahead of the work."""

    def __init__(self, plan: Plan, known: Known, summary: Summary) -> None:
        super().__init__(daemon=True)
        self._plan, self._known, self._summary = plan, known, summary
        self._tasks: queue.Queue[Task | None] = queue.Queue(_AHEAD)
        self._error: Exception | None = None
        self.is_over = False

    def run(self) -> None:
        """List all files, keep those to be done."""
        try:
            for found in store.find_files(self._plan.source, self._plan.retries):
                if found.place.suffix.lower() not in self._plan.suffixes:
                    self._summary.left_out += 1
                    continue
                self._summary.found += 1
                task = self._task(found)
                if self._is_wanted(task):
                    self._tasks.put(task)
        except Exception as error:  # told to whoever waits
            self._error = error
        self.is_over = True
        self._tasks.put(None)

    def take(self, chunk: int, shares: int) -> tuple[Task, ...]:
        """The next tasks: at most ``chunk``, and no more than one of ``shares`` equal parts of what is left.

        Raises what the listing raised, once there is nothing more.
        """
        tasks: list[Task] = []
        while len(tasks) < self._size(chunk, shares, len(tasks)):
            task = self._tasks.get()
            if task is None:
                self._tasks.put(None)
                break
            tasks.append(task)
        if self._error and not tasks:
            raise self._error
        return tuple(tasks)

    def _size(self, chunk: int, shares: int, taken: int) -> int:
        left = self._tasks.qsize() - 1 + taken
        return max(1, min(chunk, -(-left // shares))) if self.is_over else chunk

    def _task(self, found: store.Found) -> Task:
        place, plan = found.place, self._plan
        name = PurePosixPath(f"{place}.bin") if plan.settings.verb == "encode" else _without_suffix(place)
        output = store.join(plan.output, name)
        return Task(found.source, output, plan.settings, found.version, found.size_bytes, plan.retries)

    def _is_wanted(self, task: Task) -> bool:
        code = self._known.exit_code(task)
        if code is not None:
            self._summary.passed_over += 1
            self._summary.failed_before += code != 0
            self._summary.exit_code = max(self._summary.exit_code, code)
        elif not self._plan.update and self._known.has_other(task):
            self._summary.changed += 1
            self._summary.exit_code = max(self._summary.exit_code, OutputError.exit_code)
        else:
            return True
        return False


def _without_suffix(place: PurePosixPath) -> PurePosixPath:
    """``a.png`` of ``a.png.bin``; other names stay whole, so that no two files become one."""
    stem = place.with_suffix("")
    return stem if stem.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES else place


@dataclass
class _Run:
    plan: Plan
    manifest: Manifest
    listing: _Listing
    summary: Summary
    watcher: Watcher
    reported: list[int] = field(default_factory=lambda: [0, 0])
    number: int = 0
    fault: str = ""
    began: float = 0.0
    has_told_total: bool = False
    deaths_at_nothing: int = 0

    def go(self) -> Summary:
        self.listing.start()
        first = self.listing.take(1, 1)
        if first:
            with Engine(self.manifest.run, self.plan.workers, self.plan.scheduler, self._report) as engine:
                self.began = time.monotonic()
                self.summary.cores = engine.cores
                self._work_or_drain(first, engine)
                self.summary.seconds = time.monotonic() - self.began
        self.manifest.write_run(_facts(self.plan, self.summary))
        if self.fault:
            raise OutputError(f"{self.fault}; run it again when that is mended, and it goes on")
        if not self.summary.found and not self.summary.stopped:
            raise UsageError(f"{self.plan.source}: holds no file to {self.plan.settings.verb}")
        return self.summary

    def _work_or_drain(self, first: tuple[Task, ...], engine: Engine) -> None:
        try:
            engine.submit(self._chunk(first))
            self._fill(engine)
            self._work(engine)
        except KeyboardInterrupt:
            self._drain(engine)

    def _work(self, engine: Engine) -> None:
        for chunk, outcome in engine.outcomes():
            if isinstance(outcome, Died):
                self._split(chunk, engine)
            else:
                self.deaths_at_nothing = 0
                self._count(outcome.records)
                if outcome.fault and not self.fault:
                    self.fault = outcome.fault
                    engine.stop()
            self._fill(engine)
            if self.listing.is_over and not self.has_told_total:
                self.manifest.write_run(_facts(self.plan, self.summary))
                self.has_told_total = True

    def _fill(self, engine: Engine) -> None:
        cores = engine.cores
        while engine.in_flight < 2 * cores and not self.fault:
            tasks = self.listing.take(self.plan.chunk, _SHARES * cores)
            if not tasks:
                return
            engine.submit(self._chunk(tasks))

    def _chunk(self, tasks: tuple[Task, ...]) -> Chunk:
        self.number += 1
        part = self.manifest.part(f"{self.number:07d}")
        return Chunk(self.manifest.run, part, tasks, self.plan.timeout_s, self.plan.retries)

    def _split(self, chunk: Chunk, engine: Engine) -> None:
        """Have done what a dead worker has not recorded: by halves, so that each death halves the suspects."""
        records = read_part(chunk.part, self.plan.retries)
        if records is None:  # it was waiting behind the chunk that the worker died of
            self._wait_again(chunk, engine)
            return
        self._count(records)
        keys = {record.key for record in records}
        left = tuple(task for task in chunk.tasks if task.key not in keys)
        if len(left) == 1 and chunk.tasks == left and chunk.deaths + 1 >= _DEATHS_ALONE:
            self._give_up(chunk)
            return
        self.deaths_at_nothing = 0
        middle = len(left) // 2
        for tasks in (left[:middle], left[middle:]):
            if tasks:
                again = self._chunk(tasks)
                engine.submit(replace(again, deaths=chunk.deaths + 1 if tasks == chunk.tasks else 0))

    def _wait_again(self, chunk: Chunk, engine: Engine) -> None:
        self.deaths_at_nothing += 1
        if self.deaths_at_nothing > _MAX_DEATHS_AT_NOTHING:
            self.fault = "workers die before they begin (too little memory?)"
            engine.stop()
        else:
            engine.submit(chunk)

    def _give_up(self, chunk: Chunk) -> None:
        (task,) = chunk.tasks
        record = lost(task, f"{task.source}: its worker died at it, {_DEATHS_ALONE} times (out of memory?)", LOST)
        write_part(chunk.part, [record], self.plan.retries)
        self._count([record])

    def _drain(self, engine: Engine) -> None:
        self.summary.stopped = True
        self.watcher.note("stopping: each worker ends its file (once more stops at once)")
        engine.stop()
        for chunk, outcome in engine.outcomes():
            records = read_part(chunk.part, self.plan.retries) if isinstance(outcome, Died) else outcome.records
            self._count(records or ())

    def _count(self, records: "list[Record] | tuple[Record, ...]") -> None:
        for record in records:
            self.summary.add(record)
            if record.exit_code:
                self.watcher.failed(record)

    def _report(self, files: int, pixels: int) -> None:
        """Told by the workers, in a thread of the engine."""
        self.reported[0] += files
        self.reported[1] += pixels
        total = self.summary.found - self.summary.passed_over - self.summary.changed
        speed = self.reported[1] / 1e6 / max(time.monotonic() - self.began, 1e-3) / self.summary.cores
        self.watcher.progress(self.reported[0], total if self.listing.is_over else None, speed)


def _facts(plan: Plan, summary: Summary | None) -> dict[str, object]:
    facts: dict[str, object] = {"source": plan.source, "output": plan.output, "settings": plan.settings.text}
    if summary is not None:
        facts |= {"found": summary.found, "left_out": summary.left_out, "stopped": summary.stopped}
    return facts
