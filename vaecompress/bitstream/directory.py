"""The header and the chunk directory: all that a reader needs to know before it touches a body.

FORMAT.md, "Header". Parsing trusts nothing: the number of chunks is held against the file's size before the directory
is read, and nothing is interpreted before the header's own CRC has been checked.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from vaecompress.bitstream import chunks
from vaecompress.bitstream.varint import MAX_BYTES, read_varint, write_varint
from vaecompress.errors import CorruptError, LimitError, UnsupportedError
from vaecompress.format import MODEL_ID_BYTES
from vaecompress.limits import Limits

MAGIC = b"\x9dVAE"
VERSION = 1
NO_MODEL = bytes(MODEL_ID_BYTES)
"""Model id of a picture that takes no model."""

MAX_OTHER_CHUNKS = 256

_FIXED = struct.Struct("<4sBB8sB")
_CRC = struct.Struct("<I")
_VIDEO, _ALPHA, _GREY, _SHOWN_AS_RGB = 1, 2, 4, 8
_MIN_ENTRY_BYTES = 4 + 1 + _CRC.size
_MAX_ENTRY_BYTES = 4 + MAX_BYTES + _CRC.size
_SIZE_LIMIT = 1 << 32


@dataclass(frozen=True)
class Header:
    """What the stream is. ``width`` and ``height`` in pixels, ``channels`` 1 (grey) or 3 (RGB), ``quality`` 1..100,
    ``model_id`` the first 8 bytes of the model's identity. ``grey_as_rgb``: channels is 1, but the source had three
    equal ones, and so shall what is decoded."""

    kind: Literal["image", "video"]
    width: int
    height: int
    channels: int
    has_alpha: bool
    quality: int
    model_id: bytes
    grey_as_rgb: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one chunk lies: ``length`` bytes at ``offset`` bytes from the start of the file, with CRC-32 ``crc``."""

    type: str
    offset: int
    length: int
    crc: int


def serialise(header: Header, entries: Sequence[Entry]) -> bytes:
    """Header, directory and header CRC; bodies follow in the order of ``entries`` (whose offsets are not written)."""
    flags = _VIDEO * (header.kind == "video") | _ALPHA * header.has_alpha | _GREY * (header.channels == 1)
    flags |= _SHOWN_AS_RGB * header.grey_as_rgb
    parts = [_FIXED.pack(MAGIC, VERSION, flags, header.model_id, header.quality)]
    parts += map(write_varint, (header.width, header.height, len(entries)))
    for entry in entries:
        parts += (entry.type.encode("ascii"), write_varint(entry.length), _CRC.pack(entry.crc))
    head = b"".join(parts)
    return head + _CRC.pack(zlib.crc32(head))


def entry_bytes(length: int) -> int:
    """What the directory takes for a chunk of ``length`` bytes."""
    return 4 + len(write_varint(length)) + _CRC.size


def parse(file: BinaryIO, size_bytes: int, limits: Limits) -> tuple[Header, tuple[Entry, ...]]:
    """Read header and directory from the start of ``file``, which has ``size_bytes`` bytes.

    Raises :class:`CorruptError` (no stream of ours, cut off, damaged, against the rules), :class:`UnsupportedError`
    (newer version, unknown critical chunk) or :class:`LimitError`.
    """
    file.seek(0)
    head = file.read(_FIXED.size + 3 * MAX_BYTES)
    _check_magic(head)
    if len(head) < _FIXED.size:
        raise CorruptError(f"header: cut off at byte {len(head)}; fetch the file again")
    _, _, flags, model_id, quality = _FIXED.unpack_from(head)
    width, position = read_varint(head, _FIXED.size, "header")
    height, position = read_varint(head, position, "header")
    count, position = read_varint(head, position, "header")
    _check_count(count, size_bytes - position, limits)

    file.seek(0)
    head = file.read(min(size_bytes, position + count * _MAX_ENTRY_BYTES + _CRC.size))
    entries = _parse_entries(head, position, count)
    if flags & ~(_VIDEO | _ALPHA | _GREY | _SHOWN_AS_RGB):
        raise UnsupportedError(f"header: unknown flags {flags:#04x}; a newer version of this program may read the file")
    kind: Literal["image", "video"] = "video" if flags & _VIDEO else "image"
    channels, as_rgb = 1 if flags & _GREY else 3, bool(flags & _SHOWN_AS_RGB)
    header = Header(kind, width, height, channels, bool(flags & _ALPHA), quality, model_id, as_rgb)
    _check_meaning(header, entries, limits)
    return header, entries


def find_unsupported(header: Header, types: Sequence[str]) -> str | None:
    """What a decoder of this version cannot do about such a file, or ``None``."""
    for name in types:
        if chunks.is_critical(name) and name not in chunks.CRITICAL_TYPES:
            return f"chunk {name} is unknown and cannot be left out"
    if header.kind == "video" and header.has_alpha:
        return "alpha in video is not defined"
    return None


