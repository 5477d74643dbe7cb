"""Video codecs of the benchmark: x264, x265 and SVT-AV1 as PyAV carries them, and our own.

Each runs in one thread, so that the bytes do not depend on the machine. What is counted is a real file: a raw stream
for the peers (no container, no encoder's banner), our own container for ours.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from ..measure.clips import Clip, ClipFrame, RgbFrame, RgbSource, YuvFrame
from . import pyav
from .base import Codec
from .catalogue import choose
from .own import OWN_NAME, OwnPeer

QUALITY_CRF = (44, 40, 36, 32, 28, 24, 20)


class VideoPeer(Codec, Protocol):
    """A video codec with one dial."""

    def encode(self, clip: Clip, setting: float, target: Path) -> None:
        """Write one file."""
        ...

    def decode(self, clip: Clip, file: Path) -> Iterator[ClipFrame]:
        """Yield the frames of a file that ``encode`` wrote."""
        ...


@dataclass(frozen=True)
class LibavPeer:
    """An encoder of libav; the setting is its constant rate factor. ``options`` may contain ``{crf}``."""

    name: str
    description: str
    encoder: str
    container: str
    settings: tuple[float, ...] = QUALITY_CRF
    options: dict[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """PyAV's wheels carry all of them."""
        return pyav.missing_encoder(self.encoder)

    def version(self) -> str:
        """PyAV's version and that of libavcodec in it."""
        return pyav.version()

    def encode(self, clip: Clip, setting: float, target: Path) -> None:
        """Write a raw stream."""
        import av

        os.environ.setdefault("SVT_LOG", "0")
        options = {key: value.format(crf=int(setting)) for key, value in self.options.items()}
        with pyav.quiet(), pyav.same_priority(), av.open(f"file:{target}", "w", format=self.container) as output:
            stream = output.add_stream(self.encoder, rate=clip.frame_rate, options=options)
            stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
            stream.codec_context.thread_count = 1
            for index, frame in enumerate(clip.frames()):
                frame.frame.pts, frame.frame.time_base = index, 1 / Fraction(clip.frame_rate)
                frame.frame.pict_type = 0
                output.mux(stream.encode(frame.frame))
            output.mux(stream.encode(None))

    def decode(self, clip: Clip, file: Path) -> Iterator[ClipFrame]:
        """Decode with libav, in one thread."""
        import av

        with pyav.quiet(), av.open(f"file:{file}", format=self.container) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                yield YuvFrame(frame, clip.colour)


@dataclass(frozen=True)
class OwnVideoPeer:
    """Our codec, as the picture codec of the same name."""

    name: str = OWN_NAME
    settings: tuple[float, ...] = (20, 36, 52, 68, 84, 100)

    @property
    def description(self) -> str:
        """The options in words."""
        return self._pictures.description

    @property
    def _pictures(self) -> OwnPeer:
        return OwnPeer(self.name)

    def missing(self) -> str | None:
        """As of the picture codec."""
        return self._pictures.missing()

    def version(self) -> str:
        """As of the picture codec."""
        return self._pictures.version()

    def encode(self, clip: Clip, setting: float, target: Path) -> None:
        """Encode at quality ``setting``, 1..100."""
        from vaecompress.encoder.video import encode_video
        from vaecompress.models import registry
        from vaecompress.models.default import VIDEO

        model = registry.load(self._pictures.model, threads=1, kind=VIDEO)
        with target.open("w+b") as output:
            encode_video(RgbSource(clip), output, model, int(setting), effort=self._pictures.effort(model))

    def decode(self, clip: Clip, file: Path) -> Iterator[ClipFrame]:
        """Decode as ``vaecompress decode`` does."""
        from vaecompress.bitstream import Container
        from vaecompress.codec.video import decode_video
        from vaecompress.models import registry
        from vaecompress.models.default import VIDEO

        with Container.open(file) as container:
            model = registry.load(self._pictures.model, threads=1, kind=VIDEO)
            for frame in decode_video(container, model):
                yield RgbFrame(frame.pixels, clip.colour)


def _x264(name: str, preset: str) -> LibavPeer:
    return LibavPeer(
        name=name,
        description=f"4:2:0, preset {preset}, tune psnr, constant rate factor",
        encoder="libx264",
        container="h264",
        options={"preset": preset, "tune": "psnr", "crf": "{crf}", "g": "250"},
    )


def _x265(name: str, preset: str, words: str, parameters: str) -> LibavPeer:
    fixed = "info=0:log-level=none:pools=none:frame-threads=1"
    return LibavPeer(
        name=name,
        description=f"4:2:0, preset {preset}, tune psnr, {words}, constant rate factor",
        encoder="libx265",
        container="hevc",
        options={"preset": preset, "tune": "psnr", "x265-params": f"crf={{crf}}:{parameters}:{fixed}"},
    )


def _svt_av1(name: str, preset: int) -> LibavPeer:
    return LibavPeer(
        name=name,
        description=f"4:2:0, preset {preset}, tune psnr, constant rate factor",
        encoder="libsvtav1",
        container="obu",
        settings=(62, 56, 50, 44, 38, 32, 24),
        options={"preset": str(preset), "crf": "{crf}", "g": "250", "svtav1-params": "tune=1:lp=1"},
    )


LIBAV_PEERS = (
    _x264("x264-medium", "medium"),
    _x264("x264-slower", "slower"),
    _x265("x265-medium", "medium", "groups of 250", "keyint=250"),
    _x265("x265-slower", "slower", "groups of 250", "keyint=250"),
    _x265("x265-intra", "slower", "every frame on its own", "keyint=1"),
    _svt_av1("svt-av1-8", 8),
    _svt_av1("svt-av1-4", 4),
)
DEFAULT_VIDEO_PEERS = tuple(peer.name for peer in LIBAV_PEERS if peer.name != "x265-intra")


def find_video_peers(names: Iterable[str]) -> list[VideoPeer]:
    """The peers of some names or model files, each once, in order; raises as ``peer_list.choose`` does."""
    known: dict[str, VideoPeer] = {peer.name: peer for peer in (OwnVideoPeer(), *LIBAV_PEERS)}
    return choose(names, known, OwnVideoPeer, "video peer")
