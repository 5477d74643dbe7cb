"""Outputs that are whole or not there: written under a name of our own beside their place, then renamed.

What is not a regular file (a pipe, a device) cannot be renamed into place, and is written to directly. A link stays a
link: what it leads to is replaced. A lock on the unfinished file keeps two runs from writing one output; it ends with
its process, so what a killed run left is taken over.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaecompress.errors import OutputError
from vaecompress.files import MAX_NAME_BYTES, part_of

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where an open file cannot be renamed anyway
    fcntl = None  # type: ignore[assignment]

_parts: set[Path] = set()
_parts_lock = threading.Lock()


class BusyError(OutputError):
    """Another run is writing this very output."""


def check_output(path: Path, force: bool, folder: bool = False) -> None:
    """Raise :class:`OutputError` when a file (or a ``folder``) cannot be put at ``path``, before any work is done."""
    if (length := len(os.fsencode(path.name))) > MAX_NAME_BYTES:
        raise OutputError(f"{path}: this name has {length} bytes, and {MAX_NAME_BYTES} are allowed: name a shorter one")
    if not os.path.isdir(path.parent):
        raise OutputError(f"{path}: its folder does not exist; make it first")
    if os.path.isdir(path) != folder and os.path.exists(path):
        raise OutputError(f"{path}: is {'no' if folder else 'a'} folder; name another output")
    home = path if folder and os.path.isdir(path) else path.parent
    if not is_special(path) and not os.access(home, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: its folder cannot be written to; name another output")
    if not force and _is_taken(path):
        raise OutputError(f"{path}: exists; name another output or give --force")


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises :class:`OutputError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the folder cannot be made: {error.strerror}") from error


def is_special(path: Path) -> bool:
    """Whether ``path`` is a pipe, a device or the like: something that is there and holds no file."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


@contextmanager
def writing(path: Path, force: bool) -> Iterator[Path]:
    """Yield the path to write to. It takes the place of ``path`` at the end, and is removed after an exception.

    An output that is replaced keeps its permissions. Raises :class:`OutputError` when ``path`` exists and ``force`` is
    not given, or on any ``OSError``; :class:`BusyError` when another run is writing it.
    """
    check_output(path, force)
    if is_special(path):
        with as_output_error(path):
            yield path
        return
    place = path.resolve() if os.path.islink(path) else path
    with _part(path, part_of(place), os.O_RDWR | os.O_CREAT) as part:
        check_output(path, force)  # another run may have just finished it
        yield part
        check_output(path, force)
        if place.is_file():
            shutil.copymode(place, part)
        os.replace(part, place)


@contextmanager
def writing_folder(path: Path, force: bool) -> Iterator[Path]:
    """As :func:`writing`, for a folder of files; with ``force`` they replace those of the same name."""
    check_output(path, force, folder=True)
    exists = path.is_dir()
    with _part(path, part_of(path / "frames" if exists else path), os.O_RDONLY) as part:
        yield part
        if exists:
            for file in part.iterdir():
                os.replace(file, path / file.name)
            part.rmdir()
        else:
            part.rename(path)


@contextmanager
def as_output_error(name: object) -> Iterator[None]:
    """Turn an ``OSError`` into an :class:`OutputError` about ``name``."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{name}: cannot be written: {error.strerror or error}") from error


@contextmanager
def temporary_errors() -> Iterator[None]:
    """Turn an ``OSError`` about temporary files into an :class:`OutputError` that says where they are."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = f"temporary files cannot be written: {error.strerror or error}"
        raise OutputError(f"{tempfile.gettempdir()}: {why}; TMPDIR names another place") from error


def _is_taken(path: Path) -> bool:
    if os.path.isdir(path):
        return any(path.iterdir())
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))


@contextmanager
def _part(path: Path, part: Path, flags: int) -> Iterator[Path]:
    """An empty file, or a folder where ``flags`` ask for reading only, at ``part``; removed after an exception.

    It is removed under its lock, taken again: Ctrl-C may come when it is there and nobody has been told yet.
    """
    with _parts_lock:
        if part in _parts:
            raise OutputError(f"{path}: is being written already; name each output once")
        _parts.add(part)
    try:
        with as_output_error(path), _locked(path, part, flags):
            yield part
    except BaseException:
        with suppress(OSError, BusyError), _locked(path, part, flags):
            _remove(part)
        raise
    finally:
        with _parts_lock:
            _parts.discard(part)


@contextmanager
def _locked(path: Path, part: Path, flags: int) -> Iterator[None]:
    """Make ``part``, or take over what is left of it, and hold its lock. Raises BusyError where another run does."""
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
            raise BusyError(f"{path}: is being written by another run; wait for it or name another output")
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
