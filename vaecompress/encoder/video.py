"""Videos to streams: frames with their time stamps and colour, predicted from each other or coded each on its own."""

import io
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from vaecompress import bitstream
from vaecompress.bitstream import Chunk, ContainerWriter, FramePayload, Header, TimeStamps, chunks
from vaecompress.bitstream.description import write_aspect, write_tags
from vaecompress.bitstream.directory import entry_bytes
from vaecompress.bitstream.sound import SoundHead, SoundStream
from vaecompress.bitstream.stamps import StampRuns
from vaecompress.bitstream.varint import MAX_BYTES as MAX_VARINT_BYTES
from vaecompress.bitstream.varint import write_varint
from vaecompress.codec.compiled import COMPILES
from vaecompress.codec.picture import psnr_db
from vaecompress.codec.video import in_order, shared
from vaecompress.defaults import DEFAULT_EFFORT, DEFAULT_GROUP
from vaecompress.encoder.effort import EFFORTS, Effort
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.predicted_video import CodedFrame, Frame, PredictedEncoder, Run
from vaecompress.encoder.steering import CARES, MissedError, Steering, Survey
from vaecompress.errors import InputError
from vaecompress.format import DEFAULT_QUALITY
from vaecompress.media.colour import Colour
from vaecompress.media.video_source import VideoSource
from vaecompress.models.loaded import PREDICTED, LoadedModel

_BLOCK_BYTES = 1 << 20

NOT_PREDICTED = "every frame is coded on its own; files are several times smaller with pip install 'vaecompress[video]'"

FrameProgress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class VideoReport:
    """What an encoded video is and took.

    ``quality`` is that asked for, or the mean over the frames where it was another goal.
    ``kbit_per_s`` counts the file but for its sound, and is None for a single frame, which has no duration; ``psnr_db``
    is the mean over the frames; ``frames_per_s`` is the speed of encoding; ``notes`` says what the source lost.
    """

    frames: int
    size_bytes: int
    sound_bytes: int
    quality: int
    kbit_per_s: float | None
    psnr_db: float
    frames_per_s: float
    notes: tuple[str, ...]


def encode_video(
    source: VideoSource,
    output: BinaryIO,
    model: LoadedModel,
    goal: int | Goal,
    workers: int = 1,
    spool_dir: Path | None = None,
    progress: FrameProgress | None = None,
    effort: Effort = EFFORTS[DEFAULT_EFFORT],
    group: int = DEFAULT_GROUP,
    sound: bool = True,
    strip: bool = False,
    looking: FrameProgress | None = None,
    spare_bytes: int = 0,
) -> VideoReport:
    """Write ``source`` to ``output``, a seekable file, at a quality of 1..100 or to another goal.

    With a model for video, and numba, frames are predicted from each other in groups of at most ``group`` frames; else
    each is coded on its own, and a note says so where numba is what lacks. ``workers`` frames are coded at a time; each
    is decoded again, which gives its checksum. Memory does not grow with the number of frames: coded ones wait in a
    temporary file in ``spool_dir``. ``progress`` is told the frames done, and their total where the source tells;
    ``looking`` is told those looked at first, which a goal other than a quality needs. ``sound`` comes along where the
    source has some; ``strip`` leaves title, place and the like out. ``spare_bytes`` is what a goal leaves for others.
    Raises InputError or LimitError as the source does, GoalError where the goal is out of reach, and OSError.
    """
    started, start_byte = time.perf_counter(), output.tell()
    notes: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        coder = _coder(shared(model, workers), group, workers, pool, notes)
        job = _Job(source, output, model.model_id, coder, effort, spool_dir, progress, sound, strip, spare_bytes)
        made = job.at_quality(goal) if isinstance(goal, int) else job.to_goal(goal, looking)
    frames, size_bytes = len(made.stamps.pts), output.tell() - start_byte
    seconds = time.perf_counter() - started
    return VideoReport(
        frames,
        size_bytes,
        made.sound_bytes,
        made.quality,
        _rate(size_bytes - made.sound_bytes, made.stamps),
        made.total_db / frames,
        frames / seconds,
        (*source.notes, *notes),
    )


@dataclass(frozen=True)
class _Made:
    """What a file became."""

    stamps: TimeStamps
    total_db: float
    sound_bytes: int
    quality: int