def find_fault(header: Header, types: Sequence[str]) -> str | None:
    """Which rule of FORMAT.md ("Rules") these values break, or ``None``."""
    if not (0 < header.width < _SIZE_LIMIT and 0 < header.height < _SIZE_LIMIT):
        return f"size {header.width}x{header.height} is out of range"
    if not 1 <= header.quality <= 100:
        return f"quality {header.quality} is outside 1..100"
    if header.channels not in (1, 3) or len(header.model_id) != MODEL_ID_BYTES:
        return f"{header.channels} channels, a model id of {len(header.model_id)} bytes"
    if header.grey_as_rgb and (header.channels != 1 or header.kind == "video"):
        return "grey to be shown as RGB in what is not a grey picture"
    counts = Counter(types)
    video = header.kind == "video"
    exact = {chunks.PICTURE: not video, chunks.TIME: video, chunks.ALPHA: header.has_alpha}
    for name, wanted in exact.items():
        if counts[name] != wanted:
            return f"{counts[name]} chunks {name} in this kind of file, {int(wanted)} expected"
    frames = [name for name in types if name in chunks.FRAME_TYPES]
    if bool(frames) != video:
        return f"{len(frames)} frames in a file of kind {header.kind}"
    if frames and frames[0] != chunks.FRAME:
        return "the first frame is predicted from another"
    for name in () if video else sorted(chunks.OF_VIDEOS & counts.keys()):
        return f"chunk {name} in a picture"
    for name in chunks.METADATA_TYPES | {chunks.SOUND}:
        if counts[name] > 1:
            return f"{counts[name]} chunks {name}, at most 1 allowed"
    if len(types) - len(frames) > MAX_OTHER_CHUNKS:
        return f"more than {MAX_OTHER_CHUNKS} chunks besides frames"
    return None


def _check_magic(head: bytes) -> None:
    if not head:
        raise CorruptError("the file is empty; fetch it again")
    if head[: len(MAGIC)] != MAGIC:
        raise CorruptError(f"no vaecompress stream: it starts with {head[:4].hex()}, not {MAGIC.hex()}")
    if len(head) > len(MAGIC) and head[len(MAGIC)] != VERSION:
        version = head[len(MAGIC)]
        if version == 0:
            raise CorruptError("header: version 0 does not exist; fetch the file again")
        raise UnsupportedError(f"format version {version} is newer than {VERSION}; update vaecompress to read it")


def _check_count(count: int, left_bytes: int, limits: Limits) -> None:
    if count * _MIN_ENTRY_BYTES + _CRC.size > left_bytes:
        raise CorruptError(f"header: directory of {count} chunks does not fit into the file; fetch the file again")
    if count > limits.max_frames + MAX_OTHER_CHUNKS:
        raise LimitError(f"directory lists {count} chunks: over the limit of {limits.max_frames} frames")


def _parse_entries(head: bytes, position: int, count: int) -> tuple[Entry, ...]:
    listed = []
    for _ in range(count):
        name = head[position : position + 4].decode("latin-1")
        if not chunks.is_chunk_type(name):
            raise CorruptError(f"directory: no chunk type at byte {position}; fetch the file again")
        length, position = read_varint(head, position + 4, "directory")
        listed.append((name, length, int.from_bytes(head[position : position + 4], "little")))
        position += _CRC.size
    end = position + _CRC.size
    if len(head) < end:
        raise CorruptError(f"directory: cut off at byte {len(head)}; fetch the file again")
    if zlib.crc32(head[:position]) != int.from_bytes(head[position:end], "little"):
        raise CorruptError(f"header: CRC at byte {position} does not match; fetch the file again")
    entries = []
    for name, length, crc in listed:
        entries.append(Entry(name, end, length, crc))
        end += length
    return tuple(entries)


def _check_meaning(header: Header, entries: Sequence[Entry], limits: Limits) -> None:
    types = [entry.type for entry in entries]
    unsupported = find_unsupported(header, types)
    if unsupported:
        raise UnsupportedError(f"header: {unsupported}; a newer version of this program may read the file")
    fault = find_fault(header, types)
    if fault:
        raise CorruptError(f"header: {fault}; encode the file again")
    limits.check_size(header.width, header.height)
    limits.check_frames(sum(name in chunks.FRAME_TYPES for name in types))
    metadata = [entry for entry in entries if not chunks.is_critical(entry.type)]
    limits.check_metadata(sum(entry.length for entry in metadata if entry.type != chunks.SOUND))
    limits.check_sound(sum(entry.length for entry in metadata if entry.type == chunks.SOUND))
