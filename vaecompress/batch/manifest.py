"""The manifest: a folder of JSON lines, one part a chunk, that makes a second run cheap and says how far the first got.

``part-RUN-NUMBER.jsonl`` holds a line per file (:class:`vaecompress.batch.task.Record`), later ones taking the place of
earlier ones; ``run-RUN.json`` holds what the run was to do and, once its listing is through, how many files it found.
RUN begins with the run's time, so that names sort by age.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from vaecompress.batch import store
from vaecompress.batch.task import Record, Task

_PARTS_AT_ONCE = 200


@dataclass
class Known:
    """What a manifest says is done, in about 150 bytes a file."""

    states: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)

    def exit_code(self, task: Task) -> int | None:
        """With what a task ended that was done before; None for one to be done."""
        state, code = self.states.get(task.key, (b"", 0))
        return code if state == task.state else None

    def has_other(self, task: Task) -> bool:
        """Whether the output was made of another version of the source, or with other settings."""
        return self.states.get(task.key, (task.state, 0))[0] != task.state


class Manifest:
    """A manifest in a folder or object store. Its methods raise StoreError."""

    def __init__(self, folder: str, retries: int = 3) -> None:
        self.folder, self._retries = folder, retries
        self.run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

    def part(self, number: str) -> str:
        """Path or URL of a part of this run."""
        return store.join(self.folder, f"part-{self.run}-{number}.jsonl")

    def write_run(self, facts: dict[str, Any]) -> None:
        """Say what this run is to do, or what is known of it by now."""
        target = store.join(self.folder, f"run-{self.run}.json")
        store.attempt(lambda: store.put(target, (json.dumps(facts) + "\n").encode()), target, self._retries)

    def known(self) -> Known:
        """What is done: written, or at fault itself. What a store was at fault for is not."""
        known = Known()
        for record in self.records():
            if not record.again:
                known.states[record.key] = (record.state, record.exit_code)
        return known

    def records(self) -> Iterator[Record]:
        """The lines of all parts, oldest first; what a crash of something else left half-written is passed over."""
        for text in self._read("part-", ".jsonl"):
            yield from _records(text)

    def runs(self) -> list[dict[str, Any]]:
        """What each run said of itself, oldest first."""
        return [json.loads(text) for text in self._read("run-", ".json")]

    def _read(self, start: str, suffix: str) -> Iterator[bytes]:
        names = sorted(
            place.name for place in self._places() if place.name.startswith(start) and place.suffix == suffix
        )
        for first in range(0, len(names), _PARTS_AT_ONCE):
            urls = [store.join(self.folder, name) for name in names[first : first + _PARTS_AT_ONCE]]
            texts, _ = store.attempt(partial(store.read_many, urls), self.folder, self._retries)
            yield from texts

    def _places(self) -> Iterator[PurePosixPath]:
        path = store.local_path(self.folder)
        if path is not None and not path.is_dir():
            return iter(())
        return (found.place for found in store.find_files(self.folder, self._retries))


def read_part(url: str, retries: int) -> list[Record] | None:
    """The records of a part; None where it is not there. Raises StoreError."""
    text, _ = store.attempt(lambda: _read_if_there(url), url, retries)
    return None if text is None else list(_records(text))


def _read_if_there(url: str) -> bytes | None:
    try:
        return store.read(url)
    except FileNotFoundError:
        return None


def write_part(url: str, records: Iterable[Record], retries: int) -> None:
    """Put the records of a chunk. Raises StoreError."""
    data = "".join(f"{record.to_json()}\n" for record in records).encode("utf-8", "surrogateescape")
    store.attempt(lambda: store.put(url, data), url, retries)


def _records(text: bytes) -> Iterator[Record]:
    for line in text.decode("utf-8", "surrogateescape").splitlines():
        try:
            yield Record.from_json(line)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
