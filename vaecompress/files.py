"""Writing files so that a crash leaves either the old file or the new one."""

import contextlib
import hashlib
import os
from pathlib import Path

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


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` (see :func:`part_of`), flush it to the disk, then rename it into place.

    Makes the folder if need be. Raises :class:`OutputError` when that cannot be done.
    """
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
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
