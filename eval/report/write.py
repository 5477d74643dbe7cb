"""All files of a report: Markdown, curves, the HTML page and the single results."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vaecompress.errors import OutputError

from ..console import Bar
from ..measure.bd_rate import BdRate
from ..measure.clips import load_clip
from ..measure.pictures import load_picture
from ..measure.results import write_results
from ..measure.summary import RateRange, compare, headline
from ..peers.base import Peer
from ..peers.video import VideoPeer
from ..run.pictures import Run
from ..run.processes import Speed
from .clip_crops import clip_crop_set
from .crops import CropSet, crop_set
from .html import html
from .markdown import markdown
from .plot import plot_curves

CROP_PICTURES = 6
CROP_BPP = 0.3


def make_folder(folder: Path) -> None:
    """Make the report's folder before anything long starts; raises :class:`OutputError` when that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the report's folder: {error}") from error


def write_report(
    run: Run, test: str, rates: RateRange, speeds: Sequence[Speed], crops: Sequence[CropSet], folder: Path
) -> str:
    """Write ``report.html``, ``report.md``, ``results.jsonl`` and the curves to ``folder``; return the Markdown.

    Raises :class:`OutputError` when a file cannot be written.
    """
    text = markdown(run, test, rates, speeds)
    page = html(run, test, rates, speeds, crops)
    stems = ("psnr", "ms_ssim")
    try:
        write_results(run.results, folder / "results.jsonl")
        (folder / "report.md").write_text(text, encoding="utf-8")
        (folder / "report.html").write_text(page, encoding="utf-8")
        for measure, stem in zip(headline(run.results), stems, strict=True):
            plot_curves(run, test, measure, rates, [folder / f"{stem}.svg", folder / f"{stem}.png"])
    except OSError as error:
        raise OutputError(f"cannot write the report: {error}") from error
    return text


def worst_pictures(run: Run, test: str, rates: RateRange) -> list[str]:
    """Names of the sources that ``test`` could code, by falling PSNR BD-rate against the first other codec."""
    coded = list(dict.fromkeys(result.picture for result in run.results if result.codec == test))
    anchors = [peer.name for peer in run.peers if peer.name != test]
    if not anchors:
        return coded
    rate = compare(run.results, test, anchors[0], headline(run.results)[0], rates).pictures

    def percent(name: str) -> float:
        value = rate.get(name)
        return value.percent if isinstance(value, BdRate) else float("-inf")

    return sorted(coded, key=percent, reverse=True)


def picture_crops(
    run: Run, peers: Sequence[Peer], test: str, rates: RateRange, progress: Bar = lambda *_: None
) -> Iterator[CropSet]:
    """Crops of the worst pictures, coded anew by ``peers``; ``test`` leads."""
    ordered = sorted(peers, key=lambda peer: peer.name != test)
    for path in _worst_paths(run, test, rates, progress):
        yield crop_set(load_picture(path), ordered, CROP_BPP, run.results)


def clip_crops(
    run: Run, peers: Sequence[VideoPeer], test: str, rates: RateRange, progress: Bar = lambda *_: None
) -> Iterator[CropSet]:
    """Crops of the middle frame of the worst clips; each peer at the setting that came nearest to the rate."""
    ordered = sorted(peers, key=lambda peer: peer.name != test)
    for path in _worst_paths(run, test, rates, progress):
        results = [result for result in run.results if result.picture == path.name]
        yield clip_crop_set(load_clip(path), ordered, results, CROP_BPP)


def _worst_paths(run: Run, test: str, rates: RateRange, progress: Bar) -> Iterator[Path]:
    paths = {path.name: path for path in run.pictures}
    names = worst_pictures(run, test, rates)[:CROP_PICTURES]
    for index, name in enumerate(names):
        progress(index, len(names), f"crops of {name}")
        yield paths[name]
