"""Videos frame by frame: streams of this codec and video files read alike, frames from anywhere encoded."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from vaecompress.arguments import file_of, image_of
from vaecompress.bitstream import Container, chunks
from vaecompress.bitstream.directory import MAGIC
from vaecompress.bitstream.presentation import read_last_duration
from vaecompress.codec.video import (
    Frame,
    decode_video,
    read_colour,
    read_description,
    read_time_stamps,
)
from vaecompress.defaults import DEFAULT_EFFORT, DEFAULT_GROUP
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.prepare import prepare
from vaecompress.encoder.video import VideoReport, encode_video
from vaecompress.errors import InputError, OutputError, UnsupportedError, UsageError
from vaecompress.files import replacing
from vaecompress.limits import Limits
from vaecompress.media import video as media_video
from vaecompress.media.colour import IDENTITY, Colour
from vaecompress.media.image import UInt8Array
from vaecompress.media.plain import plain
from vaecompress.media.video_source import DEFAULT_FRAME_RATE, VideoSource
from vaecompress.models import registry
from vaecompress.models.default import VIDEO

MAX_RATE_DENOMINATOR = 1001
"""A rate given as a float is taken for the nearest fraction with no larger denominator: 23.976 for 2997/125."""


class Video(ABC):
    """An open video: iterate over it, as often as you like, at constant memory. A context manager.

    ``width``, ``height``: of every frame. ``time_base``: seconds one unit of a time stamp stands for. ``frame_count``:
    None where only reading it to its end tells, and of some files an estimate.
    """

    width: int
    height: int
    time_base: Fraction
    frame_count: int | None

    def __iter__(self) -> Iterator[Frame]:
        """Every frame, in order. Raises CorruptError or InputError at one that is damaged."""
        return self.frames()

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` (not included). Of a stream, only what they need is decoded."""

    def seconds(self, frame: Frame) -> float:
        """When a frame is shown."""
        return float(frame.pts * self.time_base)

    @abstractmethod
    def as_source(self) -> VideoSource:
        """What an encoder reads."""

    def close(self) -> None:  # noqa: B027
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stream(Video):
    """A video of this codec."""

    def __init__(self, container: Container, threads: int | None) -> None:
        header, self._container = container.header, container
        if header.kind != "video":
            raise UnsupportedError("this stream is a picture: vaecompress.decode and read open it")
        self._stamps = read_time_stamps(container)
        self._model = registry.find(header.model_id, threads=threads)
        self._workers = threads or os.cpu_count() or 1
        self.width, self.height, self.time_base = header.width, header.height, self._stamps.time_base
        self.frame_count: int = len(container.frames)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        wanted = range(*slice(start, stop).indices(self.frame_count))
        return decode_video(self._container, self._model, wanted, self._workers) if wanted else iter(())

    def as_source(self) -> VideoSource:
        source = _Frames.of(self.frames, "stream", self.time_base, self.frame_count)
        source.colour, source.description = read_colour(self._container), read_description(self._container)
        source.last_duration = read_last_duration(self._container, self._stamps)
        if self._container.find(chunks.SOUND) is not None:
            source.notes.append("the sound of a stream is not carried into another one")
        return source

    def close(self) -> None:
        self._container.close()


class _File(Video):
    """A video file, an animation, or a folder of pictures."""

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self.width, self.height, self.time_base = source.width, source.height, source.time_base
        self.frame_count = source.frame_count

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        if start < 0 or (stop or 0) < 0:
            raise UsageError("frames of a video file are counted from its start: give numbers from 0 on")
        every = (Frame(index, pts, pixels) for index, (pixels, pts) in enumerate(self._source))
        return islice(every, start, stop)

    def as_source(self) -> VideoSource:
        return self._source


