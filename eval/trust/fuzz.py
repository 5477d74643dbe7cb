"""Fuzzing of parsing and decoding: ``python -m vaecompress_eval.trust.fuzz [--seconds 60] [SEED_STREAM...]``.

Random damage is done to sound streams, most of it with sound CRCs. With atheris installed, coverage of this package can
guide the changes: ``--atheris -max_total_time=60``; what follows ``--atheris`` goes to libFuzzer. What fails is written
to a file of its own, which belongs into ``tests/fuzz_findings/`` once the cause is mended.
"""

import argparse
import hashlib
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType

import numpy as np
from vaecompress_eval.trust.damage import with_sound_crcs
from vaecompress_eval.trust.torture import end_of, sound_streams

from vaecompress.bitstream import Container
from vaecompress.errors import VaecompressError
from vaecompress.models import registry

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
    made = sound_streams(registry.load("tiny", threads=1), 24, 16)
    seeds = [path.read_bytes() for path in options.seeds] or list(made.values())
    if options.atheris is not None:
        return _with_atheris(options.atheris, seeds)
    tries, failed = fuzz(seeds, options.seconds, options.seed, options.findings)
    print(f"{tries} streams tried, {failed} failed")
    return bool(failed)


def _with_atheris(words: Sequence[str], seeds: Sequence[bytes]) -> int:
    atheris = importlib.import_module("atheris")
    for function in _own_functions():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as folder:
        for index, data in enumerate(seeds):
            (Path(folder) / str(index)).write_bytes(data)
        atheris.Setup([sys.argv[0], *words, folder], fuzz_one)
        atheris.Fuzz()
    return 0


def _own_functions() -> Iterator[FunctionType]:
    """Every function and method of this package that is imported. (To watch all packages takes minutes to begin.)"""
    for name, module in list(sys.modules.items()):
        if name.startswith("vaecompress."):
            owners = [module, *(value for value in vars(module).values() if isinstance(value, type))]
            for value in (value for owner in owners for value in vars(owner).values()):
                if isinstance(value, FunctionType) and value.__module__ == name:
                    yield value


if __name__ == "__main__":
    sys.exit(main())
