"""Our files of drawn pictures against AVIF at the same PSNR, and against lossless WebP in bytes."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image as Pillow

import vaecompress
from vaecompress.codec.picture import psnr_db
from vaecompress.media.image_read import read_image

from ..console import ProgressBar
from ..peers.catalogue import PEERS

QUALITIES = (40, 55, 70, 90)
PEER, PEER_SETTINGS = "avif-444", (40, 52, 62, 72, 80, 88, 94, 100)
OWN = "vaecompress-tools"
EXACT_QUALITY = 95
WEBP_SETTINGS = {"lossless": True, "exact": True, "method": 6, "quality": 100}


@dataclass(frozen=True)
class Point:
    """One file: its bytes, the PSNR in dB of what it decodes to, and the tool that coded it, where it is ours."""

    size_bytes: int
    psnr_db: float
    tool: str = ""


def large_table(paths: Sequence[Path]) -> str:
    """Bytes of our files at some qualities more or less than AVIF's at the same PSNR, a line a picture, then the mean.

    Between AVIF's own files the logarithm of the size is interpolated. An exact picture, marked with a star, is held
    against the best that AVIF reaches in 4:4:4; the last line leaves those out.
    """
    bar = ProgressBar()
    lines = [
        f"| picture | {' | '.join(f'q{quality}' for quality in QUALITIES)} | mean | tools |",
        f"| --- | {'---: | ' * (len(QUALITIES) + 1)}--- |",
    ]
    means, inexact = [], []
    for index, path in enumerate(paths):
        bar(index, len(paths), path.name)
        ours, peer = _remembered(path)
        more = [100 * (point.size_bytes / size_at(peer, point.psnr_db) - 1) for point in ours]
        means.append(fmean(more))
        exact = [math.isinf(point.psnr_db) for point in ours]
        inexact += [value for value, is_exact in zip(more, exact, strict=True) if not is_exact]
        cells = [f"{value:+.1f} %{'*' * star}" for value, star in zip((*more, means[-1]), (*exact, False), strict=True)]
        tools = ", ".join(dict.fromkeys(point.tool for point in ours))
        lines.append(f"| {path.stem} | {' | '.join(cells)} | {tools} |")
    bar.close()
    lines.append(f"| all | {'| ' * len(QUALITIES)}{fmean(means):+.1f} % | |")
    if inexact:
        lines.append(f"| all but exact ones | {'| ' * len(QUALITIES)}{fmean(inexact):+.1f} % | |")
    return "\n".join(lines) + "\n"


def exact_table(paths: Sequence[Path]) -> str:
    """Bytes of our files at quality 95 and of lossless WebP at its most thorough, a line a picture."""
    lines = ["| picture | ours | lossless WebP | more | tool |", "| --- | ---: | ---: | ---: | --- |"]
    for path in paths:
        ours, webp = our_point(path, EXACT_QUALITY), webp_bytes(path)
        lines.append(f"| {path.stem} | {ours.size_bytes:,} | {webp:,} | {ours.size_bytes - webp:+,} | {ours.tool} |")
    return "\n".join(lines) + "\n"


def _remembered(path: Path) -> tuple[list[Point], list[Point]]:
    """Our points and AVIF's of a picture; kept beside it for the version that made them, so a stopped run goes on."""
    kept = path.with_suffix(f".{PEERS[OWN].version()}.json")
    if not kept.exists():
        ours = [our_point(path, quality) for quality in QUALITIES]
        kept.write_text(json.dumps([[asdict(point) for point in points] for points in (ours, peer_points(path))]))
    ours, peer = ([Point(**point) for point in points] for points in json.loads(kept.read_text()))
    return ours, peer


def our_point(path: Path, quality: int) -> Point:
    """Our file of a picture, as the command line makes it."""
    data = vaecompress.encode(path, quality)
    db = psnr_db(read_image(path)[0].pixels, vaecompress.decode(data).pixels)
    return Point(len(data), db, vaecompress.info(data).tool or "")


def peer_points(path: Path) -> list[Point]:
    """AVIF's files of a picture."""
    peer, pixels = PEERS[PEER], np.asarray(Pillow.open(path).convert("RGB"))
    files = [peer.encode(pixels, setting) for setting in PEER_SETTINGS]
    return [Point(len(file), psnr_db(pixels, peer.decode(file))) for file in files]


def size_at(points: Sequence[Point], wanted_db: float) -> float:
    """Bytes that files with a PSNR of ``wanted_db`` would have, their logarithm interpolated; at most the best."""
    ordered = sorted(points, key=lambda point: point.psnr_db)
    sizes = np.log([point.size_bytes for point in ordered])
    return float(np.exp(np.interp(wanted_db, [point.psnr_db for point in ordered], sizes)))


def webp_bytes(path: Path) -> int:
    """The size of a picture as lossless WebP."""
    with io.BytesIO() as buffer, Pillow.open(path) as picture:
        picture.save(buffer, "WEBP", **WEBP_SETTINGS)
        return len(buffer.getvalue())