def open_video(
    source: Any,
    fps: Fraction | None = None,
    threads: int | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> Video:
    """See :func:`vaecompress.open_video`."""
    if isinstance(source, str | os.PathLike) and not _is_stream(Path(source)):
        return _File(media_video.open_video(Path(source), fps, limits))
    if isinstance(source, list | tuple):
        return _File(media_video.open_video(source, fps, limits))
    if fps is not None:
        raise UsageError("a stream has its own time stamps: leave out the frame rate")
    container = Container.open(file_of(source), limits)
    try:
        return _Stream(container, threads)
    except BaseException:
        container.close()
        raise


def encode(
    frames: Any,
    target: str | os.PathLike[str] | BinaryIO,
    goal: Goal,
    fps: Fraction | float | None = None,
    group: int = DEFAULT_GROUP,
    model: str | Path | None = None,
    effort: int = DEFAULT_EFFORT,
    threads: int | None = None,
) -> VideoReport:
    """See :func:`vaecompress.encode_video`."""
    if isinstance(frames, str | os.PathLike):
        rate = None if fps is None else Fraction(fps).limit_denominator(MAX_RATE_DENOMINATOR)
        with open_video(frames, rate, threads) as video:
            return encode(video, target, goal, None, group, model, effort, threads)
    if goal.quality is None and isinstance(frames, Iterator):
        raise UsageError("frames that come once can only have a quality as the goal: give a list, a path or a Video")
    if isinstance(frames, Video) and fps is not None:
        raise UsageError("a video has its own time stamps: leave out the frame rate")
    source = frames.as_source() if isinstance(frames, Video) else _source_of(frames, fps or DEFAULT_FRAME_RATE)
    loaded = registry.load(model, threads=threads, kind=VIDEO)
    workers, level = threads or os.cpu_count() or 1, prepare(effort, loaded)

    def write(file: BinaryIO) -> VideoReport:
        return encode_video(source, file, loaded, goal, workers, effort=level, group=group)

    if isinstance(target, str | os.PathLike):
        return _written(Path(target), write)
    return write(target)


def _is_stream(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # a folder, or what its reader names


def _written(path: Path, write: Any) -> VideoReport:
    """The report of what is written beside ``path``, then moved there."""
    try:
        with replacing(path) as file:
            report: VideoReport = write(file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    return report


@dataclass
class _Frames(VideoSource):
    """Frames that ``start`` gives one by one, as often as it can."""

    start: Callable[[], Iterator[Frame]] = field(default=lambda: iter(()))
    waiting: Iterator[Frame] | None = None

    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        frames, self.waiting = self.waiting or self.start(), None
        return ((frame.pixels, frame.pts) for frame in frames)

    @classmethod
    def of(
        cls,
        start: Callable[[], Iterator[Frame]],
        name: str,
        time_base: Fraction,
        frame_count: int | None = None,
    ) -> "_Frames":
        """Raises InputError where there is no frame."""
        frames = start()
        first = next(frames, None)
        if first is None:
            raise InputError(f"{name}: no frames to make a video of")
        height, width, _ = first.pixels.shape
        limits = Limits()
        limits.check_size(width, height)
        colour, waiting = Colour(matrix=IDENTITY, full_range=True), chain([first], frames)
        return cls(name, width, height, time_base, frame_count, colour, False, limits, start=start, waiting=waiting)


def _source_of(pictures: Iterable[Any], fps: Fraction | float) -> VideoSource:
    """Pictures of any form as the frames of a video. Raises UsageError for what cannot be iterated over."""
    if not isinstance(pictures, Iterable) or isinstance(pictures, bytes | bytearray | memoryview):
        raise UsageError(f"{type(pictures).__name__} gives no frames: give pictures one by one, a path, or a Video")
    rate = Fraction(fps).limit_denominator(MAX_RATE_DENOMINATOR)

    def start() -> Iterator[Frame]:
        return (Frame(index, index, _pixels(picture)) for index, picture in enumerate(pictures))

    return _Frames.of(start, "frames", 1 / rate)


def _pixels(picture: Any) -> UInt8Array:
    """RGB [height, width, 3] of a picture in any form, upright and in sRGB. Raises InputError."""
    if isinstance(picture, Frame):
        return picture.pixels
    image, _ = plain(image_of(picture))
    return np.repeat(image.pixels, 3 // image.channels, axis=2)
