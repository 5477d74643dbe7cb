"""Sound: the audio streams of a video file, their packets copied as they are into a Matroska file, and back from it.

libav writes Matroska's stamps in milliseconds and moves those below zero, so exact ones are kept beside it.
"""

import io
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.bitstream import BitStreamFilterContext

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.formats.stream import LENIENT, OnDamage, opened

_MATROSKA = "matroska"
_KEPT_TAGS = ("language", "title")


@dataclass(frozen=True)
class Track:
    """When the packets of an audio stream are played, in units of ``time_base`` seconds, in increasing order.

    ``last`` is how long the last one lasts, 0 where nothing says.
    """

    time_base: Fraction
    stamps: Iterable[int]
    last: int


@dataclass(frozen=True)
class Sound:
    """A Matroska file of audio streams, to be read, and when their packets are played."""

    file: BinaryIO
    tracks: Sequence[Track]

    def cut(self, start: Fraction, end: Fraction | None) -> "SoundCut":
        """What is played between two times in seconds; no ``end``: to its own end."""
        return SoundCut(self, start, end)

    @property
    def whole(self) -> "SoundCut":
        """All of it."""
        return SoundCut(self, None, None)


@dataclass(frozen=True)
class SoundCut:
    """What of ``sound`` is played from ``start`` to ``end``, in seconds; None: from its start, to its end."""

    sound: Sound
    start: Fraction | None
    end: Fraction | None

    def holds(self, start: Fraction, end: Fraction) -> bool:
        """Whether something of a packet that is played from ``start`` to ``end`` belongs to it."""
        return (self.start is None or end > self.start) and (self.end is None or start < self.end)


def copy_sound(
    path: Path, file: BinaryIO, limits: Limits, on_damage: OnDamage, left_out: Collection[int] = ()
) -> tuple[list[Track], list[str]]:
    """Copy the packets of all audio streams but ``left_out`` into a Matroska file; notes name what is not carried.

    ``file`` is empty, seekable, to be read and written. Raises InputError (the file cannot be read) and LimitError (too
    much sound).
    """
    notes: list[str] = []
    with opened(path) as (source, _), av.open(file, "w", format=_MATROSKA, options={"fflags": "bitexact"}) as target:
        copies: dict[int, _Copy] = {}
        for stream in source.streams.audio:
            if can_hold(_MATROSKA, stream):
                if stream.index not in left_out:
                    copies[stream.index] = _Copy(stream, target)
            else:
                notes.append(f"{_name(stream)} sound is not carried")
        if not copies:
            return [], notes
        size_bytes = 0
        try:
            for packet in source.demux([copy.stream for copy in copies.values()]):
                if packet.size:
                    size_bytes += packet.size
                    limits.check_sound(size_bytes)
                    copies[packet.stream_index].take(packet)
        except av.FFmpegError as error:
            on_damage(InputError(f"{path}: its sound is damaged: {error.strerror}"))
    written = count_packets(file)
    wrong = [index for index, count in zip(copies, written, strict=True) if not 0 < count == len(copies[index].stamps)]
    if wrong:  # a stream without packets has no place in the chunk, one whose packets libav regroups no stamps
        file.seek(0)
        file.truncate()
        tracks, notes = copy_sound(path, file, limits, on_damage, {*left_out, *wrong})
        return tracks, [*notes, *(f"{copies[i].name} sound is not carried" for i in wrong if copies[i].stamps)]
    notes += sorted({note for copy in copies.values() for note in copy.notes})
    return [copy.track for copy in copies.values()], notes


def can_hold(format: str, stream: Any) -> bool:
    """Whether a container format of libav has room for packets as those of ``stream``."""
    try:
        with av.open(io.BytesIO(), "w", format=format) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def count_packets(file: BinaryIO) -> list[int]:
    """How many packets each stream of a Matroska file has. Raises InputError where it cannot be read."""
    with _matroska(file) as container:
        try:
            counts = Counter(packet.stream_index for packet in container.demux() if packet.size)
        except av.FFmpegError as error:
            raise InputError(f"sound that cannot be read: {error.strerror}") from error
        return [counts[stream.index] for stream in container.streams]


def describe_sound(file: BinaryIO) -> list[str]:
    """Each audio stream of a Matroska file in words. Raises InputError where it cannot be read."""
    with _matroska(file) as container:
        return [", ".join([_name(stream), *_kind(stream), *_language(stream)]) for stream in container.streams.audio]


