"""Videos to streams: frames with their time stamps and colour, predicted from each other or coded each on its own."""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from vaecompress import bitstream
from vaecompress.bitstream import Chunk, ContainerWriter, FramePayload, Header, TimeStamps, chunks
from vaecompress.bitstream.description import write_aspect, write_tags
from vaecompress.bitstream.sound import SoundHead, SoundStream
from vaecompress.bitstream.stamps import StampRuns
from vaecompress.bitstream.varint import write_varint
from vaecompress.codec.compiled import COMPILES
from vaecompress.codec.picture import Pixels, psnr_db
from vaecompress.codec.video import in_order, shared
from vaecompress.encoder.effort import DEFAULT_EFFORT, EFFORTS, Effort
from vaecompress.encoder.gop import DEFAULT_GROUP
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.predicted_video import CodedFrame, PredictedEncoder
from vaecompress.errors import InputError
from vaecompress.media.colour import Colour
from vaecompress.media.video_source import VideoSource
from vaecompress.models.loaded import PREDICTED, LoadedModel

_BLOCK_BYTES = 1 << 20

MAX_FRAME_PSNR_DB = 100.0
"""What a frame without any error counts for in the mean."""


NOT_PREDICTED = "every frame is coded on its own; pip install 'vaecompress[video]' makes files several times smaller"

FrameProgress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class VideoReport:
    """What an encoded video is and took.

    ``kbit_per_s`` counts the file but for its sound, and is None for a single frame, which has no duration; ``psnr_db``
    is the mean over the frames; ``frames_per_s`` is the speed of encoding; ``notes`` says what the source lost.
    """

    frames: int
    size_bytes: int
    sound_bytes: int
    kbit_per_s: float | None
    psnr_db: float
    frames_per_s: float
    notes: tuple[str, ...]


def encode_video(
    source: VideoSource,
    output: BinaryIO,
    model: LoadedModel,
    quality: int,
    workers: int = 1,
    spool_dir: Path | None = None,
    progress: FrameProgress | None = None,
    effort: Effort = EFFORTS[DEFAULT_EFFORT],
    group: int = DEFAULT_GROUP,
    sound: bool = True,
    strip: bool = False,
) -> VideoReport:
    """Write ``source`` to ``output``, a seekable file, at a quality of 1..100.

    With a model for video, and numba, frames are predicted from each other in groups of at most ``group`` frames; else
    each is coded on its own, and a note says so where numba is what lacks. ``workers`` frames are coded at a time; each
    is decoded again, which gives its checksum. Memory does not grow with the number of frames: coded ones wait in a
    temporary file in ``spool_dir``. ``progress`` is told the frames done, and their total where the source tells.
    ``sound`` comes along where the source has some;
    ``strip`` leaves title, place and the like out. Raises InputError or LimitError as the source does, and OSError.
    """
    started = time.perf_counter()
    header = Header("video", source.width, source.height, 3, False, quality, model.model_id)
    start_byte = output.tell()
    notes: list[str] = []
    frames_coded = _coded(source, shared(model, workers), quality, effort, group, workers, notes)
    time_stamps: list[int] = []
    total_db = 0.0
    with ContainerWriter(output, header, spool_dir) as writer:
        writer.append(_colour_chunk(source.colour))
        for chunk in _description_chunks(source, strip):
            writer.append(chunk)
        sound_bytes = _append_sound(writer, source, spool_dir) if sound else 0
        for coded in frames_coded:
            writer.append(coded.chunk)
            time_stamps.append(coded.time_stamp)
            total_db += min(coded.psnr_db, MAX_FRAME_PSNR_DB)
            if progress:
                progress(len(time_stamps), source.frame_count)
        stamps = TimeStamps(source.time_base, tuple(time_stamps))
        writer.append(_time_chunk(stamps, source.name))
        if (last := source.last_duration) is not None and last != stamps.usual_last_duration:
            writer.append(Chunk(chunks.LAST_DURATION, write_varint(last)))
    frames, size_bytes = len(time_stamps), output.tell() - start_byte
    seconds = time.perf_counter() - started
    return VideoReport(
        frames,
        size_bytes,
        sound_bytes,
        _rate(size_bytes - sound_bytes, stamps),
        total_db / frames,
        frames / seconds,
        (*source.notes, *notes),
    )


def _coded(
    source: VideoSource,
    model: LoadedModel,
    quality: int,
    effort: Effort,
    group: int,
    workers: int,
    notes: list[str],
) -> Iterator[CodedFrame]:
    """The coded frames, in order."""
    if PREDICTED in model.file.card and group > 1:
        if COMPILES:
            return PredictedEncoder(model, quality, effort, group, workers).encode(source)
        notes.append(
            "every frame is coded on its own; files are several times smaller with pip install 'vaecompress[video]'"
        )
    codec = PictureEncoder(model)

    def encode(item: tuple[Pixels, int]) -> CodedFrame:
        pixels, time_stamp = item
        coded = codec.encode(pixels, quality, effort)
        chunk = Chunk(chunks.FRAME, FramePayload(quality, coded.payload).to_body())
        return CodedFrame(chunk, time_stamp, psnr_db(pixels, coded.pixels))

    return in_order(encode, source, workers)


def _description_chunks(source: VideoSource, strip: bool) -> list[Chunk]:
    """What the source says of the video. Raises LimitError where it says too much."""
    tags, aspect = source.description.tags, source.description.aspect
    found = []
    if tags and not strip:
        found.append(Chunk(chunks.TAGS, write_tags(tags)))
        source.limits.check_metadata(len(found[0].body))
    if aspect != 1:
        found.append(Chunk(chunks.ASPECT, write_aspect(aspect)))
    return found


def _append_sound(writer: ContainerWriter, source: VideoSource, spool_dir: Path | None) -> int:
    """Add the sound of a source that has some; returns the bytes of its chunk."""
    with tempfile.TemporaryFile(dir=spool_dir) as file:
        tracks = source.copy_sound(file)
        if not tracks:
            return 0
        try:
            streams = [SoundStream(StampRuns.of(track.time_base, track.stamps), track.last) for track in tracks]
        except ValueError as error:
            raise InputError(f"{source.name}: the sound's time stamps cannot be carried: {error}") from error
        head = SoundHead(tuple(streams)).to_bytes()
        size_bytes = len(head) + file.seek(0, io.SEEK_END)
        source.limits.check_sound(size_bytes)
        file.seek(0)
        writer.append_blocks(chunks.SOUND, chain([head], iter(lambda: file.read(_BLOCK_BYTES), b"")))
        return size_bytes


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
