"""Seconds and memory of whole processes, codecs side by side in the same minutes."""

import contextlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image

from ..console import Bar
from ..measure.pictures import load_picture
from ..measure.results import Result
from ..peers.base import Peer, Pixels
from .file_of_size import file_of_size, known_sizes

ROUNDS = 3
TARGET_BPP = 0.5


@dataclass(frozen=True)
class Cost:
    """One direction, medians over the rounds.

    ``process_s`` counts start-up, imports, reading and writing; ``codec_s`` is one call in a process that has made that
    call before. ``peak_bytes`` is the process's largest resident size, ``codec_bytes`` how much of it came with the
    call: libraries, weights and buffers; ``None`` where the system does not tell.
    """

    process_s: float
    codec_s: float
    peak_bytes: int | None
    codec_bytes: int | None


@dataclass(frozen=True)
class Speed:
    """What one codec costs on one picture or clip."""

    source: str
    codec: str
    setting: float
    bpp: float
    encode: Cost
    decode: Cost
    frames: int = 1


@dataclass(frozen=True)
class Task:
    """One codec at one setting on the file ``source``, a "picture" or a "clip": writing a file and reading it."""

    medium: str
    source: Path
    codec: str
    setting: float
    encode: Callable[[Path], object]
    decode: Callable[[Path], object]


def measure_speed(
    source: Path, peers: Sequence[Peer], results: Sequence[Result] = (), progress: Bar = lambda *_: None
) -> list[Speed]:
    """Encode and decode a picture with every codec near 0.5 bpp, in rounds over the codecs.

    ``results`` of the picture spare some of the search for the right setting. A codec that fails is left out. Raises
    :class:`vaecompress.errors.InputError` when the picture cannot be read.
    """
    picture = load_picture(source)
    height, width, _ = picture.pixels.shape
    tasks, bpp = [], {}
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "picture.png"  # as every codec is given it: 8-bit RGB
        Image.fromarray(picture.pixels).save(copy)
        for peer in peers:
            known = known_sizes(results, peer.name, picture.name)
            with contextlib.suppress(Exception):  # a third party's codec may raise anything; the run has reported it
                setting, data = file_of_size(peer, picture.pixels, TARGET_BPP * height * width / 8, known)
                tasks.append(_picture_task(copy, peer, setting, picture.pixels))
                bpp[peer.name] = 8 * len(data) / (height * width)
        costs = measure_tasks(tasks, ROUNDS, progress)
    return [
        Speed(picture.name, task.codec, task.setting, bpp[task.codec], *costs[task.codec])
        for task in tasks
        if task.codec in costs
    ]


def measure_tasks(tasks: Sequence[Task], rounds: int, progress: Bar) -> dict[str, tuple[Cost, Cost]]:
    """What encoding and decoding cost, by codec; all run once a round, and one that fails is left out."""
    costs: dict[str, list[tuple[Cost, Cost]]] = defaultdict(list)
    with TemporaryDirectory() as folder:
        for turn in range(rounds):
            for index, task in enumerate(tasks):
                progress(turn * len(tasks) + index, rounds * len(tasks), f"speed of {task.codec}")
                with contextlib.suppress(Exception):  # as above
                    costs[task.codec].append(_one_round(task, Path(folder) / "file"))
    return {
        codec: (_median([encode for encode, _ in pairs]), _median([decode for _, decode in pairs]))
        for codec, pairs in costs.items()
    }


def _picture_task(source: Path, peer: Peer, setting: float, pixels: Pixels) -> Task:
    return Task(
        medium="picture",
        source=source,
        codec=peer.name,
        setting=setting,
        encode=lambda file: file.write_bytes(peer.encode(pixels, setting)),
        decode=lambda file: peer.decode(file.read_bytes()),
    )


def _one_round(task: Task, file: Path) -> tuple[Cost, Cost]:
    """Cost of encoding and of decoding, each once as a call and once as a process."""
    started = time.perf_counter()
    task.encode(file)
    encoded = time.perf_counter()
    task.decode(file)
    decoded = time.perf_counter()
    return _cost(task, "encode", file, encoded - started), _cost(task, "decode", file, decoded - encoded)


def _cost(task: Task, direction: str, file: Path, codec_s: float) -> Cost:
    arguments = [f"{direction}-{task.medium}", task.codec, str(task.setting), str(task.source), str(file)]
    command = [sys.executable, "-m", f"{__package__}.one_file", *arguments]
    started = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True).stdout
    process_s = time.perf_counter() - started
    peaks = json.loads(told) if told else {}
    return Cost(process_s, codec_s, peaks.get("peak_bytes"), peaks.get("codec_bytes"))


def speed_table(speeds: Sequence[Speed]) -> str:
    """Markdown."""
    rows = [
        "| codec | bpp | encode, process (codec) | decode, process (codec) | peak MB: encode / decode (codec) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for one in speeds:
        seconds = (_seconds(cost, one.frames) for cost in (one.encode, one.decode))
        memory = " / ".join(_megabytes(cost) for cost in (one.encode, one.decode))
        rows.append(f"| {one.codec} | {one.bpp:.3f} | {' | '.join(seconds)} | {memory} |")
    return "\n".join(rows) + "\n"


def _seconds(cost: Cost, frames: int) -> str:
    if frames > 1:
        return f"{cost.process_s:.2f} s ({frames / cost.codec_s:.1f} frames/s)"
    return f"{cost.process_s:.2f} s ({1000 * cost.codec_s:.0f} ms)"


def _megabytes(cost: Cost) -> str:
    if cost.peak_bytes is None or cost.codec_bytes is None:
        return "-"
    return f"{cost.peak_bytes / 1e6:.0f} ({cost.codec_bytes / 1e6:.0f})"


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        process_s=median(cost.process_s for cost in costs),
        codec_s=median(cost.codec_s for cost in costs),
        peak_bytes=max((cost.peak_bytes for cost in costs if cost.peak_bytes is not None), default=None),
        codec_bytes=max((cost.codec_bytes for cost in costs if cost.codec_bytes is not None), default=None),
    )
