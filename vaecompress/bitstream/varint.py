"""Whole numbers of any size in few bytes: LEB128 with one legal spelling each, and zigzag for signed ones.

FORMAT.md, "Varints": seven bits a byte, least significant first, the high bit says that more follow.
"""

from vaecompress.errors import CorruptError

MAX_BYTES = 10
_LIMIT = 1 << 64


def write_varint(value: int) -> bytes:
    """Bytes of ``value``, which must lie in 0 .. 2^64 - 1 (:class:`ValueError` otherwise)."""
    if not 0 <= value < _LIMIT:
        raise ValueError(f"{value} is outside the range of a varint")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(data: bytes, position: int, where: str) -> tuple[int, int]:
    """The varint at ``data[position:]`` and the position after it.

    ``where`` names the part of the file in messages. Raises :class:`CorruptError` when the bytes end early, spell a
    number longer than necessary, or spell one beyond 64 bits.
    """
    value = 0
    for index, byte in enumerate(data[position : position + MAX_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if (byte == 0 and index > 0) or value >= _LIMIT:
                break
            return value, position + index + 1
    else:
        if position + MAX_BYTES > len(data):
            raise CorruptError(f"{where}: cut off at byte {len(data)}; fetch the file again")
    raise CorruptError(f"{where}: malformed number at byte {position}; fetch the file again")


def zigzag(value: int) -> int:
    """Signed to unsigned, small to small: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(value: int) -> int:
    """Inverse of :func:`zigzag`."""
    return value >> 1 if value & 1 == 0 else -(value >> 1) - 1
