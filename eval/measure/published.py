"""Published figures, for reports on Kodak: facts from others, never measured here."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

from .bd_rate import Point
from .metrics import similarity_db
from .results import Result
from .summary import MS_SSIM, PSNR, Measure

KODAK_PICTURES = 24
KODAK_NAME = re.compile(r"kodim\d\d\.png")
KODAK_SIZES = ((768, 512), (512, 768))


@dataclass(frozen=True)
class PublishedFigure:
    """What the authors, or their published points, say of one codec on Kodak; numbers as text, as they were printed."""

    codec: str
    decode_kmac_per_px: str
    psnr_bd_rate_percent: str
    against: str
    origin: str
    source: str


def is_kodak(results: Iterable[Result]) -> bool:
    """Whether every picture goes by a Kodak name and has Kodak's size."""
    seen = {(result.picture, (result.width, result.height)) for result in results}
    return bool(seen) and all(KODAK_NAME.fullmatch(name) and size in KODAK_SIZES for name, size in seen)


def kodak_curves(measure: Measure) -> dict[str, list[Point]]:
    """Published curves by codec: averages over all 24 pictures. Empty for a measure that nobody publishes."""
    curves: dict[str, list[Point]] = defaultdict(list)
    for row in _rows("kodak_rd.csv"):
        quality = _quality(row, measure)
        if quality is not None:
            curves[row["codec"]].append(Point(float(row["bpp"]), quality))
    return dict(curves)


def published_figures() -> list[PublishedFigure]:
    """BD-rates and decoder costs, as published."""
    return [PublishedFigure(**row) for row in _rows("published.csv")]


def _quality(row: dict[str, str], measure: Measure) -> float | None:
    if measure is PSNR:
        return float(row["psnr_rgb_db"])
    if measure is MS_SSIM and row["ms_ssim"]:
        return similarity_db(float(row["ms_ssim"]))
    return None


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files(__package__) / "anchors" / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)
