"""Reading video files with PyAV: exact time stamps, conversion to RGB as the file declares it.

PyAV is used directly: imageio's plugin gives neither time stamps nor a choice of matrix, range and conversion.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from av.video.reformatter import ColorRange

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.colour import IDENTITY, UNSPECIFIED, Colour, usual_matrix
from vaecompress.media.conversion import is_grey, to_rgb
from vaecompress.media.formats.display import UNTURNED, Display, display_of, side_data_of
from vaecompress.media.formats.sound import Track, copy_sound
from vaecompress.media.formats.stream import declared_length, decoded, films, opened
from vaecompress.media.formats.tags import tags_of
from vaecompress.media.image import UInt8Array
from vaecompress.media.picture_kinds import sniff
from vaecompress.media.source import existing_file
from vaecompress.media.video_source import Description, VideoSource

_RAW_STREAMS = ("h264", "hevc", "mpegvideo", "m4v", "obu")
_USUAL_RATE = Fraction(25)


@dataclass
class VideoFile(VideoSource):
    """The video stream of a file that players show.

    ``display``: how the file asks players to turn each frame, which is done. ``step``: the usual distance of two time
    stamps. ``partial``: damage is noted and left out.
    """

    path: Path = Path()
    display: Display = UNTURNED
    step: int = 1
    partial: bool = False

    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        last: int | None = None
        moved_by = 0
        with opened(self.path) as (container, stream):
            for frame, duration in decoded(container, stream, self.path, self.limits, self._on_damage):
                time_stamp = None if frame.pts is None else frame.pts + moved_by
                if time_stamp is None or (last is not None and time_stamp <= last):
                    self._note("time stamps that are missing or out of order are replaced")
                    wanted = 0 if last is None else last + self.step
                    if time_stamp is not None and (wanted - time_stamp) * self.time_base > 1:
                        moved_by += wanted - time_stamp  # the clock starts anew, as in joined transport streams
                    time_stamp = wanted
                last = time_stamp
                self.last_duration = max(duration, _left_until_end(stream, frame)) or None
                yield self.display.applied(to_rgb(frame, self.colour)), time_stamp

    def copy_sound(self, file: BinaryIO) -> list[Track]:
        """Copy the sound's packets; what is not carried of it is noted."""
        if not self.has_audio:
            return []
        tracks, notes = copy_sound(self.path, file, self.limits, self._on_damage)
        for note in notes:
            self._note(note)
        return tracks

    def _on_damage(self, error: InputError) -> None:
        if not self.partial:
            _raise(error)
        self.is_damaged = True
        self._note(f"left out: {str(error).removeprefix(f'{self.path}: ')}")


def open_video_file(path: Path, limits: Limits, partial: bool = False) -> VideoFile:
    """Open a video file and decode its first frame; ``partial`` leaves out what is damaged.

    Raises InputError (no video, damaged, or of a kind that is not carried) or LimitError (over a limit).
    """
    _refuse_pictures(existing_file(path, limits))
    with opened(path) as (container, stream):
        limits.check_size(stream.width, stream.height)
        limits.check_frames(stream.frames)
        ignore_or_raise = _ignore if partial else _raise
        frame, _ = next(decoded(container, stream, path, limits, ignore_or_raise), (None, 0))
        if frame is None:
            raise InputError(f"{path}: holds no frame that can be decoded")
        colour = _colour(frame)
        if colour.matrix != IDENTITY and not colour.is_converted:
            raise InputError(f"{path}: H.273 matrix {colour.matrix} is not carried: convert to BT.709 first")
        display = display_of(frame)
        rate = _rate(container, stream)
        seconds = declared_length(container, stream)
        return VideoFile(
            name=str(path),
            width=frame.height if display.transposed else frame.width,
            height=frame.width if display.transposed else frame.height,
            time_base=stream.time_base,
            frame_count=stream.frames or (None if seconds is None else round(seconds * rate)),
            colour=colour,
            has_audio=bool(container.streams.audio),
            limits=limits,
            notes=_notes(container, stream, frame, rate) + display.notes,
            path=path,
            display=display,
            step=max(1, round(1 / (rate * stream.time_base))),
            description=Description(tags_of(container), _aspect(stream, display)),
            partial=partial,
        )


def _left_until_end(stream: Any, frame: Any) -> int:
    """Return how long a frame of an mp4 file may be shown; its packet's duration counts in the order of decoding."""
    if frame.pts is None or not stream.duration or stream.container.format.name.split(",")[0] != "mov":
        return 0
    return int(stream.duration + (stream.start_time or 0) - frame.pts)


def _aspect(stream: Any, display: Display) -> Fraction:
    """Return a pixel's width divided by its height, as it is shown."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return 1 / aspect if display.transposed else aspect


def _raise(error: InputError) -> None:
    raise InputError(f"{error}; --allow-partial encodes what is sound") from error


def _ignore(error: InputError) -> None:
    """Nothing is said of the damage before the first frame: the whole file is read again."""


def _refuse_pictures(path: Path) -> None:
    """Refuse pictures that libav opens as a video: of a phone's picture in tiles it would give the first tile."""
    with path.open("rb") as file:
        kind = sniff(file.read(64))
    if kind in ("HEIF", "AVIF", "RAW"):
        raise InputError(f"{path}: is a picture by its content, not a video: give it a picture's suffix, such as .heic")


def _rate(container: Any, stream: Any) -> Fraction:
    """Return frames a second: of raw streams as the stream itself says, which libav plays at 25."""
    if container.format.name in _RAW_STREAMS and stream.codec_context.framerate:
        return Fraction(stream.codec_context.framerate)
    return stream.average_rate or _USUAL_RATE


def _colour(frame: Any) -> Colour:
    """Return the declared colour of a frame, with the usual matrix and range where none is declared."""
    if frame.format.is_rgb or frame.format.has_palette:
        return Colour(frame.color_primaries, frame.color_trc, IDENTITY, True)
    matrix = usual_matrix(frame.height) if frame.colorspace == UNSPECIFIED else frame.colorspace
    full_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    full_range |= frame.color_range == ColorRange.UNSPECIFIED and is_grey(frame)
    return Colour(frame.color_primaries, frame.color_trc, matrix, full_range)


def _notes(container: Any, stream: Any, frame: Any, rate: Fraction) -> list[str]:
    """Name everything about the file that is changed or left out."""
    bits = max(component.bits for component in frame.format.components)
    has_alpha = any(component.is_alpha for component in frame.format.components)
    hdr_data = {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DYNAMIC_HDR_PLUS", "DOVI_METADATA"}
    found = {
        "subtitles are not carried": bool(container.streams.subtitles),
        "only one of several video streams is carried": len(films(container)) > 1,
        "the cover picture is not carried": len(films(container)) < len(container.streams.video),
        "alpha is not carried in a video": has_alpha or stream.metadata.get("alpha_mode") == "1",
        f"{bits}-bit samples reduced to 8 bits": bits > 8,
        "data on HDR mastering is not carried": not hdr_data.isdisjoint(side_data_of(frame)),
        "interlaced frames are taken as whole frames": frame.interlaced_frame,
        f"a raw stream has no time stamps: {float(rate):.4g} frames a second are taken": (
            container.format.name in _RAW_STREAMS
        ),
    }
    return [note for note, is_so in found.items() if is_so]
