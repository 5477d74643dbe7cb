"""The file as a whole: write it at once or chunk by chunk, open it, read single chunks.

FORMAT.md, "File". A reader looks at header and directory only, until it is asked for a chunk.
"""

import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Self

from vaecompress.bitstream import chunks
from vaecompress.bitstream.chunks import Chunk
from vaecompress.bitstream.directory import Entry, Header, find_fault, find_unsupported, parse, serialise
from vaecompress.errors import CorruptError, InputError, UsageError
from vaecompress.limits import Limits

_DEFAULT_LIMITS = Limits()
_BLOCK_BYTES = 1 << 20


def write(header: Header, body_chunks: Iterable[Chunk]) -> bytes:
    """The whole file in memory. Raises :class:`UsageError` when header and chunks do not make a legal file."""
    listed = list(body_chunks)
    head = _legal_head(header, [Entry(chunk.type, 0, len(chunk.body), zlib.crc32(chunk.body)) for chunk in listed])
    return head + b"".join(chunk.body for chunk in listed)


class ContainerWriter:
    """Writes a file whose chunks come one by one, in constant memory.

    Bodies wait in an unnamed temporary file (in ``spool_dir``, which needs room for them; the system's place for such
    files by default), because the directory comes first in the file. ``header`` may change until then. ``file`` is only
    written to, and only by :meth:`close`; it stays open. As a context manager it closes on success and writes nothing
    after an exception.
    """

    def __init__(self, file: BinaryIO, header: Header, spool_dir: Path | None = None) -> None:
        self._file = file
        self.header = header
        self._spool = tempfile.TemporaryFile(dir=spool_dir)  # noqa: SIM115
        self._entries: list[Entry] = []

    def append(self, chunk: Chunk) -> None:
        """Add a chunk after those already there. Raises :class:`OSError` when the spool cannot grow."""
        self.append_blocks(chunk.type, [chunk.body])

    def append_blocks(self, chunk_type: str, blocks: Iterable[bytes]) -> None:
        """As :meth:`append`, a body that comes block by block."""
        start, crc = self._spool.tell(), 0
        for block in blocks:
            self._spool.write(block)
            crc = zlib.crc32(block, crc)
        self._entries.append(Entry(chunk_type, start, self._spool.tell() - start, crc))

    @property
    def size_bytes(self) -> int:
        """Of the file, were it closed now."""
        return len(serialise(self.header, self._entries)) + self._spool.tell()

    def close(self) -> None:
        """Write the file. Raises :class:`UsageError` when the chunks do not make a legal one, or :class:`OSError`."""
        with self._spool:
            head = _legal_head(self.header, self._entries)
            self._file.write(head)
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, self._file, _BLOCK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            self.close()
        else:
            self._spool.close()


def _legal_head(header: Header, entries: Sequence[Entry]) -> bytes:
    types = [entry.type for entry in entries]
    malformed = [name for name in types if not chunks.is_chunk_type(name)]
    fault = f"{malformed[0]!r} is no chunk type" if malformed else None
    fault = fault or find_unsupported(header, types) or find_fault(header, types)
    if fault:
        raise UsageError(f"cannot write such a file: {fault}")
    return serialise(header, entries)


