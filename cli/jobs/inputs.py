"""Inputs: single files, folders searched for files, standard input; and whether one is a picture or a video."""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from vaecompress.errors import LimitError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES

STREAM_SUFFIX = ".bin"

_SNIFFED_BYTES = 32
_BLOCK_BYTES = 1 << 20


def to_path(text: str) -> Path | None:
    """A path as given on the command line; ``-`` is None, which stands for standard input or output."""
    return None if text == "-" else Path(text)


def names_folder(text: str) -> bool:
    """Whether an output stands for a folder: it is one, or ends with a slash."""
    return text != "-" and (text.endswith(("/", "\\")) or Path(text).is_dir())


def find_files(inputs: Sequence[Path], suffixes: Collection[str], left_out: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Each file with its place below the output folder: folders are searched, their subfolders mirrored.

    A file given by itself is taken whatever its name. Files of folders without one of ``suffixes`` are added to
    ``left_out``; hidden ones are passed over.
    """
    for path in inputs:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        for file in sorted(path.rglob("*")):
            place = file.relative_to(path)
            if any(part.startswith(".") for part in place.parts) or not file.is_file():
                continue
            if file.suffix.lower() in suffixes:
                yield file, place
            else:
                left_out.append(file)


def read_standard_input(limits: Limits) -> bytes:
    """All of standard input. Raises :class:`LimitError` when it is longer than the limit, UsageError on a terminal."""
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal: send it a file, or name one")
    data = bytearray()
    while block := sys.stdin.buffer.read(_BLOCK_BYTES):
        data += block
        if len(data) > limits.max_file_bytes:
            raise LimitError(f"standard input has more than {limits.max_file_bytes} bytes, the limit")
    return bytes(data)


def is_video(path: Path) -> bool:
    """Whether to read ``path`` as a video. What looks like neither by name or content is tried as one."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES or suffix in VIDEO_SUFFIXES:
        return suffix in VIDEO_SUFFIXES
    if not path.is_file():
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
