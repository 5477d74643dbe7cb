"""Many files and threads, a long clip: ``python -m vaecompress_eval.trust.long_run [--pictures 1000] [--frames 2000]``.

Encodes and decodes a folder of pictures of every mode and of sizes from 1x1 up, broken ones among them, as one batch;
decodes one stream in many threads at once; encodes and decodes a long clip. Prints what was checked and the peak memory
of each command; the exit code is 1 when anything was not as it should be.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from vaecompress_eval.trust.torture import picture

import vaecompress
from vaecompress.codec.picture import psnr_db
from vaecompress.media.image_read import read_image

MODES = ("RGB", "L", "RGBA", "LA", "P", "1", "I;16", "RGB")
SIDES = (1, 2, 15, 16, 17, 63, 64, 65, 130, 257)
BROKEN_EVERY = 10
CORRUPT_INPUT = 3
GROWTH = 1.25
"""More memory than so many times that of a tenth of the work is growth."""

LEAST_PSNR_DB = 5.0
"""Black and white noise may come back as grey, at 6 dB."""
WRAPPER = """
import re, sys
from vaecompress_cli.main import main
code = main()
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
sys.exit(code)
"""
"""Runs a command line and says its peak memory in KiB last. (What wait4 tells includes that of the parent.)"""


@dataclass
class Finished:
    """A command that ended: its code, the records it printed, its peak memory in MiB."""

    code: int
    records: list[dict[str, Any]]
    memory_mib: float


def run(*words: object) -> Finished:
    """Run ``vaecompress WORDS --json``."""
    command = [sys.executable, "-c", WRAPPER, *map(str, words), "--json"]
    finished = subprocess.run(command, capture_output=True, check=False)
    memory_kib = float(finished.stderr.splitlines()[-1])
    return Finished(finished.returncode, [json.loads(line) for line in finished.stdout.splitlines()], memory_kib / 1024)


def make_pictures(folder: Path, count: int, largest: tuple[int, int]) -> list[str]:
    """``count`` pictures, the first one of the ``largest`` size; the names of those that are broken."""
    chance, broken = np.random.default_rng(0), []
    for index in range(count):
        path = folder / f"{index:04d}.png"
        width, height = largest if index == 0 else chance.choice(SIDES, 2).tolist()
        samples = picture(width, height, 3, index)
        mode = MODES[index % len(MODES)]
        made = Image.fromarray(samples[:, :, 0].astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(samples)
        (made if mode == "I;16" else made.convert(mode)).save(path)
        if index % BROKEN_EVERY == BROKEN_EVERY - 1:
            path.write_bytes(path.read_bytes()[: int(chance.integers(0, 40))])
            broken.append(str(path))
    return broken


def check_batch(folder: Path, count: int, largest: tuple[int, int], model: str) -> list[str]:
    """Faults of a batch both ways."""
    photos, streams, back = folder / "photos", folder / "streams", folder / "back"
    photos.mkdir()
    broken = make_pictures(photos, count, largest)
    encoded = run("encode", photos, "-o", streams, "-j", 2, "--model", model)
    some = run("encode", *sorted(photos.iterdir())[: count // 10], "-o", folder / "some", "-j", 2, "--model", model)
    decoded = run("decode", streams, "-o", back, "-j", 2)
    named = sorted(record["source"] for record in encoded.records if "error" in record)
    good = count - len(broken)
    print(f"batch: {count} pictures, {len(broken)} broken, {len(named)} named; {good} both ways")
    print(f"batch: peak memory {encoded.memory_mib:.0f} MiB encoding, {decoded.memory_mib:.0f} MiB decoding")
    print(f"batch: peak memory {some.memory_mib:.0f} MiB encoding a tenth of them")
    faults = [] if named == broken else ["the broken pictures are not those that were named"]
    faults += [] if encoded.memory_mib < GROWTH * some.memory_mib else ["memory grows with the number of pictures"]
    faults += [] if encoded.code == (CORRUPT_INPUT if broken else 0) else [f"encode left with {encoded.code}"]
    faults += [] if decoded.code == 0 and len(list(back.iterdir())) == good else [f"decode left with {decoded.code}"]
    faults += [fault for path in back.iterdir() if (fault := fault_of(photos / path.name, path))]
    return faults


def fault_of(source: Path, result: Path) -> str | None:
    """What is wrong with a picture that came back, or None: size, grey or colour, alpha, and about the same samples."""
    before, after = (read_image(path)[0] for path in (source, result))
    if before.pixels.shape != after.pixels.shape:
        return f"{result.name} came back as {after.pixels.shape}, not {before.pixels.shape}"
    alphas = [image.alpha for image in (before, after) if image.alpha is not None]
    if len(alphas) == 1 or (alphas and not np.array_equal(alphas[0], alphas[-1])):
        return f"{result.name} came back with another alpha plane"
    if psnr_db(before.pixels, after.pixels) < LEAST_PSNR_DB:
        return f"{result.name} came back as another picture"
    return None


def check_threads(model: str, tasks: int) -> list[str]:
    """Faults of decoding and encoding at once in threads of one process."""
    pixels = picture(130, 97, 3)
    data = vaecompress.encode(pixels, 60, model=model)
    wanted = vaecompress.decode(data).pixels
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda _: np.array_equal(vaecompress.decode(data).pixels, wanted), range(tasks)))
        encoded = list(pool.map(lambda _: vaecompress.encode(pixels, 60, model=model) == data, range(tasks)))
    wrong = (decoded + encoded).count(False)
    print(f"threads: {tasks} decodes and {tasks} encodes in 8 threads, {wrong} differ")
    return [] if not wrong else ["threads of one process gave different results"]


def check_clip(folder: Path, frames: int, model: str) -> list[str]:
    """Faults of a clip of so many frames of 64x48; memory must not grow with it."""
    peaks: list[tuple[float, float]] = []
    for count in (frames // 10, frames):
        source, stream, back = (
            folder / f"{Path(model).stem}-{count}{suffix}" for suffix in (".y4m", ".bin", ".back.y4m")
        )
        with source.open("wb") as file:
            file.write(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C444\n")
            for index in range(count):
                file.write(b"FRAME\n" + picture(64, 48, 3, index % 50).transpose(2, 0, 1).tobytes())
        encoded = run("encode", source, stream, "--model", model, "-j", 2, "--effort", 1)
        decoded = run("decode", stream, back, "-j", 2)
        if encoded.code or decoded.code or decoded.records[0]["frames"] != count:
            return [f"the clip of {count} frames failed"]
        peaks.append((encoded.memory_mib, decoded.memory_mib))
        encoding, decoding = peaks[-1]
        print(f"clip, {model}: {count} frames, peak memory {encoding:.0f} MiB encoding, {decoding:.0f} MiB decoding")
    grown = [later / earlier for earlier, later in zip(*peaks, strict=True)]
    return [] if max(grown) < GROWTH else ["memory grows with the number of frames"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--largest", default="7680x4320", help="width x height of the largest picture")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=100, help="decodes at once, 8 threads")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--clip-models", default="tiny,video", help="the models that long clips are coded with")
    options = parser.parse_args(arguments)
    width, height = map(int, options.largest.split("x"))
    with tempfile.TemporaryDirectory() as place:
        faults = check_batch(Path(place), options.pictures, (width, height), options.model)
        faults += check_threads(options.model, options.threads)
        for model in options.clip_models.split(","):
            faults += check_clip(Path(place), options.frames, model)
    print("\n".join(faults) or "all as it should be")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