class SoundMuxer:
    """Writes sound into a video file beside its pictures. ``notes`` says what the format has no room for."""

    def __init__(self, cut: SoundCut, container: Any, format: str) -> None:
        """Adds the streams to an output ``container`` of libav, of a ``format`` such as "mp4"."""
        self.notes: list[str] = []
        self._cut, self._container = cut, container
        self._source = _matroska(cut.sound.file)
        self._targets: dict[int, Any] = {}
        for stream in self._source.streams.audio:
            if can_hold(container.format.name, stream):
                target = container.add_stream_from_template(stream)
                target.metadata.update({tag: stream.metadata[tag] for tag in _KEPT_TAGS if tag in stream.metadata})
                self._targets[stream.index] = target
            else:
                instead = "--no-audio leaves it out" if format == "mkv" else "write .mkv to keep it"
                self.notes.append(f"{format} cannot hold {_name(stream)} sound: {instead}")
        self._packets = self._timed()
        self._next = next(self._packets, None)

    def write_until(self, seconds: Fraction | None) -> None:
        """Write what begins before a time; None: all that is left."""
        while self._next is not None and (seconds is None or self._next[0] < seconds):
            self._container.mux(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Let go of the source."""
        with suppress(av.FFmpegError):
            self._source.close()

    def _timed(self) -> Iterator[tuple[Fraction, Any]]:
        """The packets to write, each with the time in seconds at which it begins."""
        tracks = self._cut.sound.tracks
        times = [pairwise(chain(track.stamps, [None])) for track in tracks]
        for packet in self._source.demux():
            if not packet.size:
                continue
            track = tracks[packet.stream_index]
            stamp, following = next(times[packet.stream_index])
            assert stamp is not None
            end = stamp + track.last if following is None else following
            target = self._targets.get(packet.stream_index)
            if target is None or not self._cut.holds(stamp * track.time_base, end * track.time_base):
                continue
            packet.pts = packet.dts = stamp
            packet.time_base, packet.duration, packet.stream = track.time_base, end - stamp, target
            yield stamp * track.time_base, packet


@dataclass
class _Copy:
    """One audio stream on its way into a Matroska file."""

    stream: Any
    target: Any
    stamps: "array[int]" = field(default_factory=lambda: array("q"))
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        context = self.stream.codec_context
        self.name = _name(self.stream)
        self._out = self.target.add_stream_from_template(self.stream)
        self._out.metadata.update({tag: self.stream.metadata[tag] for tag in _KEPT_TAGS if tag in self.stream.metadata})
        # AAC comes from transport streams with a header a packet, which is not how files hold it.
        self._filter = BitStreamFilterContext("aac_adtstoasc", self.stream) if self.name == "aac" else None
        self._samples = context.frame_size if context is not None and context.sample_rate else 0
        self._time_base = Fraction(1, context.sample_rate) if self._samples else self.stream.time_base
        self._unit = self.stream.time_base / self._time_base
        self._end: Fraction | int = 0
        self._moved: Fraction | int = 0
        self._last = 0

    @property
    def track(self) -> Track:
        """When its packets are played."""
        return Track(self._time_base, self.stamps, self._last)

    def take(self, packet: Any) -> None:
        """Copy a packet."""
        stamp, duration = self._stamp(packet), self._duration(packet)
        for filtered in [packet] if self._filter is None else self._filter.filter(packet):
            filtered.pts = filtered.dts = stamp
            filtered.time_base, filtered.duration, filtered.stream = self._time_base, duration, self._out
            self.target.mux(filtered)
        self.stamps.append(stamp)
        self._end, self._last = stamp + (self._samples or max(1, duration)), duration

    def _stamp(self, packet: Any) -> int:
        """When a packet is played.

        Stamps of a coarse clock, as Matroska's, are where a packet follows the one before without a gap, if they could.
        """
        told = packet.dts if packet.pts is None else packet.pts
        if told is None or not self.stamps:
            return round(self._end if told is None else told * self._unit)
        exact = told * self._unit + self._moved
        if exact <= self.stamps[-1]:
            self.notes.append("time stamps of the sound that are out of order are replaced")
            if (self._end - exact) * self._time_base > 1:
                self._moved += self._end - exact  # the clock starts anew, as in joined transport streams
            return round(self._end)
        return round(self._near(exact, self._end))

    def _duration(self, packet: Any) -> int:
        return round(self._near((packet.duration or 0) * self._unit, self._samples))

    def _near(self, value: Fraction, wanted: Fraction | int) -> Fraction | int:
        """``wanted`` where the stream's clock is too coarse to tell it from ``value``."""
        return wanted if self._samples and abs(value - wanted) <= self._unit else value


def _matroska(file: BinaryIO) -> Any:
    file.seek(0)
    try:
        return av.open(file, "r", format=_MATROSKA, **LENIENT)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"sound that cannot be read: {getattr(error, 'strerror', error)}") from error


def _name(stream: Any) -> str:
    context = stream.codec_context
    return "unknown" if context is None else str(context.codec.canonical_name)


def _kind(stream: Any) -> list[str]:
    context = stream.codec_context
    return [] if context is None else [f"{context.sample_rate} Hz", str(context.layout.name)]


def _language(stream: Any) -> list[str]:
    return [stream.metadata["language"]] if stream.metadata.get("language", "und") != "und" else []
