"""Seconds and memory of whole processes, codecs side by side in the same minutes.

``python -m vaecompress_eval.speed PICTURE --peers webp,avif`` prints a table.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from vaecompress.errors import VaecompressError

from .crops import setting_for_size
from .own_peer import OWN_NAME
from .peers import Peer, Pixels, find_peers
from .pictures import load_picture

ROUNDS = 3
TARGET_BPP = 0.5
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Cost:
    """One direction, medians over the rounds.

    ``process_s`` counts start-up, imports, reading and writing; ``codec_s`` is one call in a process that has made that
    call before. ``peak_bytes`` is the process's largest resident size, ``None`` where the system does not tell.
    """

    process_s: float
    peak_bytes: int | None
    codec_s: float


@dataclass(frozen=True)
class Speed:
    """What one codec costs on one picture."""

    codec: str
    setting: float
    bpp: float
    encode: Cost
    decode: Cost


def measure_speed(picture: Path, peers: Sequence[Peer], progress: Progress = lambda *_: None) -> list[Speed]:
    """Encode and decode ``picture`` with every codec near 0.5 bpp, in rounds over the codecs.

    A codec that fails is left out. Raises :class:`vaecompress.errors.InputError` when the picture cannot be read.
    """
    pixels = load_picture(picture).pixels
    height, width, _ = pixels.shape
    settings: dict[str, float] = {}
    for peer in peers:
        with contextlib.suppress(Exception):  # a third party's codec may raise anything; the run has reported it
            settings[peer.name] = setting_for_size(peer, pixels, TARGET_BPP * height * width / 8)
    chosen = [peer for peer in peers if peer.name in settings]
    costs: dict[str, list[tuple[Cost, Cost]]] = defaultdict(list)
    with TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for index, peer in enumerate(chosen):
                progress(turn * len(chosen) + index, ROUNDS * len(chosen), f"speed of {peer.name}")
                costs[peer.name].append(_one_round(peer, settings[peer.name], picture, pixels, Path(folder)))
    return [
        Speed(
            codec=peer.name,
            setting=settings[peer.name],
            bpp=8 * len(peer.encode(pixels, settings[peer.name])) / (height * width),
            encode=_median([encode for encode, _ in costs[peer.name]]),
            decode=_median([decode for _, decode in costs[peer.name]]),
        )
        for peer in chosen
    ]


def _one_round(peer: Peer, setting: float, picture: Path, pixels: Pixels, folder: Path) -> tuple[Cost, Cost]:
    """Cost of encoding and of decoding, each once as a process and once as a call."""
    file, samples = folder / "file", folder / "samples"
    started = time.perf_counter()
    data = peer.encode(pixels, setting)
    encoded = time.perf_counter()
    peer.decode(data)
    decoded = time.perf_counter()
    return (
        Cost(*_process(["encode", peer.name, str(setting), str(picture), str(file)]), codec_s=encoded - started),
        Cost(*_process(["decode", peer.name, str(setting), str(file), str(samples)]), codec_s=decoded - encoded),
    )


def _process(arguments: list[str]) -> tuple[float, int | None]:
    """Seconds and peak memory of one process."""
    command = [sys.executable, "-m", f"{__package__}.one_file", *arguments]
    started = time.perf_counter()
    peak = subprocess.run(command, check=True, capture_output=True).stdout
    return time.perf_counter() - started, int(peak) if peak else None


def speed_table(speeds: Sequence[Speed]) -> str:
    """Markdown."""
    rows = [
        "| codec | bpp | encode, process (codec) | decode, process (codec) | peak memory, encode / decode |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for one in speeds:
        seconds = (f"{cost.process_s:.2f} s ({1000 * cost.codec_s:.0f} ms)" for cost in (one.encode, one.decode))
        memory = " / ".join(_megabytes(cost.peak_bytes) for cost in (one.encode, one.decode))
        rows.append(f"| {one.codec} | {one.bpp:.3f} | {' | '.join(seconds)} | {memory} |")
    return "\n".join(rows) + "\n"


def _median(costs: list[Cost]) -> Cost:
    peaks = [cost.peak_bytes for cost in costs if cost.peak_bytes is not None]
    return Cost(
        process_s=median(cost.process_s for cost in costs),
        peak_bytes=max(peaks, default=None),
        codec_s=median(cost.codec_s for cost in costs),
    )


def _megabytes(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else f"{size_bytes / 1e6:.0f} MB"


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--peers", default="webp,avif", help="names or families, comma separated")
    arguments = parser.parse_args()
    try:
        peers = [peer for peer in find_peers([OWN_NAME, *arguments.peers.split(",")]) if peer.missing() is None]
        sys.stdout.write(speed_table(measure_speed(arguments.picture, peers)))
    except VaecompressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
