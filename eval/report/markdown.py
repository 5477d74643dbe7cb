"""The comparison as text: Markdown that a README or a terminal can show."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from ..measure.bd_rate import BdRate, BdRateError, bd_rate
from ..measure.foreign import ForeignCurve
from ..measure.published import KODAK_PICTURES, is_kodak, published_figures
from ..measure.summary import (
    MS_SSIM,
    PSNR,
    YUV_PSNR,
    Comparison,
    Measure,
    RateRange,
    compare,
    headline,
    ideal_gap_percent,
    mean_curve,
    unmeasured_notes,
)
from ..run.pictures import Run
from ..run.processes import Speed, speed_table


def markdown(run: Run, test: str, rates: RateRange, speeds: Sequence[Speed]) -> str:
    """BD-rates of ``test`` against every other codec that ran, and below them what was run, missing or failed."""
    anchors = [peer.name for peer in run.peers if peer.name != test]
    first, second = headline(run.results)
    compared = [[compare(run.results, test, anchor, one, rates) for one in (first, second)] for anchor in anchors]
    clips = first is YUV_PSNR
    noun = "clip" if clips else "picture"
    lines = [
        f"BD-rate of {test} on {_count(len({one.picture for one in run.results}), noun)}, real files between "
        f"{rates.min_bpp:g} and {rates.max_bpp:g} bpp; negative: {test} needs fewer bits.",
        "",
        f"| against | {'PSNR (6Y+U+V)/8' if clips else 'PSNR'} | worst {noun} | MS-SSIM | worst {noun} |",
        "| --- | ---: | :--- | ---: | :--- |",
        *(f"| {row[0].anchor} | {' | '.join(cell for one in row for cell in _cells(one))} |" for row in compared),
        "",
        *(_clip_rows([row[0] for row in compared]) if clips else []),
        *_speeds(speeds),
        *_estimates(run),
        *_codecs(run),
        *_foreign(run, test, rates),
        *_figures(run),
        *_troubles(run, [one for row in compared for one in row]),
    ]
    return "\n".join(lines) + "\n"


def percent(value: BdRate | str) -> str:
    """A BD-rate as people write it, or a dash where there is none."""
    return f"{value.percent:+.1f} %" if isinstance(value, BdRate) else "-"


def _cells(comparison: Comparison) -> tuple[str, str]:
    worst = comparison.worst
    return percent(comparison.mean), f"{worst[0]} {percent(worst[1])}" if worst else "-"


def _clip_rows(comparisons: Sequence[Comparison]) -> list[str]:
    """PSNR BD-rates clip by clip, and their mean: of few clips, one alone moves a mean curve."""
    if not comparisons:
        return []
    names = sorted(comparisons[0].pictures)
    rows = []
    for one in comparisons:
        found = [value.percent for value in one.pictures.values() if isinstance(value, BdRate)]
        mean = f"{fmean(found):+.1f} %" if len(found) == len(names) else "-"
        rows.append(f"| {one.anchor} | {' | '.join(percent(one.pictures[name]) for name in names)} | {mean} |")
    return [
        f"| against, PSNR (6Y+U+V)/8 | {' | '.join(names)} | mean of the clips |",
        f"| --- |{' ---: |' * (len(names) + 1)}",
        *rows,
        "",
    ]


def _speeds(speeds: Sequence[Speed]) -> list[str]:
    if not speeds:
        return []
    alone = "the codec alone" if speeds[0].frames == 1 else "the codec alone, frames a second"
    about = f"Times: {speeds[0].source}; whole processes, in brackets {alone}; memory of the process (and of the call)."
    return [about, "", speed_table(speeds)]


def _estimates(run: Run) -> list[str]:
    """How far real files lie above entropy estimates."""
    gaps = {peer.name: ideal_gap_percent(run.results, peer.name) for peer in run.peers}
    return [
        line
        for name, gap in gaps.items()
        if gap is not None
        for line in (f"Files of {name} are {gap:.2f} % larger than its entropy estimate, headers included.", "")
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _codecs(run: Run) -> list[str]:
    rows = [f"| {peer.name} | {peer.description} | {peer.version()} |" for peer in run.peers]
    return ["| codec | settings | version |", "| --- | --- | --- |", *rows]


def _foreign(run: Run, test: str, rates: RateRange) -> list[str]:
    """BD-rates against the mean curves of other people's files."""
    if not run.foreign:
        return []
    rows = [
        f"| {one.name} | {' | '.join(_against(run, test, one, measure, rates) for measure in (PSNR, MS_SSIM))} "
        f"| {one.file} |"
        for one in run.foreign
    ]
    return [
        "",
        f"BD-rate of {test} against curves from files, measured by others, maybe on other pictures:",
        "",
        "| codec | PSNR | MS-SSIM | file |",
        "| --- | ---: | ---: | --- |",
        *rows,
    ]


def _against(run: Run, test: str, other: ForeignCurve, measure: Measure, rates: RateRange) -> str:
    try:
        own = mean_curve(run.results, test, measure)
        return percent(bd_rate(own, other.curve(measure), rates.min_bpp, rates.max_bpp))
    except BdRateError as error:
        return str(error) if other.curve(measure) else "-"


def _figures(run: Run) -> list[str]:
    """What others publish on Kodak."""
    if not is_kodak(run.results):
        return []
    rows = [
        f"| {one.codec} | {one.psnr_bd_rate_percent or '-'} | {one.against} | {one.decode_kmac_per_px or '-'} | "
        f"{one.origin} | {one.source} |"
        for one in published_figures()
    ]
    return [
        "",
        f"Published figures on the {KODAK_PICTURES} Kodak pictures, from papers and repositories, not measured here:",
        "",
        "| codec | PSNR BD-rate, % | against | decode kMAC/pixel | origin | source |",
        "| --- | ---: | --- | ---: | --- | --- |",
        *rows,
    ]


def _troubles(run: Run, comparisons: list[Comparison]) -> list[str]:
    """Every gap in the table above and every change to a source, by name."""
    missing = [f"- {name} is not installed: `{command}`" for name, command in run.missing.items()]
    grouped = Counter(failure.line for failure in run.failures)
    failed = [f"- {line}{f' (at {times} settings)' if times > 1 else ''}" for line, times in grouped.items()]
    refused = [line for comparison in comparisons for line in _refusals(comparison)]
    notes = [f"- {note}" for note in (*unmeasured_notes(run.results), *run.notes)]
    gaps = [*missing, *failed, *refused, *notes]
    return ["", "To be known:", "", *gaps] if gaps else []


def _refusals(comparison: Comparison) -> list[str]:
    """Why there is no BD-rate: of the mean curve, and of the first picture that has none."""
    what = f"- no BD-rate by {comparison.measure.title} against {comparison.anchor}"
    refused = [(name, value) for name, value in comparison.pictures.items() if isinstance(value, str)]
    lines = [f"{what}: {comparison.mean}"] if isinstance(comparison.mean, str) else []
    if refused:
        name, reason = refused[0]
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        lines.append(f"{what} on {name}{more}: {reason}")
    return lines
