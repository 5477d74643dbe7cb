"""Still pictures of AV1 as the tool av1-planes has them, checked bit by bit before a decoder sees them.

FORMAT.md, "AV1 planes"; the syntax is that of the AV1 specification, 5.3 to 5.5.
"""

from vaecompress.errors import CorruptError

_SEQUENCE_HEADER, _FRAME = 0x0A, 0x32
"""First bytes of the two units, open bitstream units with a size and nothing else said."""

_MAX_SIZE_BYTES = 8


class _Bits:
    """Reads bits, most significant first; zeros after the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """The next ``count`` bits."""
        self._left -= count
        return (self._value >> max(self._left, 0)) & ((1 << count) - 1) if self._left >= 0 else 0

    @property
    def is_closed(self) -> bool:
        """Whether what is left is trailing bits: a one, and zeros to the end of the byte."""
        left = self._left
        return 1 <= left <= 8 and self._value & ((1 << left) - 1) == 1 << (left - 1)


def check_still(stream: bytes, width: int, height: int) -> int:
    """Check that ``stream`` is a sequence header and one frame, 8-bit grey of full range and of this size, and no more.

    Returns the level that it declares. Raises CorruptError for anything else, film grain too.
    """
    sequence, end = _unit(stream, 0, _SEQUENCE_HEADER)
    _, end = _unit(stream, end, _FRAME)
    if end != len(stream):
        raise CorruptError("bytes follow an AV1 picture; the stream is damaged")
    return _check_sequence(_Bits(sequence), width, height)


def units(stream: bytes) -> bytes:
    """The sequence header and the frame among the units that an encoder wrote."""
    kept, place = b"", 0
    while place < len(stream):
        _, end = _unit(stream, place, stream[place])
        if stream[place] in (_SEQUENCE_HEADER, _FRAME):
            kept += stream[place:end]
        place = end
    return kept


def _unit(stream: bytes, place: int, kind: int) -> tuple[bytes, int]:
    """The body of the unit at ``place``, which has the first byte ``kind``, and where it ends."""
    size = 0
    for index in range(1, _MAX_SIZE_BYTES + 1):
        if place + index >= len(stream) or stream[place] != kind:
            break
        byte = stream[place + index]
        size |= (byte & 0x7F) << 7 * (index - 1)
        if byte < 0x80:
            start = place + index + 1
            if start + size <= len(stream):
                return stream[start : start + size], start + size
            break
    raise CorruptError("an AV1 picture is cut off, or has other parts than it should; the stream is damaged")


def _check_sequence(bits: _Bits, width: int, height: int) -> int:
    """sequence_header_obu(), 5.5.1, with reduced_still_picture_header; returns seq_level_idx."""
    head = bits.take(3), bits.take(1), bits.take(1)  # seq_profile, still_picture, reduced_still_picture_header
    level = bits.take(5)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    size = bits.take(width_bits) + 1, bits.take(height_bits) + 1
    bits.take(6)  # tools that the frame may use
    colour = bits.take(1), bits.take(1)  # high_bitdepth, mono_chrome
    if bits.take(1):  # color_description_present_flag
        bits.take(24)
    full_range, film_grain = bits.take(1), bits.take(1)
    found = head, size, colour, full_range, film_grain
    if found != ((0, 1, 1), (width, height), (0, 1), 1, 0) or not bits.is_closed:
        raise CorruptError("an AV1 picture is not of the size and kind that it should be; the stream is damaged")
    return level
