"""What a container says of how a video is shown, besides its frames."""

from fractions import Fraction

from vaecompress.bitstream import Container, TimeStamps, chunks
from vaecompress.bitstream.description import read_aspect, read_tags
from vaecompress.bitstream.varint import read_varint
from vaecompress.errors import CorruptError


def read_last_duration(container: Container, stamps: TimeStamps) -> int | None:
    """How long the last frame is shown, in units of the time base; None where nothing says it, or says it wrongly."""
    entry = container.find(chunks.LAST_DURATION)
    if entry is None:
        return stamps.usual_last_duration
    try:
        duration, _ = read_varint(container.read(entry), 0, chunks.LAST_DURATION)
    except CorruptError:
        return stamps.usual_last_duration
    return duration if 0 < duration < 1 << 62 else stamps.usual_last_duration


def end_of_frame(container: Container, stamps: TimeStamps, index: int) -> int | None:
    """The time stamp at which frame ``index`` ends, where that is known."""
    if index + 1 < len(stamps.pts):
        return stamps.pts[index + 1]
    duration = read_last_duration(container, stamps)
    return None if duration is None else stamps.pts[index] + duration


def read_tags_and_aspect(container: Container) -> tuple[dict[str, str], Fraction]:
    """Title and the like, and a pixel's width divided by its height: none, and 1, where the file does not say.

    Raises CorruptError where either is damaged.
    """
    tags, aspect = container.find(chunks.TAGS), container.find(chunks.ASPECT)
    return (
        {} if tags is None else read_tags(container.read(tags)),
        Fraction(1) if aspect is None else read_aspect(container.read(aspect)),
    )
