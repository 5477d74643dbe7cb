"""How to train the codec: a study in rows, each at an equal budget, one thing changed against the shipped recipe.

``python -m vaecompress_eval.study DATA... --exclude FILE... --validation FILE -o study/`` trains the baseline with
every seed, then the rows, seed after seed. It may be stopped at any time: the same command goes on with the first row
that is not done. ``-o study/ --table`` prints what there is so far and draws it. The budget is processor time of all
threads together; compiling, validating and calibrating do not count against it. Needs ``[train]``.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vaecompress.errors import InputError, OutputError, UsageError
from vaecompress.train import presets
from vaecompress.train.data.sources import listed_names, middles, validation_images
from vaecompress.train.loop import VALIDATION_SIDE

from ..console import exit_code
from .data import TrainingPictures
from .results import Check, Results
from .rows import BASELINE, ROWS, Row
from .run import Training
from .table import plot, table


def jobs(rows: Sequence[Row], seeds: Sequence[int]) -> Iterator[tuple[Row, int]]:
    """What to train, in order: the baseline with every seed, then all rows with each."""
    yield from ((BASELINE, seed) for seed in seeds)
    yield from ((row, seed) for seed in seeds for row in rows if row is not BASELINE)


def study(options: argparse.Namespace) -> None:
    """Train every row that is not done yet."""
    preset = presets.preset(options.preset, presets.PRESETS)
    tests = listed_names([options.validation] if options.validation else [])
    pictures = middles(validation_images(options.data, sorted(tests)), VALIDATION_SIDE)
    if not len(pictures):
        raise UsageError(f"--validation must name pictures of at least {VALIDATION_SIDE}x{VALIDATION_SIDE} pixels")
    results = Results(options.output)
    results.claim({"preset": options.preset, "minutes": options.minutes, "steps": options.steps})
    training = TrainingPictures(options.data, listed_names(options.exclude) | tests)
    for row, seed in jobs(chosen(options.rows, options.group), options.seeds):
        if results.has(row.name, seed):
            continue
        setup = row.setup(preset, seed, options.steps)
        minutes = None if options.steps else options.minutes
        run = Training(setup, training.batches(setup.data, seed), pictures, minutes)
        outcome = run.outcome(row.name, _Report(row, seed))
        results.add(outcome)
        if outcome.diverged:
            sys.stdout.write(f"{row.name} seed {seed}: diverged\n")


def chosen(names: Sequence[str] | None, group: str | None) -> list[Row]:
    """The rows asked for; raises :class:`UsageError` where there are none such."""
    if names:
        unknown = set(names) - {row.name for row in ROWS}
        if unknown:
            known = ", ".join(row.name for row in ROWS)
            raise UsageError(f"no row {', '.join(sorted(unknown))}; there are {known}")
        return [row for row in ROWS if row.name in names]
    if group and group not in {row.group for row in ROWS}:
        raise UsageError(f"no group {group}; there are {', '.join(dict.fromkeys(row.group for row in ROWS))}")
    return [row for row in ROWS if group in (None, row.group)]


class _Report:
    """A line for each check of a row."""

    def __init__(self, row: Row, seed: int) -> None:
        self._title = f"{row.name} seed {seed}"

    def __call__(self, check: Check) -> None:
        sys.stdout.write(f"{self._title}: {check.minutes:.2f} min  {check.steps} steps  loss {check.loss:.4f}\n")
        sys.stdout.flush()


def _show(folder: Path) -> None:
    """Print the table and draw the plots."""
    outcomes = Results(folder).outcomes
    if not outcomes:
        raise InputError(f"{folder}: holds no results yet")
    sys.stdout.write(table(outcomes))
    try:
        paths = plot(outcomes, folder)
    except OSError as error:
        raise OutputError(f"{folder}: plots cannot be written ({error.strerror or error})") from error
    sys.stderr.write("".join(f"{path}\n" for path in paths))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vaecompress_eval.study", description=__doc__)
    parser.add_argument("data", type=Path, nargs="*", help="pictures, folders or tar shards")
    parser.add_argument("--exclude", type=Path, nargs="+", default=[], metavar="FILE", help="names to leave out")
    parser.add_argument("--validation", type=Path, metavar="FILE", help="list of pictures to validate on")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--table", action="store_true", help="print and draw what is done, and train nothing")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--rows", type=lambda text: text.split(","), metavar="NAME,NAME", help="these rows only")
    which.add_argument("--group", help="the rows of this group only")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=3.0, help="processor time of each row (3)")
    budget.add_argument("--steps", type=int, help="steps of each row, instead of a time")
    parser.add_argument("--seeds", type=_seeds, default=[0, 1, 2], metavar="N,N", help="0,1,2")
    parser.add_argument("--preset", default="light", help="tiny, light (default), base or large")
    return parser


def _seeds(text: str) -> list[int]:
    return [int(seed) for seed in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.minutes <= 0.0 or (options.steps is not None and options.steps < 1):
        parser.error("--minutes and --steps must be above 0")
    if not options.table and not (options.data and options.validation):
        parser.error("give pictures to train on, and --validation")
    stopped = "stopped; rows that are done are kept, the same command goes on from there"
    return exit_code(lambda: _run(options), stopped)


def _run(options: argparse.Namespace) -> None:
    if not options.table:
        study(options)
    _show(options.output)


if __name__ == "__main__":
    raise SystemExit(main())
