"""Seconds and memory: of whole processes, codecs side by side, or of one thread that has coded before.

``python -m vaecompress_eval.speed PICTURE --peers webp,avif`` prints a table of processes. With ``--one-thread`` it
prints what a core does in a second and takes for a megapixel, and with ``--against FOLDER`` the ratios to another
checkout of this project, run by the same Python: ``git worktree add ../before COMMIT`` makes one.
"""

import argparse
from pathlib import Path

from vaecompress.networks.engines import ENGINES

from .console import ProgressBar, exit_code, path_argument
from .peers.catalogue import find_peers
from .peers.own import OWN_NAME
from .run.pairs import DEFAULT_ENGINE, measure_pairs, pairs_table
from .run.processes import measure_speed, speed_table

EFFORTS, ROUNDS = "1,3", 5


def main(words: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--peers", default="webp,avif", help="names or families, comma separated")
    parser.add_argument(
        "--one-thread", action="store_true", help="one thread that has coded before, of our codec alone"
    )
    parser.add_argument("--against", type=path_argument, metavar="FOLDER", help="the same, and ratios to that checkout")
    parser.add_argument("--engine", default=DEFAULT_ENGINE, choices=ENGINES, help="of one thread, here only")
    parser.add_argument("--efforts", default=EFFORTS, help=f"of one thread, comma separated ({EFFORTS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of one thread ({ROUNDS})")
    arguments = parser.parse_args(words)
    one_thread = arguments.one_thread or arguments.against is not None
    return exit_code(lambda: _print_one_thread(arguments) if one_thread else _print(arguments))


def _print(arguments: argparse.Namespace) -> None:
    peers = [peer for peer in find_peers([OWN_NAME, *arguments.peers.split(",")]) if peer.missing() is None]
    print(speed_table(measure_speed(arguments.picture, peers)), end="")


def _print_one_thread(arguments: argparse.Namespace) -> None:
    efforts, bar = [int(one) for one in arguments.efforts.split(",")], ProgressBar()
    try:
        paces = measure_pairs(arguments.picture, arguments.against, arguments.engine, efforts, arguments.rounds, bar)
    finally:
        bar.close()
    print(pairs_table(arguments.picture.name, paces), end="")


if __name__ == "__main__":
    raise SystemExit(main())
