"""How far apart anchors of a video should lie: ``python -m vaecompress_eval.anchors CLIPS [--distances 8 16]``.

Encodes every clip at four qualities with so many frames from anchor to anchor, and prints the BD-rate of each distance
against the encoder's own (:data:`vaecompress.encoder.gop.ANCHOR_DISTANCE`), in PSNR of RGB.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from unittest.mock import patch

from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder import predicted_video
from vaecompress.encoder.gop import ANCHOR_DISTANCE
from vaecompress.encoder.prepare import prepare
from vaecompress.encoder.video import encode_video
from vaecompress.models import registry
from vaecompress.models.default import VIDEO
from vaecompress.models.loaded import LoadedModel

from .console import exit_code
from .measure.bd_rate import BdRateError, Point, bd_rate
from .measure.clips import Clip, RgbSource, find_clips, load_clip

QUALITIES = (20, 40, 60, 80)


def curve(clip: Clip, model: LoadedModel, distance: int) -> list[Point]:
    """One point a quality, of files with ``distance`` frames from anchor to anchor."""
    with patch.object(predicted_video, "ANCHOR_DISTANCE", distance):
        return [_point(clip, model, quality) for quality in QUALITIES]


def _point(clip: Clip, model: LoadedModel, quality: int) -> Point:
    with TemporaryFile() as file:
        report = encode_video(RgbSource(clip), file, model, quality, effort=prepare(DEFAULT_EFFORT, model))
        size_bytes = file.seek(0, 2)
    return Point(8 * size_bytes / (report.frames * clip.width * clip.height), report.psnr_db)


def _against(test: list[Point], anchor: list[Point]) -> str:
    try:
        return f"{bd_rate(test, anchor).percent:+.1f} %"
    except BdRateError as error:
        return str(error)


def _print(source: Path, distances: Sequence[int], model_name: str | None) -> None:
    model = registry.load(model_name, kind=VIDEO)
    print(f"| BD-rate against {ANCHOR_DISTANCE} frames | " + " | ".join(map(str, distances)) + " |")
    print("| --- |" + " ---: |" * len(distances), flush=True)
    for clip in map(load_clip, find_clips(source)):
        own = curve(clip, model, ANCHOR_DISTANCE)
        print(f"| {clip.name} | " + " | ".join(_against(curve(clip, model, each), own) for each in distances) + " |")


def main(words: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="anchors", description=__doc__)
    parser.add_argument("source", type=Path, help="a folder of clips, or one")
    parser.add_argument("--distances", type=int, nargs="+", default=[16], help="frames from anchor to anchor (16)")
    parser.add_argument("--model", help="a model's name or file")
    options = parser.parse_args(words)
    return exit_code(lambda: _print(options.source, options.distances, options.model))


if __name__ == "__main__":
    raise SystemExit(main())
