"""Reading video files with PyAV: exact time stamps, conversion to RGB as the file declares it.

PyAV is used directly: imageio's plugin gives neither time stamps nor a choice of matrix, range and conversion.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.colour import IDENTITY, UNSPECIFIED, Colour, usual_matrix
from vaecompress.media.conversion import to_rgb
from vaecompress.media.image import UInt8Array
from vaecompress.media.picture_kinds import sniff
from vaecompress.media.source import existing_file
from vaecompress.media.video_source import VideoSource

# libav also plays text, playlists and single pictures; only these are taken for video.
_CONTAINERS = {
    *("mov", "mp4", "m4v", "matroska", "webm", "yuv4mpegpipe", "avi", "mpegts", "mpeg", "mpegvideo", "gif", "apng"),
    *("ivf", "flv", "ogg", "asf", "nut", "mxf", "dv", "h264", "hevc", "obu"),
}

# PyAV before 19 refuses a file for a title that is not UTF-8, unless told otherwise; PyAV 19 cannot be told.
_LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


@dataclass
class VideoFile(VideoSource):
    """The first video stream of a file.

    ``rotation``: degrees, counter-clockwise, that the file asks players to turn each frame by, and that are applied.
    ``step``: the usual distance of two time stamps.
    """

    path: Path = Path()
    rotation: int = 0
    step: int = 1

    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        last: int | None = None
        with _opened(self.path) as container:
            for frame in _decoded(container, self.path, self.limits):
                time_stamp = frame.pts
                if time_stamp is None or (last is not None and time_stamp <= last):
                    self._note("time stamps that are missing or out of order are replaced")
                    time_stamp = 0 if last is None else last + self.step
                last = time_stamp
                yield np.ascontiguousarray(np.rot90(to_rgb(frame, self.colour), self.rotation // 90)), time_stamp


def open_video_file(path: Path, limits: Limits) -> VideoFile:
    """Open a video file and decode its first frame.

    Raises InputError (no video, damaged, or of a kind that is not carried) or LimitError (over a limit).
    """
    _refuse_pictures(existing_file(path, limits))
    with _opened(path) as container:
        stream = container.streams.video[0]
        limits.check_size(stream.width, stream.height)
        limits.check_frames(stream.frames)
        frame = next(_decoded(container, path, limits), None)
        if frame is None:
            raise InputError(f"{path}: holds no frame that can be decoded")
        colour = _colour(frame)
        if colour.matrix != IDENTITY and not colour.is_converted:
            raise InputError(f"{path}: H.273 matrix {colour.matrix} is not carried: convert to BT.709 first")
        rotation = frame.rotation % 360 if frame.rotation % 90 == 0 else 0
        rate = stream.average_rate or Fraction(25)
        seconds = _declared_seconds(container)
        return VideoFile(
            name=str(path),
            width=frame.width if rotation % 180 == 0 else frame.height,
            height=frame.height if rotation % 180 == 0 else frame.width,
            time_base=stream.time_base,
            frame_count=stream.frames or (None if seconds is None else round(seconds * rate)),
            colour=colour,
            has_audio=bool(container.streams.audio),
            limits=limits,
            notes=_notes(container, frame),
            path=path,
            rotation=rotation,
            step=max(1, round(1 / (rate * stream.time_base))),
        )


def _refuse_pictures(path: Path) -> None:
    """Refuse pictures that libav opens as a video: of a phone's picture in tiles it would give the first tile."""
    with path.open("rb") as file:
        kind = sniff(file.read(64))
    if kind in ("HEIF", "AVIF", "RAW"):
        raise InputError(f"{path}: is a picture by its content, not a video: give it a picture's suffix, such as .heic")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a container for reading, turning every libav error into one line."""
    # "file:" keeps a name from being taken for a URL, the whitelist keeps playlists away from the network.
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, **_LENIENT) as container:
            if _CONTAINERS.isdisjoint(container.format.name.split(",")):
                raise InputError(f"{path}: {container.format.name} is not a video format that is read")
            if not container.streams.video:
                raise InputError(f"{path}: holds no video")
            if container.streams.video[0].codec_context is None:
                raise InputError(f"{path}: its video is coded in a way that is not read: convert it to H.264 first")
            yield container
    except av.FFmpegError as error:
        raise InputError(f"{path}: is no video file, or a damaged one: {error.strerror}") from error


def _decoded(container: Any, path: Path, limits: Limits) -> Iterator[Any]:
    """Yield the frames of the first video stream.

    libav conceals damage and takes a truncated file for a shorter one; here both are errors.
    """
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    # Stops a stream that grows after its size was checked.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    index = end_bytes = 0
    end_seconds = Fraction(0)
    for packet in container.demux(stream):
        end_bytes = max(end_bytes, (packet.pos or 0) + packet.size)
        if packet.pts is not None:
            end_seconds = max(end_seconds, (packet.pts + (packet.duration or 0)) * stream.time_base)
        for frame in packet.decode():
            if frame.is_corrupt or packet.is_corrupt:
                raise InputError(f"{path}: is damaged or incomplete at frame {index}")
            index += 1
            yield frame
    declared_seconds = _declared_seconds(container)
    tolerance = 2 / (stream.average_rate or Fraction(25))
    if declared_seconds is not None and end_seconds + tolerance < declared_seconds:
        raise InputError(
            f"{path}: is incomplete: {float(end_seconds):.2f} of {float(declared_seconds):.2f} seconds can be read"
        )
    if container.format.name == "yuv4mpegpipe" and end_bytes != container.size:
        raise InputError(f"{path}: is incomplete: its last frame is cut off")


def _declared_seconds(container: Any) -> Fraction | None:
    """Return how long the video lasts by what the file says, or None where it says nothing of the video alone."""
    stream = container.streams.video[0]
    if stream.duration is not None:
        return Fraction(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska
    if tag is not None:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3])
    if container.duration is not None and len(container.streams) == 1:
        return Fraction(container.duration, av.time_base)
    return None


def _colour(frame: Any) -> Colour:
    """Return the declared colour of a frame, with the usual matrix and range where none is declared."""
    if frame.format.is_rgb or frame.format.has_palette:
        return Colour(frame.color_primaries, frame.color_trc, IDENTITY, True)
    matrix = usual_matrix(frame.height) if frame.colorspace == UNSPECIFIED else frame.colorspace
    full_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(frame.color_primaries, frame.color_trc, matrix, full_range)


def _notes(container: Any, frame: Any) -> list[str]:
    """Name everything about the file that is changed or left out."""
    bits = max(component.bits for component in frame.format.components)
    aspect = container.streams.video[0].sample_aspect_ratio
    found = {
        "audio is not carried": bool(container.streams.audio),
        "subtitles are not carried": bool(container.streams.subtitles),
        "only the first of several video streams is carried": len(container.streams.video) > 1,
        "alpha is not carried in a video": any(component.is_alpha for component in frame.format.components),
        f"{bits}-bit samples reduced to 8 bits": bits > 8,
        f"the file's rotation by {frame.rotation % 360} degrees is applied": frame.rotation % 360 in (90, 180, 270),
        f"a rotation by {frame.rotation} degrees is not applied": frame.rotation % 90 != 0,
        f"pixels are not square ({aspect}): the aspect is not carried": aspect not in (None, 0, 1),
        "interlaced frames are taken as whole frames": frame.interlaced_frame,
    }
    return [note for note, is_so in found.items() if is_so]
