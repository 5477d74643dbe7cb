"""Chunks and what is inside those that belong to the container: picture payload, time stamps, colour.

FORMAT.md, "Chunks". Bodies that other parts own (entropy-coded bytes, PNG, ICC, EXIF, XMP) stay opaque here.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Self

from vaecompress.bitstream.stamps import StampRuns
from vaecompress.bitstream.varint import read_varint, write_varint
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.format import MAX_QUALITY, MIN_QUALITY

PICTURE = "PICT"
FRAME = "FRAM"
PREDICTED_FRAME = "FRMP"
ALPHA = "ALPH"
TIME = "TIME"
ICC = "iccp"
EXIF = "exif"
XMP = "xmp_"
COLOUR = "colr"
LAST_DURATION = "last"
TAGS = "tags"
ASPECT = "aspr"
SOURCE_STAMP = "srch"
SOUND = "audi"

FRAME_TYPES = frozenset({FRAME, PREDICTED_FRAME})
CRITICAL_TYPES = frozenset({PICTURE, ALPHA, TIME}) | FRAME_TYPES
METADATA_TYPES = frozenset({ICC, EXIF, XMP, COLOUR, TAGS, ASPECT, LAST_DURATION, SOURCE_STAMP})
OF_VIDEOS = frozenset({TAGS, ASPECT, LAST_DURATION, SOUND})
"""Optional chunks that a picture does not have."""

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]{3}")
_PAYLOAD = struct.Struct("<BI")
_CHECKSUM_BYTES = 4
_DISPOSABLE = 0x80


def is_chunk_type(name: str) -> bool:
    """Whether ``name`` is a well-formed chunk type."""
    return _TYPE.fullmatch(name) is not None


def is_critical(name: str) -> bool:
    """Whether a decoder that does not know this chunk type must refuse the file."""
    return name[0].isupper()


@dataclass(frozen=True)
class Chunk:
    """A typed run of bytes."""

    type: str
    body: bytes


def pixel_checksum(pixels: bytes | bytearray | memoryview) -> int:
    """CRC-32 of decoded 8-bit pixels: row by row, channels interleaved, cropped to the picture's size."""
    return zlib.crc32(pixels)


