"""Outputs that are whole or not there: written beside their place as ``.part``, then renamed.

What is not a regular file (a pipe, a device) cannot be renamed into place, and is written to directly. A lock on the
``.part`` keeps two runs from writing one output; it ends with its process, so what a killed run left is taken over.
"""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vaecompress.errors import OutputError, UsageError

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where an open file cannot be renamed anyway
    fcntl = None  # type: ignore[assignment]

_parts: set[Path] = set()
_parts_lock = threading.Lock()


def check_output(path: Path, force: bool, folder: bool = False) -> None:
    """Raise :class:`OutputError` when a file (or a ``folder``) cannot be put at ``path``, before any work is done."""
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist; make it first")
    if path.is_dir() != folder and path.exists():
        raise OutputError(f"{path}: is {'no' if folder else 'a'} folder; name another output")
    if not force and (any(path.iterdir()) if path.is_dir() else path.is_file() or _leads_nowhere(path)):
        raise OutputError(f"{path}: exists; name another output or give --force")
    if not _is_special(path) and not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: its folder cannot be written to; name another output")


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises :class:`OutputError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the folder cannot be made: {error.strerror}") from error


@contextmanager
def writing(path: Path, force: bool) -> Iterator[Path]:
    """Yield the path to write to. It takes the place of ``path`` at the end, and is removed after an exception.

    Raises :class:`OutputError` when ``path`` exists and ``force`` is not given, or on any ``OSError``.
    """
    check_output(path, force)
    if _is_special(path):
        with _as_output_error(path):
            yield path
        return
    with _part(path, os.O_RDWR | os.O_CREAT) as part:
        yield part
        check_output(path, force)
        os.replace(part, path)


@contextmanager
def writing_folder(path: Path, force: bool) -> Iterator[Path]:
    """As :func:`writing`, for a folder of files; with ``force`` they replace those of the same name."""
    check_output(path, force, folder=True)
    with _part(path, os.O_RDONLY) as part:
        yield part
        if path.is_dir():
            for file in part.iterdir():
                os.replace(file, path / file.name)
            part.rmdir()
        else:
            part.rename(path)


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _part(path: Path, flags: int) -> Iterator[Path]:
    """An empty file, or a folder where ``flags`` ask for reading only, beside ``path``; removed after an exception."""
    part = path.with_name(path.name + ".part")
    with _parts_lock:
        if part in _parts:
            raise OutputError(f"{path}: is being written already; name each output once")
        _parts.add(part)
    try:
        with _as_output_error(path), _locked(part, flags):
            try:
                yield part
            except BaseException:
                _remove(part)
                raise
    finally:
        with _parts_lock:
            _parts.discard(part)


@contextmanager
def _locked(part: Path, flags: int) -> Iterator[None]:
    """Make ``part``, or take over what is left of it, and hold its lock. Raises OutputError where another run does."""
    folder = flags == os.O_RDONLY
    if fcntl is None:
        _remove(part)
    if folder:
        part.mkdir(exist_ok=True)
    if fcntl is None:
        yield
        return
    descriptor = os.open(part, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        if not _lock(descriptor, part):
            raise OutputError(f"{part}: is being written by another run; wait for it or name another output")
        for left in part.iterdir() if folder else ():
            _remove(left)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, part: Path) -> bool:
    """Whether ``part`` is ours alone: locked, and still the file that was opened, not one just renamed into place."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), part.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks
        return True


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _remove(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def abandon_parts() -> None:
    """Remove every part of this process, for good: called right before it ends, while other threads still write."""
    _parts_lock.acquire()
    for part in _parts:
        _remove(part)


def standard_output() -> BinaryIO:
    """Standard output for bytes. Raises :class:`UsageError` when it is a terminal."""
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal: send it to a file or a pipe")
    return sys.stdout.buffer
