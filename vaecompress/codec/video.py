"""Videos: frames coded each on its own, several in parallel, with their time stamps and colour."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar

import numpy as np

from vaecompress import bitstream
from vaecompress.bitstream import Chunk, Container, ContainerWriter, Header, Picture, TimeStamps, chunks
from vaecompress.codec.effort import DEFAULT_EFFORT, EFFORTS, Effort
from vaecompress.codec.models import LoadedModel
from vaecompress.codec.picture import PictureCodec, Pixels, psnr_db
from vaecompress.codec.search import Search
from vaecompress.errors import CorruptError, InputError, UnsupportedError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.video import DEFAULT_FRAME_RATE, VideoSource

MAX_FRAME_PSNR_DB = 100.0
"""What a frame without any error counts for in the mean."""

Progress = Callable[[int, int | None], None]
OnDamage = Callable[[CorruptError], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class VideoReport:
    """What an encoded video is and took.

    ``kbit_per_s`` counts the whole file, and is None for a single frame, which has no duration; ``psnr_db`` is the mean
    over the frames; ``frames_per_s`` is the speed of encoding; ``notes`` says what the source lost.
    """

    frames: int
    size_bytes: int
    kbit_per_s: float | None
    psnr_db: float
    frames_per_s: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Frame:
    """Frame ``index`` of a video: uint8 RGB [height, width, 3], shown from ``pts`` (in units of the time base) on."""

    index: int
    pts: int
    pixels: Pixels


def encode_video(
    source: VideoSource,
    output: BinaryIO,
    model: LoadedModel,
    quality: int,
    workers: int = 1,
    spool_dir: Path | None = None,
    progress: Progress | None = None,
    effort: Effort = EFFORTS[DEFAULT_EFFORT],
) -> VideoReport:
    """Write ``source`` to ``output``, a seekable file, at a quality of 1..100.

    ``workers`` frames are coded at a time; each is decoded again, which gives its checksum. Memory does not grow with
    the number of frames: coded ones wait in a temporary file in ``spool_dir``. ``progress`` is told the frames done,
    and their total where the source tells. Raises InputError or LimitError as the source does, and OSError.
    """
    started = time.perf_counter()
    codec = PictureCodec(_shared(model, workers))
    header = Header("video", source.width, source.height, 3, False, quality, model.model_id)
    start_byte = output.tell()

    def encode(item: tuple[Pixels, int]) -> tuple[bytes, float, int]:
        pixels, time_stamp = item
        found = codec.latents.encode(Search(codec, pixels, quality).run(effort))
        coded = codec.reconstruct(found, pixels.shape, quality)
        return coded.payload.to_body(), psnr_db(pixels, coded.pixels), time_stamp

    time_stamps: list[int] = []
    total_db = 0.0
    with ContainerWriter(output, header, spool_dir) as writer:
        writer.append(_colour_chunk(source.colour))
        for body, frame_db, time_stamp in _in_order(encode, source, workers):
            writer.append(Chunk(chunks.FRAME, body))
            time_stamps.append(time_stamp)
            total_db += min(frame_db, MAX_FRAME_PSNR_DB)
            if progress:
                progress(len(time_stamps), source.frame_count)
        stamps = TimeStamps(source.time_base, tuple(time_stamps))
        writer.append(_time_chunk(stamps, source.name))
    frames, size_bytes = len(time_stamps), output.tell() - start_byte
    seconds = time.perf_counter() - started
    return VideoReport(
        frames, size_bytes, _rate(size_bytes, stamps), total_db / frames, frames / seconds, tuple(source.notes)
    )


def decode_video(
    container: Container,
    model: LoadedModel,
    wanted: range | None = None,
    workers: int = 1,
    on_damage: OnDamage | None = None,
) -> Iterator[Frame]:
    """The ``wanted`` frames of a video (default: all), in order, ``workers`` of them decoded at a time.

    No body of any other frame is read. A damaged frame raises CorruptError; where ``on_damage`` is given it is left out
    instead, and that is told the error, which names the frame. Raises UsageError when the video lacks a wanted frame,
    UnsupportedError when it is a still image.
    """
    header, count = container.header, len(container.frames)
    stamps = read_time_stamps(container, on_damage)
    indices = range(count) if wanted is None else wanted
    if not indices or min(indices) < 0 or max(indices) >= count:
        raise UsageError(f"frames {indices.start}:{indices.stop} are not in this video, which has frames 0:{count}")
    codec = PictureCodec(_shared(model, workers))
    shape = (header.height, header.width, header.channels)
    reading = Lock()

    def decode(index: int) -> Frame | CorruptError:
        try:
            with reading:
                body = container.read(container.frames[index])
            pixels = codec.decode(Picture.from_body(body), shape, header.quality)
        except CorruptError as error:
            return CorruptError(f"frame {index}: {error}")
        return Frame(index, stamps.pts[index], np.repeat(pixels, 3 // header.channels, axis=2))

    return _sound(_in_order(decode, indices, workers), on_damage)


def read_time_stamps(container: Container, on_damage: OnDamage | None = None) -> TimeStamps:
    """When each frame is shown.

    Damaged stamps raise CorruptError; where ``on_damage`` is given, that is told the error, and the frames are shown at
    24 a second. Raises UnsupportedError when the container is a still image.
    """
    entry, frames = container.find(chunks.TIME), len(container.frames)
    if entry is None:
        raise UnsupportedError("this stream is a still image: decode it to a picture")
    try:
        return TimeStamps.from_body(container.read(entry), frames)
    except CorruptError as error:
        if on_damage is None:
            raise
        on_damage(CorruptError(f"time stamps: {error}"))
        return TimeStamps(1 / DEFAULT_FRAME_RATE, tuple(range(frames)))


def read_colour(container: Container, on_damage: OnDamage | None = None) -> Colour:
    """The colour that the source declared, unspecified where it is not in the file.

    A damaged description raises CorruptError; where ``on_damage`` is given, that is told the error instead.
    """
    entry = container.find(chunks.COLOUR)
    if entry is None:
        return Colour()
    try:
        found = bitstream.Colour.from_body(container.read(entry))
    except CorruptError as error:
        if on_damage is None:
            raise
        on_damage(CorruptError(f"colour: {error}"))
        return Colour()
    return Colour(found.primaries, found.transfer, found.matrix, found.full_range)


def _shared(model: LoadedModel, workers: int) -> LoadedModel:
    """The model for ``workers`` threads to share: where there are several, each network call takes one thread."""
    return model if workers == 1 else LoadedModel(model.file, model.engine, threads=1)


def _in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """``function`` of each item, in order, computed in ``workers`` threads; one item more than that is in memory."""
    pool = ThreadPoolExecutor(workers)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:  # an abandoned generator may end in any thread, one of the pool's too: waiting could wait for itself
        pool.shutdown(wait=False, cancel_futures=True)


def _sound(results: Iterator[Frame | CorruptError], on_damage: OnDamage | None) -> Iterator[Frame]:
    """The frames among ``results``; errors are raised, or told to ``on_damage``."""
    for result in results:
        if isinstance(result, Frame):
            yield result
        elif on_damage is None:
            raise result
        else:
            on_damage(result)


def _colour_chunk(colour: Colour) -> Chunk:
    described = bitstream.Colour(colour.primaries, colour.transfer, colour.matrix, colour.full_range)
    return Chunk(chunks.COLOUR, described.to_body())


def _time_chunk(stamps: TimeStamps, name: str) -> Chunk:
    try:
        return Chunk(chunks.TIME, stamps.to_body())
    except ValueError as error:
        raise InputError(f"{name}: its time stamps cannot be carried: {error}") from error


def _rate(size_bytes: int, stamps: TimeStamps) -> float | None:
    """Kilobits a second, when the last frame is shown as long as the others on average."""
    gaps = len(stamps.pts) - 1
    span = (stamps.pts[-1] - stamps.pts[0]) * stamps.time_base
    return float(Fraction(8 * size_bytes * gaps, 1000 * (gaps + 1)) / span) if span else None
