"""What a longer search gains: ``python -m vaecompress_eval.effort PICTURES... [--levels 1,3,9] [--crop 256]``.

Encodes every picture at every level and eight qualities into real files, decodes them, and prints a Markdown table:
seconds a picture to encode, and the BD-rate (PSNR) against level 1, of the mean curve and of the picture that gains
least. Levels 6 and above need ``[train]``; the first picture of each size also pays for compiling.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from vaecompress.bitstream import Container
from vaecompress.codec.picture import psnr_db
from vaecompress.encoder.effort import effort_of
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.prepare import prepare
from vaecompress.encoder.still import ImageEncoder
from vaecompress.errors import UsageError
from vaecompress.media.image import Image
from vaecompress.models import registry
from vaecompress.train.data.sources import middle

from .console import ProgressBar, exit_code
from .measure.bd_rate import BdRateError, Point, bd_rate
from .measure.pictures import Picture, find_pictures, load_picture

QUALITIES = (10, 22, 34, 46, 58, 70, 82, 94)
ANCHOR = 1
"""The level that the others are compared with."""


@dataclass(frozen=True)
class Measured:
    """One file: the rate and PSNR that decoding it shows, and the seconds that encoding it took."""

    level: int
    picture: str
    quality: int
    point: Point
    seconds: float


def measure(codec: ImageEncoder, picture: Picture, level: int, quality: int) -> Measured:
    """Encode and decode one file."""
    effort = prepare(level, codec.model)
    started = time.perf_counter()
    data = codec.encode(Image(picture.pixels), Goal(quality=quality), effort=effort).data
    seconds = time.perf_counter() - started
    with Container.open(data) as container:
        decoded = codec.decode(container).pixels
    height, width = decoded.shape[:2]
    point = Point(8 * len(data) / (height * width), psnr_db(picture.pixels, decoded))
    return Measured(level, picture.name, quality, point, seconds)


def table(found: Sequence[Measured]) -> str:
    """Markdown, one line a level."""
    lines = [
        "| effort | seconds a picture | BD-rate against effort 1 (PSNR) | picture that gains least |",
        "| ---: | ---: | ---: | ---: |",
    ]
    names = list(dict.fromkeys(one.picture for one in found))
    for level in dict.fromkeys(one.level for one in found):
        seconds = fmean(one.seconds for one in found if one.level == level)
        gains = {name: _gain(found, level, [name]) for name in names}
        least = max((gain, name) for name, gain in gains.items())
        mean = _gain(found, level, names)
        lines.append(f"| {level} | {seconds:.2f} | {mean:+.2f} % | {least[0]:+.2f} % ({least[1]}) |")
    return "\n".join(lines) + "\n"


def _gain(found: Iterable[Measured], level: int, names: Sequence[str]) -> float:
    """BD-rate in percent of the mean curves over some pictures, against level ANCHOR."""
    chosen = [one for one in found if one.picture in names]
    return bd_rate(_mean_curve(chosen, level), _mean_curve(chosen, ANCHOR)).percent


def _mean_curve(found: Sequence[Measured], level: int) -> list[Point]:
    at_level = [one for one in found if one.level == level]
    groups = [[one.point for one in at_level if one.quality == quality] for quality in QUALITIES]
    return [
        Point(fmean(point.rate_bpp for point in group), fmean(point.quality_db for point in group)) for group in groups
    ]


def _levels(text: str) -> list[int]:
    """``1,5,9``; level 1, which the others are compared with, is always among them."""
    try:
        levels = {ANCHOR, *map(int, text.split(","))}
    except ValueError:
        raise UsageError(f"--levels {text}: give numbers from 0 to 9, such as 1,3,5") from None
    for level in levels:
        effort_of(level)
    return sorted(levels)


def run(sources: Sequence[Path], levels: Sequence[int], model: str | None, crop: int | None = None) -> list[Measured]:
    """Measure every picture, or its middle ``crop`` x ``crop``, at every level and quality. Raises VaecompressError."""
    codec = ImageEncoder(registry.load(model))
    pictures = [load_picture(path) for source in sources for path in find_pictures(source)]
    if crop is not None:
        pictures = [replace(picture, pixels=middle(picture.pixels, crop)) for picture in pictures]
    jobs = [(level, picture, quality) for level in levels for picture in pictures for quality in QUALITIES]
    bar, found = ProgressBar(), []
    for level, picture, quality in jobs:
        found.append(measure(codec, picture, level, quality))
        bar(len(found), len(jobs), f"effort {level}, {picture.name}")
    bar.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", type=Path, nargs="+", help="files or folders")
    parser.add_argument("--levels", default="1,2,3,4,5,6,7,8,9", help="comma separated")
    parser.add_argument("--crop", type=int, metavar="SIDE", help="only the middle SIDE x SIDE of every picture")
    parser.add_argument("--model", help="name or path of a model file")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _print(options))


def _print(options: argparse.Namespace) -> None:
    try:
        print(table(run(options.pictures, _levels(options.levels), options.model, options.crop)), end="")
    except BdRateError as error:
        raise UsageError(f"these pictures give no curve to compare: {error}") from error


if __name__ == "__main__":
    raise SystemExit(main())
