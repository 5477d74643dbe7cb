"""The report as one HTML file that needs no network: ``report.html`` of this package with the data put in."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.resources import files
from statistics import fmean
from typing import Any

from PIL import Image

from ..measure.bd_rate import BdRate, Point
from ..measure.metrics import Quality
from ..measure.published import KODAK_PICTURES, is_kodak, kodak_curves, published_figures
from ..measure.results import Result
from ..measure.summary import (
    MEASURES,
    MS_SSIM,
    YUV_PSNR,
    Measure,
    RateRange,
    compare,
    complete_settings,
    headline,
    ideal_gap_percent,
    mean_curve,
    mean_of,
    picture_curve,
    unmeasured_notes,
)
from ..peers.base import Codec, Pixels
from ..run.pictures import Run
from ..run.processes import Speed
from .crops import CropSet

PLACEHOLDER = "{{data}}"


def html(run: Run, test: str, rates: RateRange, speeds: Sequence[Speed], crops: Sequence[CropSet]) -> str:
    """Return the whole page. ``crops`` are shown in their order."""
    data = json.dumps(report_data(run, test, rates, speeds, crops), allow_nan=False, separators=(",", ":"))
    template = (files(__package__) / "report.html").read_text(encoding="utf-8")
    return template.replace(PLACEHOLDER, data.replace("</", "<\\/"))


def report_data(
    run: Run, test: str, rates: RateRange, speeds: Sequence[Speed], crops: Sequence[CropSet]
) -> dict[str, Any]:
    """Everything the page shows, as JSON types."""
    kodak = is_kodak(run.results)
    by_name = {speed.codec: speed for speed in speeds}
    headlines = headline(run.results)
    measures = [measure for measure in MEASURES if any(measure.of(one.quality) is not None for one in run.results)]
    pictures = _measured_pictures(run.results)
    measures.sort(key=lambda measure: measure is not headlines[0])
    anchors = [peer.name for peer in run.peers if peer.name != test]
    return {
        "test": test,
        "noun": "clip" if YUV_PSNR in headlines else "picture",
        "headline": [measure.key for measure in headlines],
        "rates": asdict(rates),
        "pictures": list(dict.fromkeys(result.picture for result in run.results)),
        "codecs": [_codec(run, peer, by_name.get(peer.name)) for peer in run.peers],
        "measures": [{"key": measure.key, "title": measure.title} for measure in measures],
        "curves": {measure.key: _curves(run, measure) for measure in measures},
        "published": {measure.key: _points(kodak_curves(measure)) if kodak else {} for measure in measures},
        "foreign": {
            measure.key: _points({one.name: one.curve(measure) for one in run.foreign}) for measure in measures
        },
        "figures": [asdict(figure) for figure in published_figures()] if kodak else [],
        "published_pictures": KODAK_PICTURES,
        "comparisons": [_comparison(run, test, anchor, measure, rates) for anchor in anchors for measure in headlines],
        "points": [
            _mean_point(group, pictures) for peer in run.peers for group in complete_settings(run.results, peer.name)
        ],
        "missing": run.missing,
        "failures": list(dict.fromkeys(failure.line for failure in run.failures)),
        "notes": [*unmeasured_notes(run.results), *run.notes],
        "crops": [_crops(one) for one in crops],
    }


def _codec(run: Run, peer: Codec, speed: Speed | None) -> dict[str, Any]:
    return {
        "name": peer.name,
        "description": peer.description,
        "version": peer.version(),
        "speed": None if speed is None else asdict(speed),
        "ideal_gap_percent": ideal_gap_percent(run.results, peer.name),
    }


def _curves(run: Run, measure: Measure) -> dict[str, dict[str, list[list[float]]]]:
    """[bpp, quality] lists by picture (the empty name stands for the mean), then codec."""
    codecs = [peer.name for peer in run.peers]
    pictures = dict.fromkeys(result.picture for result in run.results)
    single = {
        picture: _points({codec: picture_curve(run.results, codec, picture, measure) for codec in codecs})
        for picture in pictures
    }
    return {"": _points({codec: mean_curve(run.results, codec, measure) for codec in codecs}), **single}


def _points(curves: dict[str, list[Point]]) -> dict[str, list[list[float]]]:
    return {
        codec: [[round(point.rate_bpp, 5), round(point.quality_db, 4)] for point in points]
        for codec, points in curves.items()
        if points
    }


def _comparison(run: Run, test: str, anchor: str, measure: Measure, rates: RateRange) -> dict[str, Any]:
    found = compare(run.results, test, anchor, measure, rates)
    return {
        "anchor": anchor,
        "measure": measure.key,
        "mean": _percent(found.mean),
        "pictures": {name: _percent(value) for name, value in found.pictures.items()},
    }


def _percent(value: BdRate | str) -> float | str:
    return round(value.percent, 3) if isinstance(value, BdRate) else value


def _measured_pictures(results: Sequence[Result]) -> dict[str, set[str]]:
    """By field of :class:`Quality`, the pictures that have a value at every setting."""
    names = {one.picture for one in results}
    return {
        field.name: names - {one.picture for one in results if getattr(one.quality, field.name) is None}
        for field in fields(Quality)
    }


def _mean_point(group: Sequence[Result], pictures: dict[str, set[str]]) -> dict[str, Any]:
    """Means over ``group``, each over those of its pictures that have a value everywhere."""

    def qualities(name: str) -> list[Quality]:
        return [result.quality for result in group if result.picture in pictures[name]]

    return {
        "codec": group[0].codec,
        "setting": group[0].setting,
        "bpp": fmean(result.bpp for result in group),
        "ideal_bpp": mean_of(result.ideal_bpp for result in group),
        "kbit_per_s": mean_of(result.kbit_per_s for result in group),
        **{name: mean_of(getattr(quality, name) for quality in qualities(name)) for name in pictures},
        "ms_ssim_db": MS_SSIM.mean(qualities("ms_ssim_db")),
    }


def _crops(crops: CropSet) -> dict[str, Any]:
    return {
        "picture": crops.picture,
        "left": crops.left,
        "top": crops.top,
        "original": _data_uri(crops.original),
        "coded": [
            {
                "codec": one.codec,
                "bpp": one.bpp,
                "psnr_db": one.psnr_db,
                "crop_psnr_db": one.crop_psnr_db,
                "image": _data_uri(one.pixels),
            }
            for one in crops.coded
        ],
    }


def _data_uri(pixels: Pixels) -> str:
    """Lossless WebP: the pixels as they are, in a page that can be mailed."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, method=6, exact=True)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
