"""Benchmark a folder of pictures: ``python -m vaecompress_eval.bench DIR --peers webp,avif -o report/``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vaecompress.errors import VaecompressError

from .own_peer import OWN_NAME
from .peers import find_peers
from .pictures import find_pictures
from .progress import ProgressBar
from .report import make_folder, write_report
from .results import ResultCache
from .runner import run
from .speed import measure_speed
from .summary import RateRange

DEFAULT_RATES = RateRange()
DEFAULT_PEERS = ("jpeg", "webp", "avif", "jxl")


def run_bench(
    source: Path,
    peers: Sequence[str],
    output: Path,
    *,
    test: str = OWN_NAME,
    cache: Path | None = None,
    rates: RateRange = DEFAULT_RATES,
) -> str:
    """Measure ``test`` and ``peers`` on the pictures of ``source``, write the report, return its Markdown.

    ``test`` is the codec that BD-rates are of: ours, the path of one of our model files, or any peer. Measurements
    known to ``cache`` (by default a file of the user's cache folder) are not repeated.

    Raises :class:`vaecompress.errors.VaecompressError` for an unknown peer, a source without pictures, or an output or
    cache that cannot be written.
    """
    pictures, chosen = find_pictures(source), find_peers([test, *peers])
    make_folder(output)
    bar = ProgressBar()
    try:
        found = run(pictures, chosen, ResultCache(cache or default_cache()), bar)
        speeds = measure_speed(pictures[0], found.peers, bar)
    finally:
        bar.close()
    return write_report(found, test, rates, speeds, output)


def default_cache() -> Path:
    """Where measurements are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vaecompress" / "bench.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command, for every parser that offers it."""
    parser.add_argument("source", type=Path, help="a folder of pictures, or one picture")
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS), help="names or families, comma separated")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the report")
    parser.add_argument("--model", type=Path, help="a model file to measure in place of the shipped model")
    parser.add_argument("--cache", type=Path, help="file of measurements to reuse and extend (default: the user's)")
    parser.add_argument("--min-bpp", type=float, default=RateRange.min_bpp, help="BD-rate uses our points from here on")
    parser.add_argument("--max-bpp", type=float, default=RateRange.max_bpp, help="... to here")


def run_arguments(arguments: argparse.Namespace) -> str:
    """Run what parsed ``arguments`` ask for; returns the Markdown report."""
    rates = RateRange(arguments.min_bpp, arguments.max_bpp)
    return run_bench(
        arguments.source,
        arguments.peers.split(","),
        arguments.output,
        test=str(arguments.model or OWN_NAME),
        cache=arguments.cache,
        rates=rates,
    )


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    try:
        sys.stdout.write(run_arguments(parser.parse_args()))
    except VaecompressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped; what was measured is kept, the same command goes on from there\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
