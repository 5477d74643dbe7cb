"""AVIF files around one AV1 still: ISO/IEC 14496-12 and 23008-12 boxes, only as many as decoders ask for."""

import struct

_COLOUR = struct.pack(">4sHHHB", b"nclx", 1, 13, 6, 0x80)
"""sRGB, full range; of a grey picture nothing depends on it."""


def to_avif(stream: bytes, width: int, height: int, level: int) -> bytes:
    """A file of an 8-bit monochrome still, ``stream``: its sequence header and its frame."""
    properties = [
        _box(b"ispe", bytes(4) + struct.pack(">II", width, height)),
        _box(b"pixi", bytes(4) + b"\1\x08"),
        _box(b"av1C", bytes([0x81, level, 0x1C, 0])),
        _box(b"colr", _COLOUR),
    ]
    associations = bytes([len(properties), 1, 2, 0x83, 4])
    item = _box(b"infe", b"\2\0\0\0" + struct.pack(">HH4sB", 1, 0, b"av01", 0))
    kind = _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")

    def meta(offset: int) -> bytes:
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(stream))
        parts = [
            _box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
            _box(b"pitm", bytes(4) + struct.pack(">H", 1)),
            _box(b"iloc", bytes(4) + place),
            _box(b"iinf", bytes(4) + struct.pack(">H", 1) + item),
            _box(
                b"iprp",
                _box(b"ipco", b"".join(properties)) + _box(b"ipma", bytes(4) + struct.pack(">IH", 1, 1) + associations),
            ),
        ]
        return _box(b"meta", bytes(4) + b"".join(parts))

    head_bytes = len(kind) + len(meta(0))
    return kind + meta(head_bytes + 8) + _box(b"mdat", stream)


def from_avif(file: bytes) -> bytes:
    """What the ``mdat`` box of a file of one still holds."""
    place = 0
    while place < len(file):
        size, kind = struct.unpack_from(">I4s", file, place)
        if kind == b"mdat":
            return file[place + 8 : place + size]
        place += size
    raise ValueError("an AVIF file without a picture")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
