"""Seconds and memory of one thread, this checkout of the project and another one in turn.

Both run in processes of their own that have coded before. What else goes on in the machine then slows both alike.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

import vaecompress
from vaecompress.errors import InputError

from ..console import Bar
from ..measure.pictures import load_picture

DEFAULT_ENGINE = "onnxruntime"
"""The engine that every checkout has."""


@dataclass(frozen=True)
class Turn:
    """One call: CPU seconds, the largest size of its process so far, the file's size, the PSNR of what was encoded."""

    seconds: float
    peak: int | None
    size: int
    psnr_db: float | None


@dataclass(frozen=True)
class Pace:
    """What one thread takes for a picture of so many ``pixels``: a turn each round, of this checkout and the other."""

    name: str
    pixels: int
    turns: list[Turn]
    before: list[Turn]


def measure_pairs(
    picture: Path, before: Path | None, engine: str, efforts: Sequence[int], rounds: int, progress: Bar
) -> list[Pace]:
    """Encode at each of ``efforts``, then decode what the last one gave, in rounds over both checkouts.

    ``before`` is the folder of the other one, None for this one alone; it runs under onnxruntime, this one under
    ``engine``. Raises InputError where the picture cannot be read, the folder is none, or a checkout fails.
    """
    if before and not (before / "vaecompress" / "__init__.py").is_file():
        raise InputError(f"{before}: is no checkout of this project")
    pixels = load_picture(picture).pixels
    trees = [(Path(vaecompress.__file__).parents[1], engine)] + ([(before, DEFAULT_ENGINE)] if before else [])
    words = [*map(str, efforts), "-"]
    paces = []
    with TemporaryDirectory() as folder:
        copy = f"{folder}/picture.png"
        Image.fromarray(pixels).save(copy, compress_level=1)
        for number, effort in enumerate(words):
            turns: list[list[Turn]] = [[] for _ in trees]
            with ExitStack() as stack:
                workers = [
                    stack.enter_context(_worker(tree, [effort, own, copy, f"{folder}/{place}.bin"]))
                    for place, (tree, own) in enumerate(trees)
                ]
                for done in range(rounds):
                    progress(number * rounds + done, len(words) * rounds, "one thread")
                    places = range(len(trees)) if done % 2 else reversed(range(len(trees)))
                    for place in places:
                        turns[place].append(Turn(**_answer(workers[place], "\n")))
            name = "decode" if effort == "-" else f"encode, effort {effort}"
            paces.append(Pace(name, pixels.shape[0] * pixels.shape[1], turns[0], turns[1] if before else []))
    return paces


@contextlib.contextmanager
def _worker(tree: Path, words: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that codes with the packages in the folder ``tree`` and is ready."""
    command = [sys.executable, "-P", "-m", f"{__package__}.one_thread", *words]
    environment = os.environ | {"PYTHONPATH": str(tree.resolve())}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            _answer(process)
            yield process
        finally:
            process.kill()


def _answer(process: "subprocess.Popen[str]", line: str = "") -> Any:
    """What a worker says to ``line``. Raises InputError where it is gone."""
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line)
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise InputError("a checkout cannot code the picture; what went wrong stands above")
    return json.loads(answer) if answer.strip() else None


def pairs_table(name: str, paces: Sequence[Pace]) -> str:
    """Markdown: a row for each thing done, and where there is another checkout, one for that and one of ratios."""
    lines = [
        f"| {name}, one thread | CPU s | megapixels/s | peak, GB | GB a megapixel | bytes | dB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for pace in paces:
        lines.append(_row(pace.name, pace.turns, pace.pixels))
        if pace.before:
            lines += [_row("before", pace.before, pace.pixels), _ratios(pace)]
    return "\n".join(lines) + "\n"


def _row(name: str, turns: Sequence[Turn], pixels: int) -> str:
    seconds, last, peak = median(turn.seconds for turn in turns), turns[-1], _peak(turns)
    cells = [f"{seconds:.3f}", f"{pixels / 1e6 / seconds:.2f}"]
    cells += ["-", "-"] if peak is None else [f"{peak / 1e9:.2f}", f"{peak / 1e3 / pixels:.3f}"]
    cells += ["", ""] if last.psnr_db is None else [f"{last.size:,}", f"{last.psnr_db:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def _ratios(pace: Pace) -> str:
    """Of this checkout to the other; of decibels, the difference."""
    seconds = median(now.seconds / then.seconds for now, then in zip(pace.turns, pace.before, strict=True))
    now, then, peaks = pace.turns[-1], pace.before[-1], (_peak(pace.turns), _peak(pace.before))
    memory = "-" if None in peaks else f"{(peaks[0] or 0) / (peaks[1] or 1):.2f}"
    rate = ["", ""]
    if now.psnr_db is not None and then.psnr_db is not None:
        rate = [f"{now.size / then.size:.4f}", f"{now.psnr_db - then.psnr_db:+.3f}"]
    return f"| **ratio** | **{seconds:.2f}** | {1 / seconds:.2f} | {memory} | {memory} | {' | '.join(rate)} |"


def _peak(turns: Sequence[Turn]) -> int | None:
    return max((turn.peak for turn in turns if turn.peak is not None), default=None)
