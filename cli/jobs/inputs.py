"""Inputs: names as given, folders searched for files; and whether a file is a picture or a video."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vaecompress.errors import UsageError
from vaecompress.media.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES

from ..console import Console
from .outputs import is_special

if TYPE_CHECKING:
    from vaecompress.train.data.sources import Kind

STREAM_SUFFIX = ".bin"

_SNIFFED_BYTES = 32
_NAMES_SHOWN = 5
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_STANDARD_INPUT = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_STANDARD_OUTPUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def input_path(text: str) -> Path | None:
    """An input as given on the command line; None is standard input. Raises :class:`UsageError`."""
    _check_name(text, "download the file, then name it")
    return None if text in _STANDARD_INPUT else Path(text)


def output_path(text: str) -> Path | None:
    """An output as given on the command line; None is standard output. Raises :class:`UsageError`."""
    _check_name(text, "name a file, then upload it")
    return None if text in _STANDARD_OUTPUT else Path(text)


def _check_name(text: str, instead: str) -> None:
    if not text:
        raise UsageError("one of the names given is empty: is a shell variable unset?")
    if _ADDRESS.match(text) and not os.path.exists(text):
        raise UsageError(f"{text}: only 'vaecompress batch' takes addresses; {instead}")


def names_folder(text: str) -> bool:
    """Whether an output stands for a folder: it is one, or ends with a slash."""
    return text not in _STANDARD_OUTPUT and (text.endswith(("/", "\\")) or os.path.isdir(text))


@dataclass(frozen=True)
class Found:
    """An input of a batch: its place below the output folder, and what is wrong with it if that is known already."""

    path: Path
    place: Path
    trouble: str | None = None


@dataclass
class Search:
    """Looks for files with ``suffixes`` in folders, and remembers what it passes over."""

    suffixes: Collection[str]
    left_out: list[Path] = field(default_factory=list)
    linked_folders: list[Path] = field(default_factory=list)

    def files(self, inputs: Sequence[Path]) -> Iterator[Found]:
        """Each file to do: folders are searched, their subfolders mirrored.

        A file given by itself is taken whatever its name. Links to folders are not followed, hidden files are passed
        over. A folder that cannot be read, and a link that leads nowhere, are found, with their trouble.
        """
        for path in inputs:
            if os.path.isdir(path):
                yield from self._walk(path, Path())
            else:
                yield Found(path, Path(path.name))

    def _walk(self, folder: Path, place: Path) -> Iterator[Found]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(folder, place, f"this folder cannot be read: {error.strerror}")
            return
        for entry in entries:
            path, below = folder / entry.name, place / entry.name
            if entry.name.startswith("."):
                continue
            if os.path.isdir(path):
                if entry.is_symlink():
                    self.linked_folders.append(path)
                else:
                    yield from self._walk(path, below)
            elif path.suffix.lower() not in self.suffixes or not (os.path.isfile(path) or entry.is_symlink()):
                self.left_out.append(path)
            elif os.path.isfile(path):
                yield Found(path, below)
            else:
                yield Found(path, below, f"this link leads to {os.readlink(path)}, which does not exist")

    def report(self, console: Console, why: str) -> None:
        """Say what was passed over: linked folders by name, other files by suffix, or each when verbose."""
        for path in self.linked_folders:
            console.say(f"note: {path}: links to folders are not followed; name it as an input of its own")
        if not self.left_out:
            return
        kinds = Counter(map(_kind, self.left_out))
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        console.say(f"note: files left out, {why}: {len(self.left_out)} ({listed})")
        for path in self.left_out if console.verbose else ():
            console.say(f"note: {path}: left out")


def _kind(path: Path) -> str:
    return "pipe or device" if is_special(path) else path.suffix.lower() or "without suffix"


def is_video(path: Path) -> bool:
    """Whether to read ``path`` as a video. What looks like neither by name or content is tried as one."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES or suffix in VIDEO_SUFFIXES:
        return suffix in VIDEO_SUFFIXES
    if not os.path.isfile(path):
        return False
    try:
        with path.open("rb") as file:
            return not is_picture_data(file.read(_SNIFFED_BYTES))
    except OSError:
        return False


def is_picture_data(data: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture."""
    from vaecompress.media.picture_kinds import sniff

    return not data or sniff(data[:_SNIFFED_BYTES]) is not None


def excluded_names(
    lists: Sequence[Path], sources: Sequence[Path], console: Console, kind: "Kind | None" = None
) -> frozenset[str]:
    """The names in the lists of ``--exclude``; says which of them nothing of ``kind`` (pictures) in ``sources`` has.

    Raises InputError (a list that cannot be read).
    """
    from vaecompress.train.data.sources import PICTURES, listed_names, unmatched

    kind = kind or PICTURES
    for each in lists:
        absent = unmatched(listed_names([each]), sources, kind)
        if absent:
            shown = ", ".join(absent[:_NAMES_SHOWN]) + ", ..." * (len(absent) > _NAMES_SHOWN)
            console.notes(str(each), [f"names that match no {kind.noun}: {len(absent)} ({shown})"])
    return listed_names(lists)
