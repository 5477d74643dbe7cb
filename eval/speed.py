"""Seconds and memory of whole processes, codecs side by side in the same minutes.

``python -m vaecompress_eval.speed PICTURE --peers webp,avif`` prints a table.
"""

import argparse
from pathlib import Path

from .console import exit_code
from .peers.catalogue import find_peers
from .peers.own import OWN_NAME
from .run.processes import measure_speed, speed_table


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--peers", default="webp,avif", help="names or families, comma separated")
    arguments = parser.parse_args()
    return exit_code(lambda: _print(arguments))


def _print(arguments: argparse.Namespace) -> None:
    peers = [peer for peer in find_peers([OWN_NAME, *arguments.peers.split(",")]) if peer.missing() is None]
    print(speed_table(measure_speed(arguments.picture, peers)), end="")


if __name__ == "__main__":
    raise SystemExit(main())