class Container:
    """An open file: its header, its directory, its chunks on demand. Safe to share between threads.

    ``frames`` are the directory's entries of a video's frames, in the order of showing; none for a picture.
    """

    def __init__(self, file: BinaryIO, size_bytes: int, header: Header, directory: tuple[Entry, ...]) -> None:
        self._file = file
        self._reading = Lock()
        self.size_bytes = size_bytes
        self.header = header
        self.directory = directory
        self.frames = tuple(entry for entry in directory if entry.type in chunks.FRAME_TYPES)

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        limits: Limits = _DEFAULT_LIMITS,
        *,
        partial: bool = False,
    ) -> Self:
        """Open a path, the bytes of a file, or a seekable binary file (which then belongs to the container).

        Reads and checks header and directory. ``partial`` lets bodies be missing at the end, or followed by other
        bytes; only :meth:`read` then complains. Raises :class:`CorruptError`, :class:`UnsupportedError`,
        :class:`LimitError`, or :class:`InputError` when a path cannot be read.
        """
        file = _open_binary(source)
        try:
            size_bytes = file.seek(0, io.SEEK_END)
            limits.check_file(size_bytes)
            header, directory = parse(file, size_bytes, limits)
            if not partial:
                _check_extent(directory, size_bytes)
        except BaseException:
            file.close()
            raise
        return cls(file, size_bytes, header, directory)

    def find(self, chunk_type: str) -> Entry | None:
        """The first chunk of this type."""
        return next((entry for entry in self.directory if entry.type == chunk_type), None)

    def read(self, entry: Entry) -> bytes:
        """Body of a chunk; :class:`CorruptError` when it is damaged or missing."""
        self._check_present(entry)
        body = self._read_at(entry.offset, entry.length)
        _check_crc(entry, zlib.crc32(body))
        return body

    def blocks(self, entry: Entry) -> Iterator[bytes]:
        """Body of a long chunk, block by block; :class:`CorruptError` at its end when it is damaged."""
        self._check_present(entry)
        crc, end = 0, entry.offset + entry.length
        for offset in range(entry.offset, end, _BLOCK_BYTES):
            block = self._read_at(offset, min(end - offset, _BLOCK_BYTES))
            crc = zlib.crc32(block, crc)
            yield block
        _check_crc(entry, crc)

    def section(self, entry: Entry, start: int = 0) -> BinaryIO:
        """The body from byte ``start`` on as a file of its own, to be read only; nothing is checked."""
        return io.BufferedReader(_Section(self._read_at, entry.offset + start, entry.length - start), _BLOCK_BYTES >> 4)

    def start_of(self, entry: Entry, size: int) -> bytes:
        """The first ``size`` bytes of a chunk, unchecked; fewer where the chunk, or what is there of it, is shorter."""
        return self._read_at(entry.offset, min(size, entry.length))

    def verify(self) -> None:
        """Check every chunk, known or not, in constant memory; :class:`CorruptError` names the first bad one."""
        for entry in self.directory:
            self.check(entry)

    def check(self, entry: Entry) -> None:
        """Raise :class:`CorruptError` when a chunk is damaged or missing, in constant memory."""
        for _ in self.blocks(entry):
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_at(self, offset: int, size: int) -> bytes:
        with self._reading:
            self._file.seek(offset)
            return self._file.read(size)

    def _check_present(self, entry: Entry) -> None:
        if entry.offset + entry.length > self.size_bytes:
            raise CorruptError(f"chunk {entry.type} at byte {entry.offset} is cut off; fetch the file again")


class _Section(io.RawIOBase):
    """``length`` bytes from ``start`` on of what ``read_at`` reads, as a file."""

    def __init__(self, read_at: Callable[[int, int], bytes], start: int, length: int) -> None:
        self._read_at, self._start, self._length = read_at, start, max(length, 0)
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._place = max(0, offset + (0, self._place, self._length)[whence])
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        data = self._read_at(self._start + self._place, max(0, min(len(buffer), self._length - self._place)))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def _open_binary(source: str | os.PathLike[str] | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        return source
    try:
        return open(source, "rb")
    except OSError as error:
        raise InputError(f"{os.fspath(source)}: cannot be read: {error.strerror}") from error


def _check_extent(directory: Sequence[Entry], size_bytes: int) -> None:
    end = directory[-1].offset + directory[-1].length
    if end > size_bytes:
        raise CorruptError(f"file has {size_bytes} of {end} bytes: cut off; fetch it again or decode what is there")
    if end < size_bytes:
        raise CorruptError(f"{size_bytes - end} bytes follow the last chunk at byte {end}; fetch the file again")


def _check_crc(entry: Entry, crc: int) -> None:
    if crc != entry.crc:
        raise CorruptError(f"chunk {entry.type} at byte {entry.offset} is damaged: CRC differs; fetch the file again")
