"""Opening what is to be read, a path or bytes, with the file limit checked first."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vaecompress.errors import InputError
from vaecompress.limits import Limits


@contextmanager
def open_source(source: Path | str | bytes, limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    """Yield a name for messages and a seekable binary file.

    Raises InputError (missing, a folder, or not readable) or LimitError (more bytes than ``limits`` allow).
    """
    if isinstance(source, bytes):
        limits.check_file(len(source))
        yield "input", io.BytesIO(source)
        return
    path = existing_file(source, limits)
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        yield str(path), file


def existing_file(source: Path | str, limits: Limits) -> Path:
    """Return ``source`` as the path of a file within the limits.

    Raises InputError (missing, a folder, or empty) or LimitError (more bytes than ``limits`` allow).
    """
    path = Path(source)
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file")
    if size_bytes == 0 and path.is_file():
        raise InputError(f"{path}: is empty")
    limits.check_file(size_bytes)
    return path
