"""Compare with other codecs on your own pictures: real files, real decoders, one report."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    from vaecompress_eval import bench

    bench.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the benchmark, its Markdown report on standard output; returns the exit code."""
    from vaecompress_eval import bench

    sys.stdout.write(bench.run_arguments(options))
    return 0
