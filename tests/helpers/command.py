"""Runs the command line, inside this process or as one of its own, and makes files for it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from vaecompress_cli.main import main

MODEL = ("--model", "tiny")
WIDTH, HEIGHT = 80, 48


def run(*words: object) -> int:
    """The exit code of ``vaecompress WORDS``, run here."""
    return main([str(word) for word in words])


def start(*words: object, **options: object) -> "subprocess.Popen[bytes]":
    """``vaecompress WORDS`` as a process, its three streams piped."""
    command = [sys.executable, "-m", "vaecompress_cli", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, **options)  # type: ignore[call-overload,no-any-return]


def finish(process: "subprocess.Popen[bytes]", data: bytes = b"") -> tuple[int, bytes, list[str]]:
    """Exit code, standard output and the lines of standard error."""
    out, err = process.communicate(data, timeout=60)
    return process.returncode, out, err.decode().splitlines()


def pixels(channels: int = 3, seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """Something smooth with an edge and some noise."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    smooth = 100 + 90 * np.sin((rows + 2 * columns + 7 * seed) / (9 + channel)) + 40 * (rows > columns)
    return np.clip(smooth + np.random.default_rng(seed).normal(0, 5, smooth.shape), 0, 255).astype(np.uint8)


def save(path: Path, channels: int = 3, seed: int = 0) -> Path:
    """Write a picture, in folders made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = pixels(channels, seed)
    Image.fromarray(samples[:, :, 0] if channels == 1 else samples).save(path)
    return path


def names(folder: Path) -> list[str]:
    """Every file below ``folder``, by its path from there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def streams(folder: Path, words: Sequence[object] = ()) -> Path:
    """A stream ``a.bin`` of a picture in ``folder``."""
    source = save(folder / "a.png")
    assert run("encode", source, folder / "a.bin", *MODEL, *words) == 0
    return folder / "a.bin"


def clip(folder: Path, frames: int = 4) -> Path:
    """A stream ``clip.bin`` of a video in ``folder``, all its frames keyed by their number."""
    for index in range(frames):
        save(folder / "frames" / f"{index}.png", seed=index)
    assert run("encode", folder / "frames", folder / "clip.bin", *MODEL) == 0
    return folder / "clip.bin"
