"""What is made of a picture or clip to train on, with the codec's own encoder: how it is named after it, and packed."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from vaecompress.codec.video import in_order
from vaecompress.train.data.pack import Packed, Shards
from vaecompress.train.data.sources import Entry, Kind

Progress = Callable[[int, int], None]


class Made(Protocol):
    """A file's worth of it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def to_bytes(self) -> bytes:
        """The file."""
        ...


def name_of(source: str, number: int, suffix: str) -> str:
    """The file name of what is made of a picture or clip called ``source``."""
    return f"{source}.{number:03}{suffix}"


def origin_of(name: str) -> str:
    """The inverse of :func:`name_of`: the picture or clip."""
    return name.rpartition(".")[0].rpartition(".")[0]


def pack_made(
    sources: Sequence[Path],
    kind: Kind,
    exclude: frozenset[str],
    make: Callable[[Entry], Sequence[Made] | None],
    suffix: str,
    shards: Shards,
    workers: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Pack what ``make`` gives of each picture or clip of a ``kind``; returns the manifest.

    ``make`` gives nothing where one is too small, None where it is damaged. ``progress`` is told how many are done, and
    their number. Raises InputError where a source is missing or nothing was made.
    """
    skipped: Counter[str] = Counter()
    entries = kind.entries(sources, exclude, skipped)
    for done, (name, made) in enumerate(in_order(lambda entry: (entry.name, make(entry)), entries, workers)):
        if not made:
            skipped["corrupt" if made is None else "too small"] += 1
        for number, one in enumerate(made or []):
            if not shards.add(Packed(name, name_of(name, number, suffix), one.to_bytes(), *one.size)):
                skipped["larger than a shard"] += 1
        if progress:
            progress(done + 1, len(entries))
    return shards.finish(sources, skipped)
