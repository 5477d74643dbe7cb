"""The boxes of a HEIF or AVIF file (ISO/IEC 14496-12, 23008-12): what is said of its main picture."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

_MAX_META_BYTES = 16 << 20

Box = tuple[bytes, bytes]
"""Type and content."""


def properties_of_main_picture(file: BinaryIO) -> list[Box]:
    """Return the properties that a file gives its main picture, in the file's order; none where it is damaged."""
    try:
        return _properties(_meta(file))
    except (struct.error, IndexError):
        return []


def crop_of(properties: list[Box], width: int, height: int) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the clean aperture (14496-12, 12.1.4), or None where there is none.

    Raises ValueError (an aperture of parts of pixels, or beyond the picture).
    """
    content = next((content for kind, content in properties if kind == b"clap"), None)
    if content is None or len(content) < 32:
        return None
    columns, rows, right_by, down_by = (
        Fraction(over, under) if under else Fraction(-1, 2) for over, under in struct.iter_unpack(">ii", content[:32])
    )
    left, top = right_by + (width - columns) / 2, down_by + (height - rows) / 2
    right, bottom = left + columns, top + rows
    is_whole = all(edge.denominator == 1 for edge in (left, top, right, bottom))
    if not (is_whole and 0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError("the clean aperture is no part of the picture")
    return int(left), int(top), int(right), int(bottom)


def code_points_of(properties: list[Box]) -> tuple[int, int] | None:
    """Return primaries and transfer characteristics of the colour box that numbers them (14496-12, 12.1.5)."""
    content = next((content for kind, content in properties if kind == b"colr" and content[:4] == b"nclx"), b"")
    return struct.unpack_from(">HH", content, 4) if len(content) >= 8 else None


def bits_of(properties: list[Box]) -> int:
    """Return the depth of a sample: as pixel information (23008-12, 6.5.6) or the decoder's configuration says."""
    by_kind = dict(properties)
    depths, configuration = by_kind.get(b"pixi", b"")[5:], by_kind.get(b"av1C", b"")
    if depths:
        return max(depths[: by_kind[b"pixi"][4]])
    if len(configuration) < 3 or not configuration[2] & 0x40:
        return 8
    return 12 if configuration[2] & 0x20 else 10


def _meta(file: BinaryIO) -> bytes:
    """Return the content of the file's ``meta`` box."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        start = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, 8)
            start = 16
        if kind == b"meta":
            file.seek(at + start)
            return file.read(min(size - start, _MAX_META_BYTES) if size else _MAX_META_BYTES)
        if size < start:
            return b""
        at += size


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _properties(meta: bytes) -> list[Box]:
    inside = dict(_boxes(meta[4:]))
    main = inside.get(b"pitm", b"")
    (wanted,) = struct.unpack_from(">I" if main[:1] == b"\1" else ">H", main, 4)
    known: list[Box] = []
    of_picture: list[int] = []
    for kind, content in _boxes(inside.get(b"iprp", b"")):
        if kind == b"ipco":
            known = list(_boxes(content))
        elif kind == b"ipma":
            of_picture += _associated(content).get(wanted, [])
    return [known[index - 1] for index in of_picture if 0 < index <= len(known)]


def _associated(content: bytes) -> dict[int, list[int]]:
    """Return the numbers of properties, from 1 on, by item."""
    version, is_wide = content[0], content[3] & 1
    (count,) = struct.unpack_from(">I", content, 4)
    at, found = 8, {}
    for _ in range(count):
        (item,) = struct.unpack_from(">I" if version else ">H", content, at)
        at += 4 if version else 2
        length = content[at]
        at += 1
        numbers = struct.unpack_from(f">{length}{'H' if is_wide else 'B'}", content, at)
        at += length * (2 if is_wide else 1)
        found[item] = [number & (0x7FFF if is_wide else 0x7F) for number in numbers]
    return found
