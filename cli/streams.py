"""The standard streams of this process: each may be closed, a terminal, or end early."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from vaecompress.errors import InputError, LimitError, OutputError, UsageError
from vaecompress.limits import Limits

_BLOCK_BYTES = 1 << 20


def guard_standard_streams() -> None:
    """Fill the places of streams that the caller closed, so that no other file gets their numbers.

    Words for a closed standard error go nowhere; who wants a closed input or output is told so.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def silence_libraries() -> None:
    """Keep what C libraries print (libtiff, libx264, onnxruntime) off standard error, which is for our own words."""
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.flush()
        ours = os.dup(2)
        sys.stderr = open(ours, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: SIM115
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def read_standard_input(limits: Limits) -> bytes:
    """All of standard input.

    Raises :class:`UsageError` where it is closed or a terminal, and as :func:`read_all` does.
    """
    if sys.stdin is None:
        raise UsageError("standard input is closed: send it a file, or name one")
    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal: send it a file, or name one")
    return read_all(sys.stdin.buffer, "standard input", limits)


def read_all(file: BinaryIO, name: str, limits: Limits) -> bytes:
    """What a pipe holds. Raises :class:`LimitError` when it is more than the limit, :class:`InputError`."""
    data = bytearray()
    try:
        while block := file.read(_BLOCK_BYTES):
            data += block
            if len(data) > limits.max_file_bytes:
                raise LimitError(f"{name} has more than {limits.max_file_bytes} bytes, the limit")
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    return bytes(data)


def standard_output() -> BinaryIO:
    """Standard output for bytes. Raises :class:`UsageError` when it is closed or a terminal."""
    if sys.stdout is None:
        raise UsageError("standard output is closed: name a file to write")
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal: send it to a file or a pipe")
    return sys.stdout.buffer


def answer(text: str) -> None:
    """Write what was asked for to standard output. Raises :class:`OutputError` when it cannot be written."""
    if sys.stdout is None:
        raise OutputError("standard output is closed: send it to a file or a pipe")
    with standard_output_errors():
        sys.stdout.write(text)


def finish_standard_output() -> None:
    """Write what waits. Raises :class:`OutputError`."""
    if sys.stdout is not None:
        with standard_output_errors():
            sys.stdout.flush()


@contextmanager
def standard_output_errors() -> Iterator[None]:
    """Turn an ``OSError`` into an :class:`OutputError` that says where."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        leave_standard_output()
        raise OutputError(f"standard output: cannot be written: {error.strerror}") from error


def leave_standard_output() -> None:
    """Nothing more can be written there, and Python must not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