class Tool(IntEnum):
    """How a picture is coded."""

    LEARNED = 0
    WEBP_LOSSLESS = 1
    AV1_PLANES = 2

    @property
    def label(self) -> str:
        """Its name in FORMAT.md."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class PicturePayload:
    """Body of ``PICT``: how a picture is coded, :func:`pixel_checksum` of what it decodes to, and the tool's bytes."""

    checksum: int
    coded: bytes
    tool: Tool = Tool.LEARNED

    def to_body(self) -> bytes:
        """The chunk's body."""
        return _PAYLOAD.pack(self.tool, self.checksum) + self.coded

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Parse a body; :class:`CorruptError` when it is too short, :class:`UnsupportedError` for an unknown tool."""
        if len(body) < _PAYLOAD.size:
            raise CorruptError(f"picture payload has {len(body)} bytes, too few for its checksum; fetch the file again")
        tool, checksum = _PAYLOAD.unpack_from(body)
        if tool > max(Tool):
            raise UnsupportedError(f"picture coded with tool {tool}; a newer version of this program may read the file")
        return cls(checksum, body[_PAYLOAD.size :], Tool(tool))


@dataclass(frozen=True)
class FramePayload:
    """Body of ``FRAM``: the frame's own quality, 1..100, and its picture."""

    quality: int
    picture: PicturePayload

    def to_body(self) -> bytes:
        """The chunk's body."""
        return bytes([self.quality]) + self.picture.to_body()

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Parse a body; raises as :meth:`PicturePayload.from_body`, CorruptError for a quality that there is not."""
        if not body or not MIN_QUALITY <= body[0] <= MAX_QUALITY:
            raise CorruptError(f"frame of quality {body[0] if body else 'none'}; fetch the file again")
        return cls(body[0], PicturePayload.from_body(body[1:]))


@dataclass(frozen=True)
class PredictedPayload:
    """Body of ``FRMP``: a frame's own quality, what it is predicted from, its motion, and what is added to that.

    ``past`` and ``future`` are the distances in frames to its references, 1 or more; a ``future`` of 0: none.
    ``checksum`` is the :func:`pixel_checksum` of the decoded frame; to one that is ``disposable`` no other refers.
    """

    quality: int
    disposable: bool
    past: int
    future: int
    checksum: int
    motion: bytes
    coded: bytes

    def to_body(self) -> bytes:
        """The chunk's body."""
        first = self.quality | (_DISPOSABLE if self.disposable else 0)
        head = bytes([first]) + write_varint(self.past) + write_varint(self.future)
        checksum = self.checksum.to_bytes(_CHECKSUM_BYTES, "little")
        return head + checksum + write_varint(len(self.motion)) + self.motion + self.coded

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Parse a body. Raises :class:`CorruptError` where it is too short, or its numbers are out of range."""
        if not body or not MIN_QUALITY <= body[0] & ~_DISPOSABLE <= MAX_QUALITY:
            raise CorruptError(f"frame of quality {body[0] if body else 'none'}; fetch the file again")
        quality, disposable = body[0] & ~_DISPOSABLE, bool(body[0] & _DISPOSABLE)
        past, position = read_varint(body, 1, PREDICTED_FRAME)
        future, position = read_varint(body, position, PREDICTED_FRAME)
        start = position + _CHECKSUM_BYTES
        length, position = read_varint(body, start, PREDICTED_FRAME)
        if past == 0 or position + length > len(body):
            raise CorruptError(f"{PREDICTED_FRAME}: a frame without past, or cut off; fetch the file again")
        checksum = int.from_bytes(body[start - _CHECKSUM_BYTES : start], "little")
        motion, coded = body[position : position + length], body[position + length :]
        return cls(quality, disposable, past, future, checksum, motion, coded)


def picture_payload(chunk_type: str, body: bytes) -> PicturePayload:
    """The picture in the body of a ``PICT`` or ``FRAM``; raises as their ``from_body``."""
    return FramePayload.from_body(body).picture if chunk_type == FRAME else PicturePayload.from_body(body)


@dataclass(frozen=True)
class TimeStamps:
    """Body of ``TIME``: frame ``i`` is shown at ``pts[i] * time_base`` seconds, ``|pts[i]| < 2^62``."""

    time_base: Fraction
    pts: tuple[int, ...]

    @property
    def usual_last_duration(self) -> int | None:
        """How long the last frame is shown where nothing else is said: as long as the one before it."""
        return self.pts[-1] - self.pts[-2] if len(self.pts) > 1 else None

    def to_body(self) -> bytes:
        """The chunk's body; :class:`ValueError` when the time base or a stamp is out of the format's range."""
        return StampRuns.of(self.time_base, self.pts).to_bytes()

    @classmethod
    def from_body(cls, body: bytes, frames: int) -> Self:
        """Parse the stamps of ``frames`` frames (at least 1); :class:`CorruptError` unless the body holds just them."""
        runs, end = StampRuns.read(body, 0, frames, TIME)
        if end != len(body):
            raise CorruptError(f"{TIME}: stamps do not match the {frames} frames; encode the video again")
        return cls(runs.time_base, tuple(runs))


@dataclass(frozen=True)
class Colour:
    """Body of ``colr``: code points of ITU-T H.273 (ColourPrimaries, TransferCharacteristics, MatrixCoefficients)."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool

    def to_body(self) -> bytes:
        """The chunk's four bytes."""
        return bytes((self.primaries, self.transfer, self.matrix, self.full_range))

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Parse the four bytes; :class:`CorruptError` otherwise."""
        if len(body) != 4 or body[3] > 1:
            raise CorruptError(f"{COLOUR}: {body[:8].hex()} is no colour description; encode the video again")
        return cls(body[0], body[1], body[2], body[3] == 1)
