"""Benchmark a folder of pictures or of clips: ``python -m vaecompress_eval.bench DIR --peers webp,avif -o report/``."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.effort import MAX_EFFORT, MIN_EFFORT
from vaecompress.errors import InputError, UsageError
from vaecompress.models import registry

from .cache_folder import cache_folder
from .console import ProgressBar, exit_code, path_argument
from .measure.clips import find_clips
from .measure.foreign import ForeignCurve, read_curve
from .measure.pictures import find_pictures, has_pictures, left_out
from .measure.results import ResultCache
from .measure.summary import RateRange
from .peers.catalogue import find_peers
from .peers.own import OWN_NAME
from .peers.video import DEFAULT_VIDEO_PEERS, find_video_peers
from .report.crops import CropSet
from .report.write import clip_crops, make_folder, picture_crops, write_report
from .run.clip_speed import measure_clip_speed
from .run.clips import run_clips
from .run.pictures import Run, run
from .run.processes import Speed, measure_speed

STOPPED = "stopped; what was measured is kept, the same command goes on from there"
DEFAULT_PEERS = ("jpeg", "webp", "avif", "jxl")


@dataclass(frozen=True)
class Medium:
    """How pictures or clips are measured: the codecs that are usual, and what finds, runs, times and shows them."""

    usual_peers: tuple[str, ...]
    find_peers: Callable[..., Sequence[Any]]
    run: Callable[..., Run]
    measure_speed: Callable[..., Sequence[Speed]]
    crops: Callable[..., Iterable[CropSet]]
    rates: RateRange

    def range(self, min_bpp: float | None, max_bpp: float | None) -> RateRange:
        """The range asked for, its ends the usual ones where they are None; raises UsageError for an empty one."""
        rates = RateRange(
            self.rates.min_bpp if min_bpp is None else min_bpp, self.rates.max_bpp if max_bpp is None else max_bpp
        )
        if not 0 <= rates.min_bpp < rates.max_bpp:
            raise UsageError("--min-bpp must be at least 0 and below --max-bpp")
        return rates


PICTURES = Medium(DEFAULT_PEERS, find_peers, run, measure_speed, picture_crops, RateRange(0.1, 1.2))
CLIPS = Medium(DEFAULT_VIDEO_PEERS, find_video_peers, run_clips, measure_clip_speed, clip_crops, RateRange(0.02, 0.4))


def run_bench(
    source: Path,
    peers: Sequence[str] | None,
    output: Path,
    *,
    test: str = OWN_NAME,
    cache: Path | None = None,
    min_bpp: float | None = None,
    max_bpp: float | None = None,
    foreign: Sequence[ForeignCurve] = (),
) -> str:
    """Measure ``test`` and ``peers`` on the pictures of ``source``, write the report, return its Markdown.

    Where ``source`` holds clips and no picture, they are measured with video codecs. Without ``peers`` the usual ones
    run. ``test`` is the codec that BD-rates are of: ours, the path of one of our model files (either may end in ``@9``
    for ``--effort 9``, then in ``+ssim`` for ``--tune ssim``), or any peer. BD-rates use its points from ``min_bpp`` to
    ``max_bpp`` bits a pixel, by default those of the medium. Measurements known to ``cache`` (by default a file of the
    user's cache folder) are not repeated. ``foreign`` curves are drawn beside those that are measured.

    Raises :class:`vaecompress.errors.VaecompressError` for an unknown peer, a source without pictures or clips, or an
    output or cache that cannot be written.
    """
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    clips, results = find_clips(source), ResultCache(cache or cache_folder() / "bench.jsonl")
    bar = ProgressBar()
    try:
        medium, sources = (CLIPS, clips) if clips and not has_pictures(source) else (PICTURES, find_pictures(source))
        rates = medium.range(min_bpp, max_bpp)
        chosen = medium.find_peers([test, *(peers or medium.usual_peers)])
        make_folder(output)
        found = _checked(medium.run(sources, chosen, results, bar))
        found.notes.extend(left_out(source, sources))
        found.foreign.extend(foreign)
        ran = [peer for peer in chosen if peer in found.peers]
        speeds = medium.measure_speed(_timed(found), ran, found.results, bar)
        return write_report(found, test, rates, speeds, list(medium.crops(found, ran, test, rates, bar)), output)
    finally:
        bar.close()


def _checked(found: Run) -> Run:
    """``found``; raises InputError where nothing could be measured."""
    if not found.results:
        raise InputError(f"nothing could be measured; {found.failures[0].line}")
    return found


def _timed(found: Run) -> Path:
    """The source whose times are taken: the first that every codec could code, or else the first that any could."""
    coded = Counter(picture for picture, _ in {(one.picture, one.codec) for one in found.results})
    return max(found.pictures, key=lambda path: coded[path.name])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command, for every parser that offers it."""
    parser.add_argument("source", type=path_argument, help="a folder of pictures or of clips, or one of them")
    usual = f"default {','.join(DEFAULT_PEERS)}; for clips {','.join(DEFAULT_VIDEO_PEERS)}"
    parser.add_argument("--peers", help=f"names or families, comma separated ({usual})")
    parser.add_argument("-o", "--output", type=path_argument, required=True, help="folder for the report")
    parser.add_argument("--model", help="a model to measure in place of the default one: its name, or a .vcm file")
    levels = range(MIN_EFFORT, MAX_EFFORT + 1)
    parser.add_argument("--effort", type=int, choices=levels, help=f"how long our encoder searches ({DEFAULT_EFFORT})")
    parser.add_argument("--tune", choices=("psnr", "ssim"), default="psnr", help="what our encoder minimises")
    parser.add_argument(
        "--curves",
        type=path_argument,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="result files of others (JSON as CompressAI's evaluation prints it), to draw beside",
    )
    parser.add_argument("--cache", type=path_argument, help="measurements to reuse and extend (default: the user's)")
    usual_rates = f"{PICTURES.rates.min_bpp:g}, clips {CLIPS.rates.min_bpp:g}"
    parser.add_argument("--min-bpp", type=float, help=f"BD-rate uses our points from here on ({usual_rates})")
    parser.add_argument(
        "--max-bpp", type=float, help=f"... to here ({PICTURES.rates.max_bpp:g}, clips {CLIPS.rates.max_bpp:g})"
    )


def run_arguments(arguments: argparse.Namespace) -> str:
    """Run what parsed ``arguments`` ask for; returns the Markdown report. Raises as :func:`run_bench` does."""
    test = str(registry.path_of(arguments.model)) if arguments.model else OWN_NAME
    if arguments.effort is not None:
        test += f"@{arguments.effort}"
    if arguments.tune == "ssim":
        test += "+ssim"
    return run_bench(
        arguments.source,
        arguments.peers.split(",") if arguments.peers else None,
        arguments.output,
        test=test,
        cache=arguments.cache,
        min_bpp=arguments.min_bpp,
        max_bpp=arguments.max_bpp,
        foreign=[read_curve(path) for path in arguments.curves],
    )


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    options = parser.parse_args()
    return exit_code(lambda: print(run_arguments(options), end=""), STOPPED)


if __name__ == "__main__":
    raise SystemExit(main())
