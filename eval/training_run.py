"""How a training run gains: ``python -m vaecompress_eval.training_run RUN`` prints a table, one line an evaluation.

The numbers are those of the run's own evaluations on its validation pictures: entropy estimates, not files. Each line
tells how many percent more bits the model of that step needed than the last one evaluated, at equal PSNR.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecompress.errors import InputError
from vaecompress.train.curves import TRAINING, CurveRow, read_rows

from .console import exit_code
from .measure.bd_rate import BdRateError, Point, bd_rate


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a run: where it stood, and its rate-distortion curve."""

    step: int
    minutes: float
    curve: list[Point]


def evaluations(rows: Sequence[CurveRow]) -> list[Evaluation]:
    """The evaluations in a run's learning curves, oldest first."""
    by_step: dict[int, list[CurveRow]] = {}
    for row in rows:
        if row.series != TRAINING and row.bpp is not None and row.psnr_db is not None:
            by_step.setdefault(row.step, []).append(row)
    return [Evaluation(step, group[0].minutes, _curve(group)) for step, group in sorted(by_step.items())]


def table(found: Sequence[Evaluation]) -> str:
    """Markdown, one line an evaluation; the ranges run from the lowest quality evaluated to the highest."""
    lines = ["| step | minutes | bpp | PSNR, dB | against the last |", "| ---: | ---: | :---: | :---: | ---: |"]
    for one in found:
        rates = f"{one.curve[0].rate_bpp:.3f} to {one.curve[-1].rate_bpp:.3f}"
        qualities = f"{one.curve[0].quality_db:.2f} to {one.curve[-1].quality_db:.2f}"
        lines.append(f"| {one.step} | {one.minutes:.0f} | {rates} | {qualities} | {_gap(one.curve, found[-1].curve)} |")
    return "\n".join(lines) + "\n"


def _curve(rows: Sequence[CurveRow]) -> list[Point]:
    points = [Point(row.bpp, row.psnr_db) for row in rows if row.bpp is not None and row.psnr_db is not None]
    return sorted(points, key=lambda point: point.rate_bpp)


def _gap(curve: list[Point], last: list[Point]) -> str:
    try:
        return f"{bd_rate(curve, last).percent:+.2f} %"
    except BdRateError as error:
        return str(error)


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder that training writes to")
    path = parser.parse_args().run / "curves.csv"
    return exit_code(lambda: _print(path))


def _print(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no learning curves here; give the folder of a training run")
    found = evaluations(read_rows(path))
    if not found:
        raise InputError(f"{path}: the run has not been evaluated yet")
    print(table(found), end="")


if __name__ == "__main__":
    raise SystemExit(main())
