"""All files of a report: Markdown, curves, the HTML page and the single results."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vaecompress.errors import OutputError

from .bd_rate import BdRate
from .crops import CropSet, crop_set
from .pictures import load_picture
from .plot import plot_curves
from .report_html import html
from .report_markdown import markdown
from .results import write_results
from .runner import Run
from .speed import Speed
from .summary import MS_SSIM, PSNR, RateRange, compare

CROP_PICTURES = 6
CROP_BPP = 0.3


def make_folder(folder: Path) -> None:
    """Make the report's folder before anything long starts; raises :class:`OutputError` when that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the report's folder: {error}") from error


def write_report(run: Run, test: str, rates: RateRange, speeds: Sequence[Speed], folder: Path) -> str:
    """Write ``report.html``, ``report.md``, ``results.jsonl`` and the curves to ``folder``; return the Markdown.

    Raises :class:`OutputError` when a file cannot be written.
    """
    text = markdown(run, test, rates, speeds)
    page = html(run, test, rates, speeds, list(_crops(run, test, rates)))
    try:
        write_results(run.results, folder / "results.jsonl")
        (folder / "report.md").write_text(text, encoding="utf-8")
        (folder / "report.html").write_text(page, encoding="utf-8")
        for measure, stem in ((PSNR, "psnr"), (MS_SSIM, "ms_ssim")):
            plot_curves(run, test, measure, rates, [folder / f"{stem}.svg", folder / f"{stem}.png"])
    except OSError as error:
        raise OutputError(f"cannot write the report: {error}") from error
    return text


def worst_pictures(run: Run, test: str, rates: RateRange) -> list[str]:
    """Names of the pictures that ``test`` could code, by falling PSNR BD-rate against the first other codec."""
    coded = list(dict.fromkeys(result.picture for result in run.results if result.codec == test))
    anchors = [peer.name for peer in run.peers if peer.name != test]
    if not anchors:
        return coded
    rate = compare(run.results, test, anchors[0], PSNR, rates).pictures

    def percent(name: str) -> float:
        value = rate.get(name)
        return value.percent if isinstance(value, BdRate) else float("-inf")

    return sorted(coded, key=percent, reverse=True)


def _crops(run: Run, test: str, rates: RateRange) -> Iterator[CropSet]:
    """Crops of the worst pictures, coded anew; ``test`` leads."""
    peers = sorted(run.peers, key=lambda peer: peer.name != test)
    paths = {path.name: path for path in run.pictures}
    for name in worst_pictures(run, test, rates)[:CROP_PICTURES]:
        yield crop_set(load_picture(paths[name]), peers, CROP_BPP)
