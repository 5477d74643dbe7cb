"""Compare with other codecs on your own pictures or clips: real files, real decoders, one report."""

import argparse
import sys
from importlib.util import find_spec

from vaecompress.errors import UsageError

from ..failures import INTERRUPTED

_NEEDED = ("skimage", "scipy", "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    from vaecompress_eval import bench

    bench.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the benchmark, its Markdown report on standard output; returns the exit code.

    Raises UsageError where the packages that measure are not installed.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UsageError(f"bench needs {', '.join(missing)}: pip install 'vaecompress[eval]'")
    from vaecompress_eval import bench

    try:
        sys.stdout.write(bench.run_arguments(options))
    except KeyboardInterrupt:
        sys.stderr.write(f"vaecompress: {bench.STOPPED}\n")
        return INTERRUPTED
    return 0
