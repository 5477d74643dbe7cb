"""Which frames of a video are predicted from which, and how well each is coded.

Hierarchical B frames (Schwarz, Marpe and Wiegand, ICME 2006): anchors some frames apart, each predicted from the one
before, and between two anchors the middle frame from both, and so on. What others are predicted from is coded better.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.format import MAX_QUALITY, MIN_QUALITY

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

ANCHOR_DISTANCE, LEAST_DISTANCE = 32, 8
"""Frames from anchor to anchor: at most, and where an anchor half as far pays."""

DEARER = 1.6
"""How many times the bytes of an anchor half as far an anchor may cost, found by trying."""

SPARED_BPP = 0.005
"""What a nearer anchor must spare, in bits a pixel of one frame: of a still scene every anchor is next to nothing."""

OFFSETS = (20, 14, 6, 0, -8, -16, -22)
"""What is added to the quality asked for: of frames on their own, of anchors, then of each layer between them."""

CUT_LEVELS, CUT_SHARE = 12.0, 0.45
"""A scene is cut where thumbnails differ by so many levels, and the histograms of brightness in so large a share."""

THUMBNAIL = 16


@dataclass(frozen=True)
class Planned:
    """A frame of a run of frames: its place, its references' places (no future: None), and its layer.

    No frame refers to one that is ``disposable``.
    """

    place: int
    past: int
    future: int | None
    layer: int
    disposable: bool = False


def plan_layers(length: int) -> Iterator[list[Planned]]:
    """Frames 1 .. ``length`` after an anchor at 0, layer by layer: those of one depend on the layers before only.

    The last one is the next anchor.
    """
    yield [Planned(length, 0, None, 1)]
    gaps, layer = [(0, length)], 2
    while gaps := [gap for gap in gaps if gap[1] - gap[0] > 1]:
        yield [Planned((left + right) // 2, left, right, layer, right - left < 3) for left, right in gaps]
        gaps = [part for left, right in gaps for part in ((left, (left + right) // 2), ((left + right) // 2, right))]
        layer += 1


def is_too_far(far_bytes: int, near_bytes: int, pixels: int) -> bool:
    """Whether an anchor costs more than one half as far saves, in frames of ``pixels``.

    In most scenes what moves is nearly as new after 16 frames as after 32. Where it drifts, bits grow with distance.
    """
    return far_bytes > DEARER * near_bytes + SPARED_BPP / 8 * pixels


def layer_quality(quality: int, layer: int) -> int:
    """Quality 1..100 of a frame of a layer (0: on its own, 1: anchors) in a video of ``quality``."""
    offset = OFFSETS[min(layer, len(OFFSETS) - 1)]
    return min(max(quality + offset, MIN_QUALITY), MAX_QUALITY)


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether a new scene starts between two frames, uint8 RGB [height, width, 3]."""
    if float(np.abs(_thumbnail(before) - _thumbnail(after)).mean()) < CUT_LEVELS:
        return False
    first, second = (_histogram(frame) for frame in (before, after))
    return float(np.abs(first - second).sum() / 2) > CUT_SHARE


def _thumbnail(frame: Pixels) -> Array:
    """Mean green levels [at most 16, at most 16] of a frame's parts."""
    starts = [np.arange(min(side, THUMBNAIL)) * side // min(side, THUMBNAIL) for side in frame.shape[:2]]
    sums = np.add.reduceat(np.add.reduceat(frame[:, :, 1].astype(np.float64), starts[0], axis=0), starts[1], axis=1)
    rows, columns = (np.diff([*start, side]) for start, side in zip(starts, frame.shape[:2], strict=True))
    return np.asarray(sums / np.outer(rows, columns))


def _histogram(frame: Pixels) -> Array:
    """Shares of 32 ranges of green levels."""
    counts = np.bincount(frame[:, :, 1].ravel() >> 3, minlength=32)
    return np.asarray(counts / counts.sum())
