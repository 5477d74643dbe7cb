"""What Pillow passes over in a PNG file: late or old-fashioned metadata, colour, and rows that are missing."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from vaecompress.errors import InputError
from vaecompress.media.formats.icc import SRGB, SRGB_CURVE, Chromaticities, profile_of

_BLOCK_BYTES = 1 << 20
_MAX_CHUNKS = 1 << 20
_WANTED = {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"eXIf"}
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_XMP_KEYWORD = "XML:com.adobe.xmp"
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First row and column, steps down and across, of each pass of Adam7.
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


@dataclass(frozen=True)
class PngChunks:
    """Bodies of the chunks that matter here, wherever they stand; ``texts`` by keyword."""

    header: tuple[int, ...]
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)

    @property
    def exif(self) -> bytes | None:
        """EXIF of the eXIf chunk, or of the text chunk that ImageMagick and digiKam write; with or without prefix."""
        if b"eXIf" in self.bodies:
            return self.bodies[b"eXIf"]
        profiles = (_raw_profile(self.texts.get(f"Raw profile type {name}")) for name in ("exif", "APP1"))
        return next((found for found in profiles if found and not found.startswith(_XMP_NAME)), None)

    @property
    def xmp(self) -> bytes | None:
        """XMP, of its own chunk or of a text chunk in ImageMagick's manner."""
        profiles = [_raw_profile(self.texts.get(f"Raw profile type {name}")) for name in ("xmp", "APP1")]
        packet = next((each for each in profiles if each and (each[:1] == b"<" or each.startswith(_XMP_NAME))), None)
        return self.texts.get(_XMP_KEYWORD) or (None if packet is None else packet.removeprefix(_XMP_NAME))

    @property
    def raw_icc(self) -> bytes | None:
        """An ICC profile in a text chunk."""
        return _raw_profile(self.texts.get("Raw profile type icc")) or _raw_profile(
            self.texts.get("Raw profile type icm")
        )

    @property
    def code_points(self) -> tuple[int, int] | None:
        """Primaries and transfer characteristics of the cICP chunk."""
        body = self.bodies.get(b"cICP", b"")
        return (body[0], body[1]) if len(body) == 4 else None

    @property
    def colour_profile(self) -> bytes | None:
        """The profile that gAMA and cHRM stand for; None where they are absent, overruled, senseless or usual."""
        gamma, points = self.bodies.get(b"gAMA", b""), self.bodies.get(b"cHRM", b"")
        exponent = struct.unpack(">I", gamma)[0] if len(gamma) == 4 else 0
        if b"sRGB" in self.bodies or (not exponent and len(points) != 32):
            return None
        chromaticities: Chromaticities = SRGB
        if len(points) == 32:
            chromaticities = tuple(value / 100_000 for value in struct.unpack(">8I", points))
        try:
            curve = (min(100_000 / exponent, 10.0),) if exponent else SRGB_CURVE
            return profile_of(chromaticities, curve, grey=self.header[3] in (0, 4))
        except ValueError:
            return None

    @property
    def other_texts(self) -> list[str]:
        """Keywords of texts that are not metadata of another kind."""
        return [name for name in self.texts if name != _XMP_KEYWORD and not name.startswith("Raw profile type")]


def read_chunks(file: BinaryIO, max_text_bytes: int) -> PngChunks:
    """Collect the chunks that matter; those above the given size are passed over."""
    chunks = PngChunks(_header(file))
    for kind, length in _walk(file):
        if length > max_text_bytes:
            continue
        if kind in _WANTED:
            chunks.bodies.setdefault(kind, file.read(length))
        elif kind in _TEXTS:
            name, text = _text(kind, file.read(length), max_text_bytes)
            chunks.texts.setdefault(name, text)
    return chunks


def check_rows(file: BinaryIO) -> None:
    """Check that the compressed data holds every row: Pillow leaves those that are missing black.

    Raises InputError (rows are missing at the end).
    """
    left_bytes = _expected_bytes(_header(file))
    rows = zlib.decompressobj()
    for kind, length in _walk(file):
        if kind == b"IDAT" and left_bytes > 0:
            left_bytes -= _inflated_bytes(rows, file.read(length))
    if left_bytes > 0:
        raise InputError("PNG data is damaged or incomplete: rows are missing at its end")


def _header(file: BinaryIO) -> tuple[int, ...]:
    file.seek(16)
    return struct.unpack(">IIBBBBB", file.read(13))


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield type and length of each chunk up to IEND, the file standing at its body."""
    at = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4], "big")
        yield head[4:], length
        at += length + 12


def _expected_bytes(header: tuple[int, ...]) -> int:
    """Return the size of all rows with their filter bytes."""
    width, height, depth, colour_type, _, _, interlaced = header
    bits = depth * _CHANNELS.get(colour_type, 1)
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    sizes = [(-(-(height - y) // dy), -(-(width - x) // dx)) for y, x, dy, dx in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for rows, columns in sizes if rows > 0 and columns > 0)


def _inflated_bytes(rows: "zlib._Decompress", data: bytes) -> int:
    """Return how many bytes ``data`` adds; zlib's own errors are left to the decoder."""
    count = 0
    try:
        while data and not rows.eof:
            count += len(rows.decompress(data, _BLOCK_BYTES))
            data = rows.unconsumed_tail
    except zlib.error:
        return count
    return count


def _text(kind: bytes, body: bytes, max_bytes: int) -> tuple[str, bytes]:
    """Return keyword and text of a text chunk; an empty text where it is damaged or too long."""
    keyword, _, rest = body.partition(b"\0")
    compressed = kind == b"zTXt"
    if kind == b"iTXt":
        compressed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif compressed:
        rest = rest[1:]
    if compressed:
        try:
            rest = zlib.decompressobj().decompress(rest, max_bytes)
        except zlib.error:
            rest = b""
    return keyword.decode("latin-1"), rest


def _raw_profile(text: bytes | None) -> bytes | None:
    """Return the bytes of a "Raw profile": a name, a length, and hexadecimal digits."""
    found = re.fullmatch(rb"\s*[\w ]+\n\s*\d+\n([0-9a-fA-F\s]+)", text or b"")
    digits = b"".join(found[1].split()) if found else b""
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode()) or None
