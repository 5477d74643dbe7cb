"""What happens to damaged streams: ``python -m vaecompress_eval.trust.torture [--model tiny] [--size 40x28]``.

Small pictures and a video are encoded, damaged in every way of :mod:`vaecompress_eval.trust.damage` and decoded. Each
damaged stream must end as corrupt, unsupported or over a limit; or give pixels that have their checksum, when the
damage left those alone or was to what no checksum covers. Prints a table of how each ended; the exit code is 1 when one
failed.
"""

import argparse
import io
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
from vaecompress_eval.trust.damage import Damage, all_kinds

from vaecompress.bitstream import Container, Entry, chunks, picture_payload, pixel_checksum
from vaecompress.codec.sound import open_sound
from vaecompress.codec.still import decode_image
from vaecompress.codec.video import decode_video, read_colour, read_time_stamps
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.tools.choice import encode_planes
from vaecompress.encoder.tools.file import StillFile
from vaecompress.encoder.tools.webp import encode_lossless
from vaecompress.encoder.video import encode_video
from vaecompress.errors import CorruptError, LimitError, UnsupportedError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.formats.sound import Track
from vaecompress.media.image import Image
from vaecompress.media.video_source import VideoSource
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel

Pixels = npt.NDArray[np.uint8]
REFUSALS = (CorruptError, UnsupportedError, LimitError)
TORTURE_LIMITS = Limits(max_pixels=4_000_000)
"""Lower than the default: a sound header of a large flat picture takes its time, as it should."""


@dataclass
class Tally:
    """How damaged streams of one kind ended."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def count(self) -> int:
        """Streams tried."""
        return self.ends.total()


def picture(width: int, height: int, channels: int, seed: int = 0) -> Pixels:
    """Something smooth with an edge and some noise, so that symbols of every kind occur."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    smooth = 110 + 80 * np.sin((rows + 2 * columns + 5 * seed) / (7 + channel)) + 50 * (rows > columns)
    grain = np.random.default_rng(seed).normal(0, 6, smooth.shape)
    return np.asarray(np.clip(smooth + grain, 0, 255), np.uint8)


def sound_streams(model: LoadedModel, width: int, height: int, quality: int = 30) -> dict[str, bytes]:
    """An RGB picture with alpha and metadata, a grey one, one of each other tool, and videos without and with sound."""
    codec, goal = ImageEncoder(model), Goal(quality=quality)
    alpha = picture(width, height, 1, 1)[:, :, 0]
    colour = Image(picture(width, height, 3), alpha, icc=b"profile", exif=b"II*\0", xmp=b"<x/>")
    return {
        "picture": codec.encode(colour, goal).data,
        "grey picture": codec.encode(Image(picture(width, height, 1)), goal).data,
        "video": video_stream(model, width, height, 3, quality),
        "with sound": video_stream(model, width, height, 2, quality, sound=True),
        "lossless picture": encode_lossless(colour).data,
        "AV1 planes": encode_planes(StillFile(Image(picture(width, height, 3))), goal).data,
    }


def video_stream(model: LoadedModel, width: int, height: int, frames: int, quality: int, sound: bool = False) -> bytes:
    """A stream of a video of pictures made here, with some ``sound`` if so asked."""
    output = io.BytesIO()
    encode_video(Clip(width, height, frames), output, model, quality, sound=sound)
    return output.getvalue()


class Clip(VideoSource):
    """A video of pictures made here."""

    def __init__(self, width: int, height: int, frames: int) -> None:
        super().__init__("clip", width, height, Fraction(1, 25), frames, Colour(), False, Limits())

    def _frames(self) -> Iterator[tuple[Pixels, int]]:
        for index in range(self.frame_count or 0):
            yield picture(self.width, self.height, 3, index), index

    def copy_sound(self, file: BinaryIO) -> list[Track]:
        """Three packets of silence."""
        with av.open(file, "w", format="matroska", options={"fflags": "bitexact"}) as container:
            stream = container.add_stream("pcm_u8", rate=8000, layout="mono")
            for index in range(3):
                frame = av.AudioFrame.from_ndarray(np.full((1, 10), 128, np.uint8), format="u8", layout="mono")
                frame.sample_rate, frame.pts = 8000, 10 * index
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return [Track(Fraction(1, 8000), (-10, 0, 10), 10)]


def end_of(data: bytes, limits: Limits = TORTURE_LIMITS) -> str:
    """Decode ``data`` to the end; the name of the refusal, or ``sound`` for pixels with the checksum of the stream.

    Raises whatever else decoding raises, and AssertionError for pixels that differ from their checksum.
    """
    try:
        with Container.open(data, limits) as container:
            for entry, pixels in _decoded(container):
                assert entry is not None
                stored = picture_payload(entry.type, container.read(entry)).checksum
                assert pixel_checksum(np.ascontiguousarray(pixels).data) == stored, "wrong pixels"
    except REFUSALS as error:
        return type(error).__name__
    return "sound"


def _decoded(container: Container) -> Iterator[tuple[Entry | None, Pixels]]:
    header = container.header
    find = partial(registry.find, threads=1)
    if header.kind == "image":
        pixels = decode_image(container, find).pixels
        yield container.find(chunks.PICTURE), pixels[:, :, :1] if header.grey_as_rgb else pixels
        return
    read_colour(container)
    read_time_stamps(container)
    open_sound(container)
    for frame in decode_video(container, find(header.model_id)):
        yield container.frames[frame.index], frame.pixels[:, :, : header.channels]


def try_all(kind: str, damaged: Damage) -> Tally:
    """Decode every damaged stream. A CRC covers every byte, so without a sound one none may pass."""
    tally = Tally()
    may_pass = "sound" in kind
    for what, data in damaged:
        started = time.perf_counter()
        try:
            end = end_of(data)
            assert may_pass or end != "sound", "damage was not noticed"
            tally.ends[end] += 1
        except Exception as error:
            tally.ends["failed"] += 1
            tally.failures.append(f"{what}: {type(error).__name__}: {error}")
        tally.slowest_s = max(tally.slowest_s, time.perf_counter() - started)
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--size", default="40x28", help="width x height")
    parser.add_argument("--noise", type=int, default=500, help="bodies of random bytes a stream")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    width, height = map(int, options.size.split("x"))
    model = registry.load(options.model, threads=1)
    failures: list[str] = []
    print(
        f"{'stream':<16} {'damage':<36} {'tried':>6} {'corrupt':>8} {'unsup.':>7} {'limit':>6} {'sound':>6} failed  s"
    )
    for name, data in sound_streams(model, width, height).items():
        for kind, damaged in all_kinds(data, np.random.default_rng(options.seed), options.noise).items():
            tally = try_all(kind, damaged)
            ends = [tally.ends[end] for end in ("CorruptError", "UnsupportedError", "LimitError", "sound", "failed")]
            numbers = "{:>8} {:>7} {:>6} {:>6} {:>6}".format(*ends)
            print(f"{name:<16} {kind:<36} {tally.count:>6} {numbers} {tally.slowest_s:.2f}", flush=True)
            failures += [f"{name}: {failure}" for failure in tally.failures]
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    print("\n".join(failures))
    return bool(failures)


if __name__ == "__main__":
    raise SystemExit(main())
