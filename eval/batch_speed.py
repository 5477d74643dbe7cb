"""What a batch costs besides coding, and what a second worker gains: ``python -m vaecompress_eval.batch_speed``.

The overhead is measured on small pictures with one worker: the seconds of the run, workers started, less the seconds
of all files (reading, coding, writing), per file. The gain is measured on pictures of half a megapixel, with one
worker and with two in turn; a busy machine spoils it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from .trust.torture import picture

SMALL = (64, 48)
HALF_MEGAPIXEL = (864, 576)


def make_pictures(folder: Path, count: int, width: int, height: int) -> None:
    """Write ``count`` different pictures."""
    folder.mkdir(parents=True)
    for index in range(count):
        Image.fromarray(picture(width, height, 3, seed=index)).save(folder / f"{index}.png")


def batch(source: Path, output: Path, workers: int, model: str) -> dict[str, Any]:
    """Run a batch; what it says of itself."""
    words = [str(source), "-o", str(output), "--workers", str(workers), "--model", model, "--effort", "1", "--json"]
    command = [sys.executable, "-m", "vaecompress_cli", "batch", *words]
    summary: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return summary


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both."""
    parser = argparse.ArgumentParser(prog="batch_speed", description=__doc__)
    parser.add_argument("--small", type=int, default=2000, help="small pictures (2000)")
    parser.add_argument("--large", type=int, default=60, help="pictures of half a megapixel (60)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="base")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as name:
        folder = Path(name)
        if options.small:
            make_pictures(folder / "small", options.small, *SMALL)
            told = batch(folder / "small", folder / "out", 1, "tiny")
            overhead_ms = 1000 * (told["seconds"] - told["work_s"]) / told["done"]
            print(f"{told['done']} files: {overhead_ms:.2f} ms overhead per file, {told['seconds']:.1f} s")
        if options.large:
            make_pictures(folder / "large", options.large, *HALF_MEGAPIXEL)
        for turn in range(options.rounds if options.large else 0):
            one, two = (batch(folder / "large", folder / f"out-{turn}-{n}", n, options.model) for n in (1, 2))
            print(f"{one['done']} pictures: one worker {one['seconds']:.1f} s, two {two['seconds']:.1f} s, ", end="")
            print(f"{one['seconds'] / two['seconds']:.2f} times as fast")


if __name__ == "__main__":
    main()
