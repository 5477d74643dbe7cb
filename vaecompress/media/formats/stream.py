"""The video stream of a file, opened and decoded with libav, which conceals damage: here it is an error, or named."""

import heapq
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from vaecompress.errors import InputError
from vaecompress.limits import Limits

OnDamage = Callable[[InputError], None]
"""Told of damage that is left out; raises it where it is not."""

# libav also plays text, playlists and single pictures; only these are taken for video.
_CONTAINERS = {
    *("mov", "mp4", "m4v", "matroska", "webm", "yuv4mpegpipe", "avi", "mpegts", "mpeg", "mpegvideo"),
    *("ivf", "flv", "ogg", "asf", "nut", "mxf", "dv", "h264", "hevc", "obu"),
}

# PyAV before 19 refuses a file for a title that is not UTF-8, unless told otherwise; PyAV 19 cannot be told.
LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a container and choose its video stream, turning every libav error into one line."""
    # "file:" keeps a name from being taken for a URL, the whitelist keeps playlists away from the network.
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, **LENIENT) as container:
            if _CONTAINERS.isdisjoint(container.format.name.split(",")):
                raise InputError(f"{path}: {container.format.name} is not a video format that is read")
            yield container, _chosen(container, path)
    except av.FFmpegError as error:
        raise InputError(f"{path}: is no video file, or a damaged one: {error.strerror}") from error


def films(container: Any) -> list[Any]:
    """Return the video streams that are no cover pictures."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _chosen(container: Any, path: Path) -> Any:
    """Return the stream that players show: the one that is marked so, else the first."""
    streams = films(container)
    if not streams:
        cover = ", only a cover picture" if container.streams.video else ""
        raise InputError(f"{path}: holds no video{cover}")
    stream = next((each for each in streams if each.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise InputError(f"{path}: its video is coded in a way that is not read: convert it to H.264 first")
    return stream


def decoded(container: Any, stream: Any, path: Path, limits: Limits, on_damage: OnDamage) -> Iterator[tuple[Any, int]]:
    """Yield the frames of a stream, each with the duration of its packet in units of the stream's time base, or 0."""
    stream.thread_type = "AUTO"
    # Stops a stream that grows after its size was checked.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    index = end_bytes = 0
    start_seconds = end_seconds = Fraction(0)
    durations: dict[int, int] = {}
    # AVI holds frames in the order of decoding and no times: the next to be shown has the least time that is left.
    times: list[int] | None = [] if container.format.name == "avi" else None
    for packet in container.demux(stream):
        if packet.has_sidedata("encryption_info") or "enc_key_id" in stream.metadata:  # of mp4, of Matroska
            raise InputError(f"{path}: is encrypted: decrypt it first")
        end_bytes = max(end_bytes, (packet.pos or 0) + packet.size)
        if packet.pts is not None:
            start_seconds = min(start_seconds, packet.pts * stream.time_base)
            end_seconds = max(end_seconds, (packet.pts + (packet.duration or 0)) * stream.time_base)
            durations[packet.pts] = packet.duration or 0
            if times is not None:
                heapq.heappush(times, packet.pts)
        for frame in _frames_of(packet, path, index, on_damage):
            if times:
                frame.pts = heapq.heappop(times)
            if frame.is_corrupt or packet.is_corrupt:
                on_damage(InputError(f"{path}: is damaged or incomplete at frame {index}"))
            else:
                yield frame, durations.pop(frame.pts, 0)
            index += 1
    declared_seconds = declared_length(container, stream)
    read_seconds = end_seconds - start_seconds
    tolerance = 2 / (stream.average_rate or Fraction(25))
    if declared_seconds is not None and read_seconds + tolerance < declared_seconds:
        seconds = f"{float(read_seconds):.2f} of {float(declared_seconds):.2f} seconds can be read"
        on_damage(InputError(f"{path}: is incomplete: {seconds}"))
    if container.format.name == "yuv4mpegpipe" and end_bytes != container.size:
        on_damage(InputError(f"{path}: is incomplete: its last frame is cut off"))


def _frames_of(packet: Any, path: Path, index: int, on_damage: OnDamage) -> list[Any]:
    try:
        return list(packet.decode())
    except av.InvalidDataError:
        on_damage(InputError(f"{path}: is damaged at frame {index}"))
        return []


def declared_length(container: Any, stream: Any) -> Fraction | None:
    """Return how many seconds a stream lasts by what the file says, or None where it says nothing of it alone."""
    if stream.duration is not None:
        return Fraction(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska
    if tag is not None:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3])
    if container.duration is not None and len(container.streams) == 1:
        return Fraction(container.duration, av.time_base)
    return None
