"""Writing files so that a crash leaves either the old file or the new one."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vaecompress.errors import OutputError

MAX_NAME_BYTES = 255


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole and takes the place of ``path``.

    The name is hidden and our own: ``X.part`` may well be a user's file, a browser's unfinished download of ``X``. One
    that would be too long becomes a hash.
    """
    name = f".{path.name}.vaecompress.part"
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.vaecompress.part"
    return path.with_name(name)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside ``path`` (see :func:`part_of`), flushed to the disk at the end, then renamed into place.

    Nothing is left of it where that, or what is done with it, fails. Raises OSError.
    """
    part = part_of(path)
    try:
        with part.open("wb+") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` as :func:`replacing` does.

    Makes the folder if need be. Raises :class:`OutputError` when that cannot be done.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system can (Windows cannot open folders)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
