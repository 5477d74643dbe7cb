"""TIFF files of any layout, written by hand: what a test draws is what the file holds."""

import struct
import zlib

import numpy as np

_TYPES = {"H": 3, "I": 4, "Q": 16}


def tiff(array, *, order="<", tile=None, planar=False, deflate=False, big=False, children=(), more=(), **tags):
    """A TIFF file of samples [height, width, channels], little-endian unless ``order`` is ">".

    ``tile`` is the side of tiles (strips of 16 rows without), ``big`` makes a BigTIFF, ``children`` are arrays for
    SubIFDs, ``more`` arrays for further pages; each may be (array, tags). ``tags`` are numbers by decimal name, such
    as ``t262=0``; they replace those that follow from the array.
    """
    body = bytearray(bytes(16 if big else 8))
    first, link = _directory(body, array, tags, order, tile, planar, deflate, big, children)
    for page in more:
        page_array, page_tags = page if isinstance(page, tuple) else (page, {})
        at, next_link = _directory(body, page_array, page_tags, order, tile, planar, deflate, big, ())
        struct.pack_into(order + ("Q" if big else "I"), body, link, at)
        link = next_link
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "HHHQ", 43, 8, 0, first) if big else struct.pack(order + "HI", 42, first)
    body[: 2 + len(head)] = mark + head
    return bytes(body)


def _directory(body, array, tags, order, tile, planar, deflate, big, children):
    """Append a picture and its directory; returns where the directory is, and its link to the next one."""
    height, width, channels = array.shape
    pieces = [piece for plane in _planes(array, planar) for piece in _pieces(plane, tile)]
    offsets, sizes = [], []
    for piece in pieces:
        data = piece.astype(array.dtype.newbyteorder(order)).tobytes()
        data = zlib.compress(data) if deflate else data
        offsets.append(len(body))
        sizes.append(len(data))
        body += data
    below = []
    for child in children:
        child_array, child_tags = child if isinstance(child, tuple) else (child, {})
        below.append(_directory(body, child_array, child_tags, order, tile, planar, deflate, big, ())[0])
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    found = {
        256: [width], 257: [height], 258: [8 * array.dtype.itemsize] * channels, 259: [8 if deflate else 1],
        262: [2 if channels >= 3 else 1], 277: [channels], 284: [2 if planar else 1], 339: [kind] * channels,
    }  # fmt: skip
    if tile:
        found |= {322: [tile], 323: [tile], 324: offsets, 325: sizes}
    else:
        found |= {273: offsets, 278: [16], 279: sizes}
    if below:
        found[330] = below
    for name, value in tags.items():
        found[int(name[1:])] = value if isinstance(value, list) else [value]
    return _write_entries(body, found, order, big)


def _write_entries(body, found, order, big):
    offset, room = ("Q", 8) if big else ("I", 4)
    entries = bytearray()
    for tag, values in sorted(found.items()):
        letter = "I" if tag in (273, 279, 324, 325, 330) else "H"
        data = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(data) > room:
            data, at = struct.pack(order + offset, len(body)), data
            body += at
        entries += struct.pack(f"{order}HH{offset}", tag, _TYPES[letter], len(values)) + data.ljust(room, b"\0")
    start = len(body)
    body += struct.pack(order + ("Q" if big else "H"), len(found)) + entries + bytes(room)
    return start, len(body) - room


def _planes(array, planar):
    return [array[:, :, c : c + 1] for c in range(array.shape[2])] if planar else [array]


def _pieces(plane, tile):
    if not tile:
        return [plane[top : top + 16] for top in range(0, len(plane), 16)]
    height, width = plane.shape[:2]
    padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
    return [
        padded[top : top + tile, left : left + tile] for top in range(0, height, tile) for left in range(0, width, tile)
    ]
