"""Writing decoded video: y4m, mp4, mkv, or a folder of frames."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av

from vaecompress.errors import OutputError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.conversion import to_yuv
from vaecompress.media.formats.animation_write import AnimationWriter
from vaecompress.media.formats.sound import SoundCut, SoundMuxer
from vaecompress.media.formats.tags import lost_tags
from vaecompress.media.image import UInt8Array
from vaecompress.media.video_frames import PictureFrameWriter
from vaecompress.media.video_source import Description
from vaecompress.media.y4m import Y4mWriter

_FORMATS_BY_SUFFIX = {
    **{".y4m": "y4m", ".mp4": "mp4", ".m4v": "mp4", ".mkv": "mkv"},
    **{".gif": "gif", ".webp": "webp", ".png": "png", ".apng": "png"},
}
_MUXERS = {"mp4": "mp4", "mkv": "matroska"}
_UNUSUAL = "lossless RGB does not play in browsers, phones and QuickTime: --crf 18 writes what does"


class VideoWriter(Protocol):
    """Takes frames in order; the output is complete after ``close``. ``notes`` says what is not kept, then."""

    notes: list[str]

    def write(self, frame: UInt8Array, time_stamp: int) -> None:
        """Add a frame, uint8 RGB [height, width, 3], shown from ``time_stamp`` (units of the time base) on."""

    def close(self, end: int | None = None) -> None:
        """Finish the output; ``end`` is the time stamp at which the last frame ends, if known."""

    def abandon(self) -> None:
        """Let go of an output that will not be finished."""


def video_format_of(path: Path | str) -> str:
    """Return the format a path stands for, such as "mp4" or "png" (animated); "frames" for one without suffix.

    Raises UsageError (no video is written with this suffix).
    """
    suffix = Path(path).suffix.lower()
    if suffix == "":
        return "frames"
    if suffix not in _FORMATS_BY_SUFFIX:
        raise UsageError(
            f"{path}: no video is written as {suffix}: use .mp4, .mkv, .y4m, .gif, .webp, .png (animated) or a folder"
        )
    return _FORMATS_BY_SUFFIX[suffix]


_NOTHING_SAID = Description()


def open_video_writer(
    path: Path,
    format: str,
    *,
    width: int,
    height: int,
    time_base: Fraction,
    colour: Colour,
    crf: int | None = None,
    first_index: int = 0,
    sound: SoundCut | None = None,
    description: Description = _NOTHING_SAID,
) -> VideoWriter:
    """Open a writer in a format that :func:`video_format_of` returns, whatever the suffix of ``path``.

    ``path``: file or folder to write. ``format``: "y4m", "mp4", "mkv" or "frames". ``width``: columns of every frame.
    ``height``: rows of every frame. ``time_base``: seconds one unit of a time stamp stands for. ``colour``: primaries
    and transfer to declare; the matrix for what is written as YUV. ``crf``: x264's quality for mp4 and mkv, 0 to 51;
    lossless RGB if not given. ``first_index``: number in the name of the first of a folder's frames. ``sound``,
    ``description``: to be written beside the frames, where the format has room for them. Raises UsageError (``crf`` out
    of range, or given for a format that is always lossless) or OutputError (the output cannot be opened).
    """
    if crf is not None and (format not in _MUXERS or not 0 <= crf <= 51):
        raise UsageError(f"crf {crf} with {format}: it is for mp4 and mkv, 0 to 51")
    if format in _MUXERS:
        return FileWriter(path, format, width, height, time_base, colour, crf, sound, description)
    writer: VideoWriter
    no_room = ["sound"] * (sound is not None) + list(description.tags)
    if format == "y4m":
        writer = Y4mWriter(path, width, height, time_base, description.aspect)
    elif format == "frames":
        writer = PictureFrameWriter(path, first_index, colour)
    else:
        writer = AnimationWriter(path, format, time_base)
    no_room += ["shape of pixels"] * (description.aspect != 1 and format != "y4m")
    no_room += [f"colours ({colour.transfer_name}, HDR)"] * (colour.is_hdr and format != "frames")
    if no_room:
        writer.notes.append(f"no room for its {', '.join(no_room)}: write .mp4 or .mkv")
    return writer


class FileWriter:
    """mp4 or mkv with H.264: lossless RGB, or 4:2:0 at a given CRF. Time stamps are kept one by one."""

    def __init__(
        self,
        path: Path,
        format: str,
        width: int,
        height: int,
        time_base: Fraction,
        colour: Colour,
        crf: int | None,
        sound: SoundCut | None = None,
        description: Description = _NOTHING_SAID,
    ) -> None:
        self.notes: list[str] = []
        if format == "mkv" and (time_base * 1000).denominator != 1:
            self.notes.append("mkv keeps time stamps to the millisecond")
        if crf is None:
            self.notes.append(_UNUSUAL)
        self._path = path
        self._tags = description.tags
        self._colour = colour.as_yuv(height)
        self._format = format
        self._time_base = time_base
        self._first = 0
        self._first_dts: int | None = None
        self._last: int | None = None
        # mp4 counts the start of a stream in units of its own, a millisecond unless told otherwise.
        options = {"movie_timescale": str(time_base.denominator)} if format == "mp4" else {}
        with _in_one_line(path):
            self._container: Any = av.open(f"file:{path}", "w", format=_MUXERS[format], options=options)
            self._stream = self._add_stream(width, height, crf)
            self._stream.time_base = self._stream.codec_context.time_base = time_base
            self._stream.codec_context.color_primaries = colour.primaries
            self._stream.codec_context.color_trc = colour.transfer
            self._stream.codec_context.sample_aspect_ratio = description.aspect
            self._container.metadata.update(description.tags)
            self._sound = None if sound is None else SoundMuxer(sound, self._container, format)
        self.notes += self._sound.notes if self._sound else []

    def _add_stream(self, width: int, height: int, crf: int | None) -> Any:
        if crf is None:
            stream = self._container.add_stream("libx264rgb", options={"qp": "0", "preset": "veryfast"})
            stream.pix_fmt = "rgb24"
        else:
            stream = self._container.add_stream("libx264", options={"crf": str(crf), "preset": "medium"})
            stream.pix_fmt = "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"
            stream.codec_context.colorspace = self._colour.matrix
            stream.codec_context.color_range = self._colour.swscale_range
        stream.width, stream.height = width, height
        return stream

    def write(self, frame: UInt8Array, time_stamp: int) -> None:
        """Add a frame.

        Raises OutputError (the file cannot be written, or the time stamp does not come after the one before).
        """
        if self._last is not None and time_stamp <= self._last:
            raise OutputError(f"{self._path}: time stamps do not increase: write y4m or a folder of frames instead")
        self._first = time_stamp if self._last is None else self._first
        self._last = time_stamp
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if self._stream.pix_fmt != "rgb24":
            picture = to_yuv(picture, self._stream.pix_fmt, self._colour)
        with _in_one_line(self._path):
            picture.pts = time_stamp
            picture.time_base = self._time_base
            packets = self._stream.encode(picture)
            if packets and self._first_dts is None:
                self._first_dts = packets[0].dts
            if self._sound:
                self._sound.write_until(time_stamp * self._time_base)
            self._container.mux(packets)

    def close(self, end: int | None = None) -> None:
        """Write what the encoder still holds, and the index.

        Raises OutputError (the file cannot be written).
        """
        with _in_one_line(self._path):
            packets = self._stream.encode(None)
            if packets and end is not None and self._last is not None and end > self._last:
                self._set_end(packets, end)
            self._container.mux(packets)
            if self._sound:
                self._sound.write_until(None)
                self._sound.close()
            self._container.close()
        if self._tags and (lost := lost_tags(self._path, self._tags)):
            self.notes.append(f"{self._format} has no room for its {', '.join(lost)}")
        if self._sound and self._format == "mkv":
            self._note_shift()

    def _note_shift(self) -> None:
        """Matroska has no times below zero, which a codec's first packets often have: libav then moves everything."""
        with av.open(f"file:{self._path}") as container:
            stream = container.streams.video[0]
            moved = round((stream.start_time or 0) * stream.time_base * 1000 - self._first * self._time_base * 1000)
        if moved:
            self.notes.append(f"mkv has no times below zero: pictures and sound start {moved} ms later")

    def _set_end(self, packets: list[Any], end: int) -> None:
        """Tell the muxer when the last frame ends: mp4 counts in the order of decoding too, mkv in that of showing."""
        shown_last = max(packets, key=lambda packet: packet.pts)
        shown_last.duration = end - shown_last.pts
        if self._format == "mkv" or shown_last is packets[-1]:
            return
        first_dts = packets[0].dts if self._first_dts is None else self._first_dts
        packets[-1].duration = max(1, end - self._first - (packets[-1].dts - first_dts))

    def abandon(self) -> None:
        """Let go of a file that will not be finished."""
        if self._sound:
            self._sound.close()
        with suppress(av.FFmpegError, OSError):
            self._container.close()


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """Turn the errors of libav, of the system, and of numbers that libav has no room for into :class:`OutputError`."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    except OverflowError as error:
        raise OutputError(f"{path}: has no room for such time stamps: write y4m or a folder of frames") from error
