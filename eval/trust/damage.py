"""Damaged streams, made from sound ones in every way that is short to say.

Each function yields (what was done, the bytes). Those with sound CRCs lead past the container: to sizes, quality, the
entropy decoder, the networks and the alpha plane behind it.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from vaecompress.bitstream import Chunk, Container, Header, chunks
from vaecompress.bitstream.directory import Entry, serialise
from vaecompress.bitstream.varint import read_varint
from vaecompress.errors import CorruptError

Damage = Iterator[tuple[str, bytes]]

CRC_BYTES = 4
_FIXED_BYTES, _TYPE_BYTES = 15, 4
PNG_SIGNATURE_BYTES, PNG_HEAD_BYTES = 8, 8


def flips(data: bytes, generator: np.random.Generator) -> Damage:
    """Every byte changed in turn: one bit of it, another one each time."""
    for place, bit in enumerate(generator.integers(0, 8, len(data)).tolist()):
        yield f"bit {bit} of byte {place} flipped", _flipped(data, place, bit)


def truncations(data: bytes) -> Damage:
    """Every length below the file's."""
    for length in range(len(data)):
        yield f"cut to {length} bytes", data[:length]


def chunk_changes(data: bytes) -> Damage:
    """Chunks swapped, duplicated and removed, bodies and lengths enlarged, bytes added: all with sound CRCs."""
    header, parts = _parts(data)
    for index, part in enumerate(parts):
        rest = parts[:index] + parts[index + 1 :]
        yield f"{part.type} removed", _file(header, rest)
        yield f"{part.type} duplicated", _file(header, [*parts, part])
        yield f"{part.type} empty", _file(header, [*rest, Chunk(part.type, b"")])
        yield f"{part.type} a byte longer", _file(header, [*rest, Chunk(part.type, part.body + b"\1")])
        for length in (len(part.body) + 1, 1 << 31, (1 << 64) - 1):
            entries = [Entry(p.type, 0, length if p is part else len(p.body), zlib.crc32(p.body)) for p in parts]
            body = b"".join(p.body for p in parts)
            yield f"{part.type} said to have {length} bytes", serialise(header, entries) + body
        for other in parts[index + 1 :]:
            if other.body != part.body:
                bodies = {part: other.body, other: part.body}
                swapped = [Chunk(p.type, bodies.get(p, p.body)) for p in parts]
                yield f"{part.type} and {other.type} swapped", _file(header, swapped)


def headers(data: bytes) -> Damage:
    """Headers that say something else, CRC sound: every byte flipped, and sizes, kinds and qualities of all sorts."""
    header, parts = _parts(data)
    entries = [Entry(part.type, 0, len(part.body), zlib.crc32(part.body)) for part in parts]
    head, body = serialise(header, entries)[:-CRC_BYTES], b"".join(part.body for part in parts)
    for place in range(len(head)):
        for bit in range(8):
            changed = _flipped(head, place, bit)
            yield f"bit {bit} of header byte {place} flipped", changed + _crc(changed) + body
    sides = (1, 63, 64, 65, 4096, 16_000, 20_000, 65_535, 65_536, (1 << 32) - 1)
    for side in sides:
        for width, height in ((side, header.height), (header.width, side), (side, side)):
            fields = {**vars(header), "width": width, "height": height}
            yield f"said to be {width}x{height}", serialise(Header(**fields), entries) + body
    for quality in range(1, 101):
        yield f"quality {quality}", serialise(Header(**{**vars(header), "quality": quality}), entries) + body
    for channels in (1, 3):
        yield f"{channels} channels", serialise(Header(**{**vars(header), "channels": channels}), entries) + body


def bodies(data: bytes, generator: np.random.Generator) -> Damage:
    """Every byte of every body flipped, and every body cut to every length, with the CRCs of what came out."""
    header, parts = _parts(data)
    for index, part in enumerate(parts):
        for what, body in (*flips(part.body, generator), *truncations(part.body)):
            yield f"{part.type}: {what}", _file(header, [*parts[:index], Chunk(part.type, body), *parts[index + 1 :]])


def noise(data: bytes, generator: np.random.Generator, count: int) -> Damage:
    """``count`` bodies of random bytes with sound CRCs, some of them after a sound start."""
    header, parts = _parts(data)
    for number in range(count):
        index = int(generator.integers(len(parts)))
        kept = int(generator.integers(len(parts[index].body) + 1)) if number % 2 else 0
        body = parts[index].body[:kept] + generator.bytes(int(generator.integers(1, 2000)))
        changed = [*parts[:index], Chunk(parts[index].type, body), *parts[index + 1 :]]
        yield f"{parts[index].type}: random bytes {number} after {kept}", _file(header, changed)


def alpha_planes(data: bytes, generator: np.random.Generator) -> Damage:
    """Every byte of the PNG file inside flipped, its own CRCs sound again."""
    header, parts = _parts(data)
    for index, part in enumerate(parts):
        if part.type == chunks.ALPHA:
            for what, body in flips(part.body, generator):
                changed = [*parts[:index], Chunk(part.type, _with_png_crcs(body)), *parts[index + 1 :]]
                yield f"PNG: {what}", _file(header, changed)


def all_kinds(data: bytes, generator: np.random.Generator, noise_count: int) -> dict[str, Damage]:
    """Every kind of damage by name."""
    return {
        "flips": flips(data, generator),
        "truncations": truncations(data),
        "chunks changed, CRCs sound": chunk_changes(data),
        "headers changed, CRC sound": headers(data),
        "bodies flipped and cut, CRCs sound": bodies(data, generator),
        "random bodies, CRCs sound": noise(data, generator, noise_count),
        "alpha plane flipped, CRCs sound": alpha_planes(data, generator),
    }


def with_sound_crcs(data: bytes) -> bytes:
    """``data`` with the CRCs that its directory and header should have, as far as it can be read as a stream at all."""
    try:
        place, numbers = _FIXED_BYTES, []
        for _ in range(3):
            number, place = read_varint(data, place, "header")
            numbers.append(number)
        spans = []
        for _ in range(min(numbers[-1], len(data))):
            length, place = read_varint(data, place + _TYPE_BYTES, "directory")
            spans.append((place, length))
            place += CRC_BYTES
    except CorruptError:
        return data
    if place + CRC_BYTES > len(data):
        return data
    result, offset = bytearray(data), place + CRC_BYTES
    for position, length in spans:
        result[position : position + CRC_BYTES] = _crc(data[offset : offset + length])
        offset += length
    result[place : place + CRC_BYTES] = _crc(bytes(result[:place]))
    return bytes(result)


def _parts(data: bytes) -> tuple[Header, list[Chunk]]:
    with Container.open(data) as container:
        return container.header, [Chunk(entry.type, container.read(entry)) for entry in container.directory]


def _file(header: Header, parts: Sequence[Chunk]) -> bytes:
    """A file of these chunks, legal or not."""
    entries = [Entry(part.type, 0, len(part.body), zlib.crc32(part.body)) for part in parts]
    return serialise(header, entries) + b"".join(part.body for part in parts)


def _flipped(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def _crc(data: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(data))


def _with_png_crcs(data: bytes) -> bytes:
    """A PNG file with the CRC that each of its chunks should have, as far as its lengths make sense."""
    result, place = bytearray(data), PNG_SIGNATURE_BYTES
    while place + PNG_HEAD_BYTES + CRC_BYTES <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + PNG_HEAD_BYTES + length
        if end + CRC_BYTES > len(data):
            break
        struct.pack_into(">I", result, end, zlib.crc32(data[place + 4 : end]))
        place = end + CRC_BYTES
    return bytes(result)
