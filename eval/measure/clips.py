"""The source clips of a benchmark, and their frames as the two kinds of numbers that video codecs take."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.conversion import to_rgb, to_yuv
from vaecompress.media.image import UInt8Array as Pixels
from vaecompress.media.video_file import open_video_file
from vaecompress.media.video_source import VideoSource

CLIP_SUFFIXES = (".mkv", ".mp4", ".m4v", ".y4m", ".webm", ".mov", ".avi")
FORMAT = "yuv420p"
Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


class ClipFrame(Protocol):
    """A frame: Y, U and V as uint8 [H, W] and [H/2, W/2], and RGB as uint8 [H, W, 3]."""

    @property
    def planes(self) -> Planes:
        """Its 4:2:0 samples."""
        ...

    @property
    def rgb(self) -> Pixels:
        """Its colours."""
        ...


@dataclass(frozen=True, eq=False)
class YuvFrame:
    """A frame that was decoded as 4:2:0; ``frame`` is libav's."""

    frame: Any
    colour: Colour

    @cached_property
    def planes(self) -> Planes:
        """The samples as they are."""
        return _planes(self.frame)

    @cached_property
    def rgb(self) -> Pixels:
        """Converted as the clip's colours say."""
        return to_rgb(self.frame, self.colour)


@dataclass(frozen=True, eq=False)
class RgbFrame:
    """A frame that was decoded as RGB."""

    rgb: Pixels
    colour: Colour

    @cached_property
    def planes(self) -> Planes:
        """Converted as the clip's colours say."""
        import av

        return _planes(to_yuv(av.VideoFrame.from_ndarray(self.rgb, format="rgb24"), FORMAT, self.colour))


@dataclass(frozen=True)
class Clip:
    """A source clip, 8-bit 4:2:0; ``notes`` tell what was changed. Frames are read anew whenever asked for."""

    name: str
    sha256: str
    path: Path
    width: int
    height: int
    frame_rate: Fraction
    colour: Colour
    notes: tuple[str, ...]

    def frames(self) -> Iterator[YuvFrame]:
        """Every frame, in the order of showing."""
        import av

        with av.open(f"file:{self.path}") as container:
            for frame in container.decode(video=0):
                yield YuvFrame(frame if frame.format.name == FORMAT else frame.reformat(format=FORMAT), self.colour)


class RgbSource(VideoSource):
    """A clip's frames as our own encoder takes them: RGB, at its frame rate."""

    def __init__(self, clip: Clip) -> None:
        rate, limits = clip.frame_rate, Limits()
        super().__init__(clip.name, clip.width, clip.height, 1 / rate, None, clip.colour, False, limits)
        self._clip = clip

    def _frames(self) -> Iterator[tuple[Pixels, int]]:
        for index, frame in enumerate(self._clip.frames()):
            yield frame.rgb, index


def find_clips(source: Path) -> list[Path]:
    """The video files of a folder, sorted, or ``source`` itself; empty when there is none."""
    found = [source] if source.is_file() else sorted(source.glob("*"))
    return [path for path in found if path.suffix.lower() in CLIP_SUFFIXES]


def load_clip(path: Path) -> Clip:
    """Look at a video file.

    Raises :class:`InputError` when it cannot be read, or has odd sides, which no peer takes as 4:2:0;
    :class:`LimitError` when it is too large.
    """
    import av

    source = open_video_file(path, Limits())
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        width, height, rate, pixel_format = stream.width, stream.height, stream.average_rate, stream.pix_fmt
    if width % 2 or height % 2:
        raise InputError(f"{path}: {width}x{height} cannot be 4:2:0: crop it to even sides")
    notes = [] if pixel_format == FORMAT else [f"{pixel_format} converted to {FORMAT}"]
    return Clip(
        name=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        path=path,
        width=width,
        height=height,
        frame_rate=Fraction(rate or 25),
        colour=source.colour.as_yuv(height),
        notes=tuple(notes),
    )


def _planes(frame: Any) -> Planes:
    rows: NDArray[np.uint8] = frame.to_ndarray()
    height, width = frame.height, frame.width
    chroma = rows[height:].reshape(2, height // 2, width // 2)
    return rows[:height], chroma[0], chroma[1]
