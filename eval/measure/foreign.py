"""Other people's result files: curves measured elsewhere, drawn beside ours.

Read is the JSON that CompressAI's evaluation prints and keeps: ``{"name": ..., "results": {"bpp": [...], "psnr-rgb":
[...], "ms-ssim-rgb": [...]}}``, the suffixes left out by older versions; a quality that is not listed is not drawn.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaecompress.errors import InputError

from .bd_rate import Point
from .metrics import similarity_db
from .summary import MS_SSIM, PSNR, Measure

_NAMES = {PSNR.key: ("psnr-rgb", "psnr"), MS_SSIM.key: ("ms-ssim-rgb", "ms-ssim")}


@dataclass(frozen=True)
class ForeignCurve:
    """One codec's curves as a file has them: points by a measure's key, by growing rate."""

    name: str
    file: str
    points: dict[str, list[Point]]

    def curve(self, measure: Measure) -> list[Point]:
        """The points of a measure; none where the file lacks it."""
        return self.points.get(measure.key, [])


def read_curve(path: Path) -> ForeignCurve:
    """Read a result file. Raises InputError where it cannot be read, or is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        results = record["results"]
        points = {key: _points(results, names) for key, names in _NAMES.items()}
        name = str(record.get("name") or path.stem)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is no result file: expected JSON with results of bpp, psnr-rgb or ms-ssim-rgb"
        ) from error
    if not any(points.values()):
        raise InputError(f"{path}: holds neither psnr-rgb nor ms-ssim-rgb")
    return ForeignCurve(name, str(path), {key: found for key, found in points.items() if found})


def _points(results: dict[str, Any], names: tuple[str, ...]) -> list[Point]:
    values = next((results[name] for name in names if name in results), None)
    if values is None:
        return []
    similarity = names[0].startswith("ms-ssim")
    points = []
    for bpp, value in zip(results["bpp"], values, strict=True):
        quality = similarity_db(float(value)) if similarity else float(value)
        if quality is None or not (math.isfinite(quality) and math.isfinite(float(bpp))):
            raise ValueError("a number that is none")
        points.append(Point(float(bpp), quality))
    return sorted(points, key=lambda point: point.rate_bpp)
