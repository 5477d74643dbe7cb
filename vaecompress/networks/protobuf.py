"""Reads and writes protobuf's wire format (protobuf.dev, *Encoding*): just enough for a graph, strict when it reads."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from vaecompress.errors import CorruptError, UnsupportedError

VARINT, FIXED64, BLOB, FIXED32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10
MAX_FIELDS = 1 << 14
MAX_PACKED_BYTES = 1 << 16
"""Of numbers listed one by one: they take many times the memory."""

T = TypeVar("T")


class Message:
    """One message, its fields by number.

    ``what`` names it in errors. Raises CorruptError where the bytes are malformed, UnsupportedError on a field number
    outside ``known``: a field that is not understood could change the meaning of those that are.
    """

    def __init__(self, data: memoryview, what: str, known: frozenset[int]) -> None:
        self.what = what
        self._numbers: dict[int, list[int]] = {}
        self._blobs: dict[int, list[memoryview]] = {}
        self._wires: dict[int, int] = {}
        for count, (number, wire, value) in enumerate(_fields(data, what)):
            if count == MAX_FIELDS:
                raise UnsupportedError(f"graph: {what} has more than {MAX_FIELDS} fields")
            if number not in known:
                raise UnsupportedError(f"graph: {what} has field {number}, which is not supported")
            if self._wires.setdefault(number, wire) != wire:
                raise CorruptError(f"graph: {what} writes field {number} in two ways")
            if isinstance(value, int):
                self._numbers.setdefault(number, []).append(value)
            else:
                self._blobs.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._wires

    def blobs(self, number: int) -> list[memoryview]:
        """A repeated field of messages, strings or bytes."""
        self._expect(number, BLOB)
        return self._blobs.get(number, [])

    def blob(self, number: int) -> memoryview:
        """A single message, string or bytes; empty where it is absent."""
        return self._single(number, self.blobs(number), memoryview(b""))

    def texts(self, number: int) -> tuple[str, ...]:
        """A repeated field of strings."""
        try:
            return tuple(str(blob, "utf-8") for blob in self.blobs(number))
        except UnicodeDecodeError as error:
            raise CorruptError(f"graph: {self.what} holds a text that is not UTF-8") from error

    def text(self, number: int) -> str:
        """A single string; empty where it is absent."""
        return self._single(number, self.texts(number), "")

    def integers(self, number: int) -> tuple[int, ...]:
        """A repeated field of signed integers, packed or not."""
        found = list(self._numbers.get(number, []))
        for blob in self._packed(number, VARINT):
            at = 0
            while at < len(blob):
                value, at = _varint(blob, at, self.what)
                found.append(value)
        return tuple(value - (1 << 64) if value >> 63 else value for value in found)

    def integer(self, number: int) -> int:
        """A single signed integer; 0 where it is absent."""
        return self._single(number, self.integers(number), 0)

    def floats(self, number: int) -> tuple[float, ...]:
        """A repeated field of 32-bit floats, packed or not."""
        data = b"".join(self._packed(number, FIXED32))
        if len(data) % FIXED_BYTES[FIXED32]:
            raise CorruptError(f"graph: {self.what} is cut off")
        return tuple(np.frombuffer(data, "<f4").tolist())

    def float(self, number: int) -> float:
        """A single 32-bit float; 0 where it is absent."""
        return self._single(number, self.floats(number), 0.0)

    def _packed(self, number: int, wire: int) -> list[memoryview]:
        self._expect(number, wire, BLOB)
        blobs = self._blobs.get(number, [])
        if sum(map(len, blobs)) > MAX_PACKED_BYTES:
            raise UnsupportedError(f"graph: {self.what} lists more than {MAX_PACKED_BYTES} bytes of numbers")
        return blobs

    def _expect(self, number: int, *wires: int) -> None:
        if self._wires.get(number, wires[0]) not in wires:
            raise CorruptError(f"graph: {self.what} holds field {number} in the wrong form")

    def _single(self, number: int, values: Sequence[T], absent: T) -> T:
        if len(values) > 1:
            raise CorruptError(f"graph: {self.what} holds field {number} more than once")
        return values[0] if values else absent


def blob_field(number: int, body: bytes | memoryview) -> bytes:
    """A field, below 16, of a message, string or bytes."""
    return b"".join((bytes([number << 3 | BLOB]), _written(len(body)), body))


def number_field(number: int, value: int) -> bytes:
    """A field of a signed integer."""
    return _written(number << 3) + _written(value & ((1 << 64) - 1))


def fixed32_field(number: int, body: bytes) -> bytes:
    """A field, below 16, of four bytes."""
    return bytes([number << 3 | FIXED32]) + body


def _written(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])


def _fields(data: memoryview, what: str) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of each field."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at, what)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(data, at, what)
            yield number, wire, value
            continue
        if wire == BLOB:
            size, at = _varint(data, at, what)
        elif wire in FIXED_BYTES:
            size = FIXED_BYTES[wire]
        else:
            raise CorruptError(f"graph: {what} is malformed")
        if size > len(data) - at:
            raise CorruptError(f"graph: {what} is cut off")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int, what: str) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & ((1 << 64) - 1), at + index + 1
    raise CorruptError(f"graph: {what} is cut off or holds a malformed number")
