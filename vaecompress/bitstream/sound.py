"""Body of ``audi``: when the packets of each audio stream are played, then a Matroska file that holds them.

FORMAT.md, "Sound".
"""

from dataclasses import dataclass
from typing import BinaryIO, Self

from vaecompress.bitstream.chunks import SOUND
from vaecompress.bitstream.stamps import StampRuns
from vaecompress.bitstream.varint import MAX_BYTES, read_varint, write_varint
from vaecompress.errors import CorruptError

MAX_STREAMS = 255


@dataclass(frozen=True)
class SoundStream:
    """When the packets of one audio stream are played.

    ``last`` is how long the last one lasts, in units of the time base; 0 where nothing says.
    """

    stamps: StampRuns
    last: int


@dataclass(frozen=True)
class SoundHead:
    """What stands before the Matroska file."""

    streams: tuple[SoundStream, ...]

    def to_bytes(self) -> bytes:
        """As the format spells it."""
        parts = [write_varint(len(self.streams))]
        for stream in self.streams:
            parts += [write_varint(stream.stamps.count), stream.stamps.to_bytes(), write_varint(stream.last)]
        head = b"".join(parts)
        return write_varint(len(head)) + head

    @classmethod
    def read(cls, file: BinaryIO, length: int) -> tuple[Self, int]:
        """The head of a body of ``length`` bytes in ``file``, and where in it the Matroska file begins.

        Raises CorruptError where it is cut off or says what cannot be.
        """
        head_length, start = read_varint(file.read(MAX_BYTES), 0, SOUND)
        if start + head_length > length:
            raise CorruptError(f"{SOUND}: a head of {head_length} bytes in {length}; encode the video again")
        file.seek(start)
        data = file.read(head_length)
        count, position = read_varint(data, 0, SOUND)
        if not 1 <= count <= MAX_STREAMS:
            raise CorruptError(f"{SOUND}: {count} streams; encode the video again")
        streams = []
        for _ in range(count):
            packets, position = read_varint(data, position, SOUND)
            if not 1 <= packets <= length:
                raise CorruptError(f"{SOUND}: {packets} packets in {length} bytes; encode the video again")
            stamps, position = StampRuns.read(data, position, packets, SOUND, increasing=True)
            last, position = read_varint(data, position, SOUND)
            streams.append(SoundStream(stamps, last))
        if position != head_length:
            raise CorruptError(f"{SOUND}: {head_length - position} bytes too many; encode the video again")
        return cls(tuple(streams)), start + head_length
