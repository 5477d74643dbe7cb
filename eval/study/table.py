"""The study's results as Markdown and as plots of loss against minutes and against pixels."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaecompress.train.loop import VALIDATION_POSITIONS

from .results import Outcome
from .rows import BASELINE, ROWS, Row

_QUALITIES = [f"q{round(1 + 99 * place)}" for place in VALIDATION_POSITIONS]
_COLUMNS = ("row", "changed", "loss", *_QUALITIES, "steps", "Mpixel", "steps/s", "kMAC/px", "difference", "MS-SSIM", "")
_RULE = "| :--- | :--- |" + " ---: |" * (len(_COLUMNS) - 3) + " :--- |"


@dataclass(frozen=True)
class Reference:
    """What the baseline's seeds reached: mean and spread (largest less smallest) of the loss, mean of MS-SSIM's.

    ``spread`` is None where there is one seed only.
    """

    loss: float
    spread: float | None
    ms_ssim_loss: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Reference | None":
        """From all results of a study; None where the baseline has none."""
        found = sound(outcomes, BASELINE)
        if not found:
            return None
        losses = [one.last.loss for one in found]
        return cls(
            statistics.fmean(losses),
            max(losses) - min(losses) if len(losses) > 1 else None,
            statistics.fmean(_ms_ssim_loss(one) for one in found),
        )

    def verdict(self, loss: float) -> str:
        """``better`` or ``worse``, where the difference is larger than the spread of the baseline's seeds."""
        if self.spread is None:
            return "spread unknown"
        if abs(loss - self.loss) <= self.spread:
            return "no difference"
        return "better" if loss < self.loss else "worse"


def sound(outcomes: Sequence[Outcome], row: Row) -> list[Outcome]:
    """The seeds of a row that did not diverge."""
    return [one for one in outcomes if one.row == row.name and not one.diverged]


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a section for each group of rows, the baseline first in each. Values are means over the seeds done.

    ``difference`` and ``MS-SSIM``: percent of the baseline's loss, with squared error and with MS-SSIM as distortion.
    """
    reference = Reference.of(outcomes)
    sections = [_summary(outcomes, reference)]
    for group, rows in _groups(outcomes).items():
        lines = [_line(row, outcomes, reference) for row in rows]
        sections.append("\n".join([f"### {group}", "", _cells(_COLUMNS), _RULE, *lines]))
    return "\n\n".join(sections) + "\n"


def _groups(outcomes: Sequence[Outcome]) -> dict[str, list[Row]]:
    """The groups that have results, each with the baseline and those of its rows that have some."""
    done = {one.row for one in outcomes}
    groups: dict[str, list[Row]] = {}
    for row in ROWS:
        if row is not BASELINE and row.name in done:
            groups.setdefault(row.group, [BASELINE]).append(row)
    return groups


def _summary(outcomes: Sequence[Outcome], reference: Reference | None) -> str:
    if reference is None:
        return "The baseline is not done yet."
    count, spread = len(sound(outcomes, BASELINE)), reference.spread
    text = f"Baseline: loss {reference.loss:.4f}, seeds: {count}"
    return text if spread is None else f"{text}, spread {spread:.4f} ({100 * spread / reference.loss:.2f} %)"


def _line(row: Row, outcomes: Sequence[Outcome], reference: Reference | None) -> str:
    found = sound(outcomes, row)
    if not found:
        verdict = "diverged" if any(one.row == row.name for one in outcomes) else "not done"
        return _cells((row.name, row.change, *[""] * (len(_COLUMNS) - 3), verdict))
    lasts = [one.last for one in found]
    loss = statistics.fmean(last.loss for last in lasts)
    qualities = [statistics.fmean(values) for values in zip(*(last.losses for last in lasts), strict=True)]
    steps = statistics.fmean(last.steps for last in lasts)
    rate = statistics.fmean(last.steps / (60.0 * last.minutes) for last in lasts)
    pixels = statistics.fmean(last.pixels for last in lasts)
    own = [f"{steps:.0f}", f"{pixels / 1e6:.1f}", f"{rate:.2f}", f"{found[0].kmac_per_pixel:.2f}"]
    losses = [f"{value:.3f}" for value in (loss, *qualities)]
    return _cells((row.name, row.change, *losses, *own, *_against(row, found, loss, reference)))


def _against(row: Row, found: Sequence[Outcome], loss: float, reference: Reference | None) -> tuple[str, str, str]:
    if row is BASELINE or reference is None:
        return "", "", ""
    ms_ssim_loss = statistics.fmean(_ms_ssim_loss(one) for one in found)
    return (
        f"{100 * (loss / reference.loss - 1):+.2f} %",
        f"{100 * (ms_ssim_loss / reference.ms_ssim_loss - 1):+.2f} %",
        reference.verdict(loss),
    )


def _ms_ssim_loss(outcome: Outcome) -> float:
    return statistics.fmean(outcome.last.ms_ssim_losses)


def _cells(values: Sequence[str]) -> str:
    return "| " + " | ".join(values) + " |"


def plot(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Draw each group, with the baseline in black, as ``<group>.png`` in ``folder``; the files. Needs matplotlib.

    Losses more than half above the group's best are cut off.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    paths = []
    for group, rows in _groups(outcomes).items():
        figure = Figure(figsize=(11.0, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        by_minutes, by_pixels = figure.subplots(1, 2, sharey=True)
        by_minutes.set(xlabel="minutes of processor time", ylabel="R-D loss on validation pictures")
        by_pixels.set(xlabel="megapixels seen")
        for number, row in enumerate(rows):
            colour, label = f"C{number - 1}" if number else "black", row.name
            for one in (one for one in outcomes if one.row == row.name):
                losses = [check.loss for check in one.checks]
                style = {"color": colour, "label": label, "linewidth": 1.0, "marker": ".", "markersize": 4.0}
                by_minutes.plot([check.minutes for check in one.checks], losses, **style)
                by_pixels.plot([check.pixels / 1e6 for check in one.checks], losses, **style)
                label = "_nolegend_"
        lasts = [one.checks[-1].loss for one in outcomes if one.row in {row.name for row in rows}]
        by_minutes.set_ylim(0.98 * min(lasts), 1.5 * min(lasts))
        by_minutes.legend(fontsize=8)
        paths.append(folder / f"{group.replace(' ', '-')}.png")
        figure.savefig(paths[-1], dpi=90)
    return paths
