"""Rate-distortion curves as SVG and PNG, for documents."""

from pathlib import Path

from ..measure.bd_rate import Point
from ..measure.published import is_kodak, kodak_curves
from ..measure.summary import Measure, RateRange, mean_curve
from ..run.pictures import Run

PUBLISHED = ("VTM 9.1", "BPG 4:4:4", "mbt2018-mean")
ROOM = 1.35
"""The rate axis reaches this far beyond the BD-rate's range."""


def plot_curves(run: Run, test: str, measure: Measure, rates: RateRange, paths: list[Path]) -> None:
    """Draw the mean curves of all codecs, ``test`` in front; those of files dashed, published ones dotted."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="bits per pixel", ylabel=measure.title)
    reach = ROOM * rates.max_bpp
    for peer in run.peers:
        points = [point for point in mean_curve(run.results, peer.name, measure) if point.rate_bpp <= reach]
        weight = 2.4 if peer.name == test else 1.2
        axes.plot(*_columns(points), marker="o", markersize=3, label=peer.name, linewidth=weight, zorder=1 + weight)
    for foreign in run.foreign:
        points = [point for point in foreign.curve(measure) if point.rate_bpp <= reach]
        axes.plot(*_columns(points), linestyle="--", linewidth=1, label=f"{foreign.name} (not measured here)")
    for name, curve in kodak_curves(measure).items() if is_kodak(run.results) else ():
        if name in PUBLISHED:
            points = [point for point in curve if point.rate_bpp <= reach]
            axes.plot(
                *_columns(points), linestyle=":", color="grey", linewidth=1, label=f"{name} (published, 24 pictures)"
            )
    axes.set_xlim(0.0, reach)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    for path in paths:
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)


def _columns(points: list[Point]) -> tuple[list[float], list[float]]:
    return [point.rate_bpp for point in points], [point.quality_db for point in points]
