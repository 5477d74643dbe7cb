"""What a stream is, without running a network."""

import os
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from vaecompress.bitstream import Container, TimeStamps, Tool, chunks
from vaecompress.bitstream.presentation import read_last_duration, read_tags_and_aspect
from vaecompress.errors import CorruptError
from vaecompress.limits import Limits
from vaecompress.models import installed


@dataclass(frozen=True)
class Info:
    """A stream's header and chunks.

    ``model`` is None where it is not installed, or none is needed: ``model_id`` is then zeros. ``frames`` is 1 for an
    image; ``tool`` is what an image is coded with, None for a video; ``sound`` is each audio stream in words; ``tags``
    are title and the like, ``aspect`` a pixel's width and height, of a video.
    """

    kind: str
    width: int
    height: int
    channels: int
    alpha: bool
    quality: int
    model_id: str
    model: str | None
    size_bytes: int
    bpp: float
    frames: int
    duration_s: float | None
    sound: tuple[str, ...]
    tags: dict[str, str]
    aspect: tuple[int, int]
    chunks: tuple[tuple[str, int], ...]
    tool: str | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)


def describe(
    source: str | os.PathLike[str] | bytes,
    limits: Limits = Limits(),  # noqa: B008
    verify: bool = False,
) -> Info:
    """Read the header and directory of a stream; ``verify`` checks every chunk's CRC too.

    Raises CorruptError, UnsupportedError, LimitError, or InputError when a path cannot be read.
    """
    with Container.open(source, limits) as container:
        if verify:
            container.verify()
        header = container.header
        frames = len(container.frames) or 1
        pixels = header.width * header.height * frames
        name = next((p.stem for p in installed.paths() if installed.file_id(p) == header.model_id), None)
        tags, aspect = _description(container)
        return Info(
            kind=header.kind,
            width=header.width,
            height=header.height,
            channels=header.channels,
            alpha=header.has_alpha,
            quality=header.quality,
            model_id=header.model_id.hex(),
            model=name,
            size_bytes=container.size_bytes,
            bpp=8 * container.size_bytes / pixels,
            frames=frames,
            duration_s=_duration(container),
            sound=_sound(container),
            tags=tags,
            aspect=aspect.as_integer_ratio(),
            chunks=_tally(container),
            tool=tool_of(container),
        )


def _duration(container: Container) -> float | None:
    """Seconds from the first time stamp to the end of the last frame."""
    entry = container.find(chunks.TIME)
    if entry is None:
        return None
    frames = len(container.frames)
    stamps = TimeStamps.from_body(container.read(entry), frames)
    last = read_last_duration(container, stamps) or 0
    return float((stamps.pts[-1] - stamps.pts[0] + last) * stamps.time_base)


def _description(container: Container) -> tuple[dict[str, str], Fraction]:
    """Tags, and a pixel's width divided by its height; none, and 1, where they are damaged."""
    try:
        return read_tags_and_aspect(container)
    except CorruptError:
        return {}, Fraction(1)


def _sound(container: Container) -> tuple[str, ...]:
    """Each audio stream in words."""
    if container.find(chunks.SOUND) is None:
        return ()
    from vaecompress.codec.sound import sound_in_words

    try:
        return tuple(sound_in_words(container))
    except CorruptError:
        return ("damaged",)


def tool_of(container: Container) -> str | None:
    """The name of the tool of a picture, or its number where it has none here."""
    entry = container.find(chunks.PICTURE)
    number = b"" if entry is None else container.start_of(entry, 1)
    known = {tool.value: tool.label for tool in Tool}
    return known.get(number[0], str(number[0])) if number else None


def _tally(container: Container) -> tuple[tuple[str, int], ...]:
    """Bytes of each chunk type, in order of first appearance."""
    total: dict[str, int] = {}
    for entry in container.directory:
        total[entry.type] = total.get(entry.type, 0) + entry.length
    return tuple(total.items())
