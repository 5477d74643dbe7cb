"""Frames a second of video, and their ratio to a peer's in the same minutes.

``python -m vaecompress_eval.video_speed CLIP [--peer x264-medium]`` prints a table: our codec on all cores, as
``vaecompress encode`` and ``decode`` run it; its decoder without the extra ``video``; the peer in one thread. Encoding
counts reading the clip. Starting up does not count: ours has coded the first frames before the clock starts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vaecompress.format import DEFAULT_QUALITY

from .console import exit_code
from .measure.clips import Clip, RgbSource, load_clip
from .peers.video import VideoPeer, find_video_peers

WARM_FRAMES = 3
WITHOUT_NUMBA = """
import json, sys
sys.modules["numba"] = None
from pathlib import Path
from vaecompress_eval.video_speed import decoding
print(json.dumps(decoding(Path(sys.argv[1]), sys.argv[2] or None)))
"""
"""Decodes in a process that finds no numba, as if it were not installed."""


@dataclass(frozen=True)
class Pace:
    """Frames a second of one codec; ``encode`` is None where that was not tried."""

    name: str
    encode: float | None
    decode: float


class Head(RgbSource):
    """The first frames of a clip."""

    def _frames(self) -> Any:
        yield from (frame for frame, _ in zip(super()._frames(), range(WARM_FRAMES), strict=False))


def own_pace(clip: Clip, folder: Path, model: str | None, quality: int) -> list[Pace]:
    """Our codec with what is installed here, and its decoder without numba."""
    from vaecompress.defaults import DEFAULT_EFFORT
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.video import encode_video
    from vaecompress.models import registry
    from vaecompress.models.default import VIDEO

    loaded = registry.load(model, kind=VIDEO)
    effort, cores, file = prepare(DEFAULT_EFFORT, loaded), os.cpu_count() or 1, folder / "own.bin"

    def encode(source: RgbSource) -> int:
        with file.open("w+b") as output:
            return encode_video(source, output, loaded, quality, cores, effort=effort).frames

    encode(Head(clip))
    encoding = _rate(lambda: encode(RgbSource(clip)))
    command = [sys.executable, "-c", WITHOUT_NUMBA, str(file), model or ""]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [
        Pace(f"vaecompress, {cores} cores", encoding, decoding(file, model)),
        Pace("its decoder without numba", None, float(json.loads(told))),
    ]


def decoding(file: Path, model: str | None) -> float:
    """Frames a second that our decoder makes of a file."""
    from vaecompress.bitstream import Container
    from vaecompress.codec.video import decode_video
    from vaecompress.models import registry
    from vaecompress.models.default import VIDEO

    loaded, cores = registry.load(model, kind=VIDEO), os.cpu_count() or 1
    with Container.open(file) as container:
        frames = range(min(WARM_FRAMES, len(container.frames)))
        for _ in decode_video(container, loaded, frames, cores):
            pass
        return _rate(lambda: sum(1 for _ in decode_video(container, loaded, workers=cores)))


def peer_pace(clip: Clip, peer: VideoPeer, folder: Path) -> Pace:
    """A peer at the middle of its settings."""
    setting, file = peer.settings[len(peer.settings) // 2], folder / "peer.bin"

    frames = sum(1 for _ in clip.frames())

    def encode() -> int:
        peer.encode(clip, setting, file)
        return frames

    return Pace(f"{peer.name}, one thread", _rate(encode), _rate(lambda: sum(1 for _ in peer.decode(clip, file))))


def table(clip: Clip, paces: list[Pace]) -> str:
    """Markdown; the last pace is the peer's."""
    peer = paces[-1]
    name = f"{clip.name}, {clip.width}x{clip.height}"
    lines = [
        f"| {name} | encode, frames/s | decode, frames/s | encode, of the peer's | decode, of the peer's |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for one in paces:
        encode = "" if one.encode is None else f"{one.encode:.2f}"
        ratio = "" if one.encode is None or peer.encode is None else f"{one.encode / peer.encode:.4f}"
        lines.append(f"| {one.name} | {encode} | {one.decode:.2f} | {ratio} | {one.decode / peer.decode:.4f} |")
    return "\n".join(lines)


def _rate(work: Callable[[], int]) -> float:
    """Frames a second of ``work``, which returns their number."""
    started = time.perf_counter()
    frames = work()
    return frames / (time.perf_counter() - started)


def _print(arguments: argparse.Namespace) -> None:
    clip = load_clip(arguments.clip)
    (peer,) = find_video_peers([arguments.peer])
    with TemporaryDirectory() as folder:
        paces = own_pace(clip, Path(folder), arguments.model, arguments.quality)
        paces.append(peer_pace(clip, peer, Path(folder)))
    print(table(clip, paces))


def main(words: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--peer", default="x264-medium", help="a video codec of the benchmark")
    parser.add_argument("--model", help="a model's name or file")
    parser.add_argument("--quality", type=int, default=DEFAULT_QUALITY)
    arguments = parser.parse_args(words)
    return exit_code(lambda: _print(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
