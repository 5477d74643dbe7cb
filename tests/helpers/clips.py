"""Clips drawn here, with sines for sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

FRAMES, RATE, HEIGHT, WIDTH = 24, 24, 32, 48
"""A second of pictures."""


@dataclass(frozen=True)
class Sine:
    """A tone in one stream of a file."""

    codec: str = "aac"
    rate: int = 44100
    hertz: int = 440
    language: str = "deu"
    seconds: float = 1.0
    layout: str = "mono"


def pictures(count: int = FRAMES) -> list[npt.NDArray[np.uint8]]:
    """A gradient that moves."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return [
        np.stack([(4 * rows + 3 * t) % 256, 5 * columns, rows + columns + t], 2).astype(np.uint8) for t in range(count)
    ]


def clip(path: Path, *sines: Sine, frames: int = FRAMES, tags: dict[str, str] | None = None, **context: object) -> Path:
    """A video file; ``tags`` describe it, ``context`` is set on the codec context of its pictures."""
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        video = container.add_stream("libx264", rate=RATE, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for name, value in context.items():
            setattr(video.codec_context, name, value)
        streams = [container.add_stream(sine.codec, rate=sine.rate, layout=sine.layout) for sine in sines]
        for sine, stream in zip(sines, streams, strict=True):
            stream.metadata["language"] = sine.language
        for index, picture in enumerate(pictures(frames)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for sine, stream in zip(sines, streams, strict=True):
            for frame in _tones(sine, stream):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def _tones(sine: Sine, stream: "av.AudioStream") -> Sequence[av.AudioFrame]:
    if not sine.seconds:
        return []
    times = np.arange(int(sine.rate * sine.seconds)) / sine.rate
    wave = (0.5 * np.sin(2 * np.pi * sine.hertz * times)).astype(np.float32)[None]
    whole = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    whole.sample_rate, whole.pts, whole.time_base = sine.rate, 0, Fraction(1, sine.rate)
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(stream.codec_context.format, sine.layout, sine.rate, frame_size=size)
    return [*resampler.resample(whole), *resampler.resample(None)]


def packets(path: Path) -> list[list[tuple[Fraction, bytes]]]:
    """Of each audio stream of a file: when each packet is played, in seconds, and its bytes."""
    with av.open(str(path)) as container:
        found: dict[int, list[tuple[Fraction, bytes]]] = {stream.index: [] for stream in container.streams.audio}
        for packet in container.demux(container.streams.audio):
            if packet.size and packet.stream_index in found:
                found[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
    return list(found.values())


def samples(path: Path, stream: int = 0) -> npt.NDArray[np.float32]:
    """Decoded samples of an audio stream, the channels averaged."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono")
        decoded = [part for frame in container.decode(audio=stream) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in decoded])


def pitch_hertz(wave: npt.NDArray[np.float32], rate: int) -> float:
    """The loudest frequency."""
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * rate / len(wave))