@dataclass(frozen=True)
class _Job:
    """One source on its way into one file."""

    source: VideoSource
    output: BinaryIO
    model_id: bytes
    coder: "PredictedEncoder | AloneEncoder"
    effort: Effort
    spool_dir: Path | None
    progress: FrameProgress | None
    sound: bool
    strip: bool
    spare_bytes: int

    def at_quality(self, quality: int) -> _Made:
        """All frames at one quality."""
        with self._writer(quality) as writer:
            sound_bytes = self._append_all_but_frames(writer)
            coded = self.coder.encode(self.source, quality, self.effort)
            return _Made(*self._append_frames(writer, coded), sound_bytes, quality)

    def to_goal(self, goal: Goal, looking: FrameProgress | None) -> _Made:
        """Frames whose qualities make the file what ``goal`` asks for."""
        if goal.quality is not None:
            return self.at_quality(goal.quality)
        survey = Survey.of(self.coder, self.source, looking)
        ending = _ending(TimeStamps(self.source.time_base, survey.stamps), self.source)
        other_bytes = sum(entry_bytes(len(chunk.body)) + len(chunk.body) for chunk in ending)
        other_bytes += MAX_VARINT_BYTES + self.spare_bytes
        steering: Steering | None = None
        for care in CARES:
            with suppress(*[MissedError] * (care != CARES[-1])), self._writer(DEFAULT_QUALITY) as writer:
                sound_bytes = self._append_all_but_frames(writer)
                if steering is None:
                    pixels = self.source.width * self.source.height
                    window = survey.window(goal, pixels, other_bytes + writer.size_bytes, sound_bytes)
                    steering = Steering(self.coder, self.source, self.effort, survey, window)
                stamps, total_db = self._append_frames(writer, steering.encode(care))
                writer.header = replace(writer.header, quality=steering.quality)
                return _Made(stamps, total_db, sound_bytes, steering.quality)
        raise AssertionError("the last try raises or returns")

    def _writer(self, quality: int) -> ContainerWriter:
        header = Header("video", self.source.width, self.source.height, 3, False, quality, self.model_id)
        return ContainerWriter(self.output, header, self.spool_dir)

    def _append_all_but_frames(self, writer: ContainerWriter) -> int:
        """Add what comes before the frames; returns the bytes of sound among it."""
        writer.append(_colour_chunk(self.source.colour))
        for chunk in _description_chunks(self.source, self.strip):
            writer.append(chunk)
        return _append_sound(writer, self.source, self.spool_dir) if self.sound else 0

    def _append_frames(self, writer: ContainerWriter, coded_frames: Iterator[CodedFrame]) -> tuple[TimeStamps, float]:
        """Add the frames and what follows them; returns their stamps and the sum of their PSNR."""
        time_stamps: list[int] = []
        total_db = 0.0
        for coded in coded_frames:
            writer.append(coded.chunk)
            time_stamps.append(coded.time_stamp)
            total_db += coded.counted_db
            if self.progress:
                self.progress(len(time_stamps), self.source.frame_count)
        stamps = TimeStamps(self.source.time_base, tuple(time_stamps))
        for chunk in _ending(stamps, self.source):
            writer.append(chunk)
        return stamps, total_db


class AloneEncoder:
    """Codes every frame on its own, ``workers`` of them at a time, in the threads of ``pool``."""

    def __init__(self, model: LoadedModel, workers: int, pool: ThreadPoolExecutor) -> None:
        self._pictures, self._workers, self._pool = PictureEncoder(model), workers, pool

    def encode(self, frames: Iterable[Frame], quality: int, effort: Effort) -> Iterator[CodedFrame]:
        """The coded frames, in order; one more than are coded at a time wait."""
        return in_order(partial(self._alone, quality, effort), frames, self._workers)

    def runs(self, frames: Iterable[Frame]) -> Iterator[Run]:
        """As many frames as are coded at a time."""
        left = iter(frames)
        while run := list(islice(left, self._workers)):
            yield Run(True, run)

    def code(self, run: Run, before: None, quality: int, effort: Effort) -> tuple[list[CodedFrame], None]:
        """The coded frames of a run; the next one needs nothing of them."""
        return list(self._pool.map(partial(self._alone, quality, effort), run.frames)), None

    def _alone(self, quality: int, effort: Effort, frame: Frame) -> CodedFrame:
        pixels, time_stamp = frame
        coded = self._pictures.encode(pixels, quality, effort)
        chunk = Chunk(chunks.FRAME, FramePayload(quality, coded.payload).to_body())
        return CodedFrame(chunk, time_stamp, psnr_db(pixels, coded.pixels))


def _coder(
    model: LoadedModel, group: int, workers: int, pool: ThreadPoolExecutor, notes: list[str]
) -> PredictedEncoder | AloneEncoder:
    if PREDICTED in model.file.card and group > 1:
        if COMPILES:
            return PredictedEncoder(model, group, pool)
        notes.append(NOT_PREDICTED)
    return AloneEncoder(model, workers, pool)


def _ending(stamps: TimeStamps, source: VideoSource) -> list[Chunk]:
    """The chunks that follow the frames."""
    found = [_time_chunk(stamps, source.name)]
    if (last := source.last_duration) is not None and last != stamps.usual_last_duration:
        found.append(Chunk(chunks.LAST_DURATION, write_varint(last)))
    return found


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
