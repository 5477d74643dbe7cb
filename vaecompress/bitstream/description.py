"""Bodies of ``tags`` and ``aspr``: what describes a video, and the shape of its pixels. FORMAT.md, "Description"."""

from collections.abc import Mapping
from fractions import Fraction

from vaecompress.bitstream.chunks import ASPECT, TAGS
from vaecompress.bitstream.varint import read_varint, write_varint
from vaecompress.errors import CorruptError

_ASPECT_LIMIT = 1 << 31


def write_tags(tags: Mapping[str, str]) -> bytes:
    """The body of names and their values."""
    texts = (text.encode("utf-8", "replace") for pair in tags.items() for text in pair)
    return b"".join(write_varint(len(text)) + text for text in texts)


def read_tags(body: bytes) -> dict[str, str]:
    """Names and values of a body. Raises CorruptError where it is cut off, no UTF-8, or names something twice."""
    texts: list[str] = []
    position = 0
    while position < len(body):
        length, position = read_varint(body, position, TAGS)
        text = body[position : position + length]
        if len(text) < length:
            raise CorruptError(f"{TAGS}: cut off at byte {len(body)}; fetch the file again")
        try:
            texts.append(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise CorruptError(f"{TAGS}: text that is no UTF-8; encode the video again") from error
        position += length
    tags = dict(zip(texts[::2], texts[1::2], strict=False))
    if 2 * len(tags) != len(texts):
        raise CorruptError(f"{TAGS}: a name without a value, or twice; encode the video again")
    return tags


def write_aspect(aspect: Fraction) -> bytes:
    """The body of a pixel's width divided by its height."""
    return write_varint(aspect.numerator) + write_varint(aspect.denominator)


def read_aspect(body: bytes) -> Fraction:
    """A pixel's width divided by its height. Raises CorruptError where the body says none."""
    width, position = read_varint(body, 0, ASPECT)
    height, position = read_varint(body, position, ASPECT)
    if position != len(body) or not (0 < width < _ASPECT_LIMIT and 0 < height < _ASPECT_LIMIT):
        raise CorruptError(f"{ASPECT}: {body[:20].hex()} is no aspect; encode the video again")
    return Fraction(width, height)
