"""Fuzzing of parsing and decoding: ``python -m vaecompress_eval.fuzz [--seconds 60] [SEED_STREAM...]``.

With atheris installed, its coverage guides the changes (``--atheris``; what follows goes to libFuzzer). Without it,
random damage is done to sound streams, most of it with sound CRCs. What fails is written to a file of its own, which
belongs into ``tests/fuzz_findings/`` once the cause is mended.
"""

import argparse
import hashlib
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from vaecompress_eval.damage import with_sound_crcs
from vaecompress_eval.torture import end_of, sound_streams

from vaecompress.bitstream import Container
from vaecompress.codec import models
from vaecompress.errors import VaecompressError

MAX_CHANGES = 6


def changed(data: bytes, generator: np.random.Generator) -> bytes:
    """Some bytes replaced, inserted, removed, repeated or cut off."""
    buffer = bytearray(data)
    for _ in range(int(generator.integers(1, MAX_CHANGES + 1))):
        place, size = int(generator.integers(len(buffer) + 1)), int(generator.geometric(0.2))
        span = slice(place, place + size)
        replacements = (generator.bytes(len(buffer[span])), b"", bytes(buffer[span]) * 2, b"\xff" * len(buffer[span]))
        buffer[span] = replacements[int(generator.integers(len(replacements)))]
    return bytes(buffer)


def fuzz_one(data: bytes) -> None:
    """Decode ``data`` as it is and with sound CRCs; every refusal is fine, anything else is raised."""
    end_of(data)
    end_of(with_sound_crcs(data))
    try:
        with Container.open(data, partial=True) as container:
            container.verify()
    except VaecompressError:
        pass


def fuzz(seeds: Sequence[bytes], seconds: float, seed: int, findings: Path) -> tuple[int, int]:
    """Damage ``seeds`` for so many seconds; the number of tries, and of those that failed, which are kept."""
    generator = np.random.default_rng(seed)
    tries = failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = changed(seeds[int(generator.integers(len(seeds)))], generator)
        tries += 1
        try:
            fuzz_one(data)
        except Exception as error:
            failed += 1
            path = findings / f"{type(error).__name__}_{hashlib.sha256(data).hexdigest()[:12]}.bin"
            path.write_bytes(data)
            print(f"{path}: {error}")
    return tries, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("."), help="folder for what fails")
    parser.add_argument("--atheris", nargs=argparse.REMAINDER, help="be guided by coverage; arguments of libFuzzer")
    options = parser.parse_args(arguments)
    if options.atheris is not None:
        return _with_atheris(options.atheris)
    made = sound_streams(models.load("tiny", threads=1), 24, 16)
    seeds = [path.read_bytes() for path in options.seeds] or list(made.values())
    tries, failed = fuzz(seeds, options.seconds, options.seed, options.findings)
    print(f"{tries} streams tried, {failed} failed")
    return bool(failed)


def _with_atheris(words: Sequence[str]) -> int:
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *words], fuzz_one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
