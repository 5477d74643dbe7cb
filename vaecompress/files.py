"""Writing a run's files so that a crash leaves either the old file or the new one."""

import contextlib
import os
from pathlib import Path

from vaecompress.errors import OutputError


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` as ``.part``, flush it to the disk, then rename it into place.

    Makes the folder if need be. Raises :class:`OutputError` when that cannot be done.
    """
    part = path.with_name(path.name + ".part")
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
