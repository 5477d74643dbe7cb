"""Bjontegaard delta rate: how many percent more or fewer bits one codec spends than another at equal quality.

ln(rate) is interpolated as a function of quality by a piecewise cubic Hermite polynomial (PCHIP, Fritsch and Butland
1984) through the measured points, and averaged over the range of quality that both curves cover (Bjontegaard,
VCEG-M33, 2001; PCHIP as in the JCT-VC common test conditions and JVET-AE-2011).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MIN_POINTS = 4
MIN_SHARED_DB = 1.0
MIN_SHARE_OF_SHORTER = 0.5


class BdRateError(ValueError):
    """Two curves cannot be compared: too few points, or too little quality in common."""


@dataclass(frozen=True)
class Point:
    """One point of a rate-distortion curve: bits per pixel and a quality that grows, in dB."""

    rate_bpp: float
    quality_db: float


@dataclass(frozen=True)
class BdRate:
    """``percent`` is negative where the first codec needs fewer bits; the range is what was averaged over."""

    percent: float
    low_db: float
    high_db: float


def bd_rate(test: Iterable[Point], anchor: Iterable[Point], min_bpp: float = 0.0, max_bpp: float = math.inf) -> BdRate:
    """Compare ``test`` with ``anchor``.

    Only points of ``test`` with ``min_bpp <= rate <= max_bpp`` count; the anchor keeps all of its points, and the
    average runs over the quality that both cover. Raises :class:`BdRateError` when a curve has fewer than four points,
    or when that common range is below 1 dB or below half of the shorter curve's range.
    """
    points = list(test)
    inside = [point for point in points if min_bpp <= point.rate_bpp <= max_bpp]
    test_curve = _ordered(inside, f"test curve{_cut(points, inside, min_bpp, max_bpp)}")
    anchor_curve = _ordered(anchor, "anchor curve")
    low, high = _common_range(test_curve, anchor_curve)
    difference = _log_rate(test_curve).integrate(low, high) - _log_rate(anchor_curve).integrate(low, high)
    return BdRate(100.0 * math.expm1(float(difference) / (high - low)), low, high)


def _cut(points: list[Point], inside: list[Point], min_bpp: float, max_bpp: float) -> str:
    """What the limits of rate took away from a curve, in words."""
    if len(inside) == len(points):
        return ""
    rates = sorted(point.rate_bpp for point in points)
    return f", of {rates[0]:.3g} to {rates[-1]:.3g} bpp, between {min_bpp:g} and {max_bpp:g} bpp"


def _ordered(points: Iterable[Point], role: str) -> list[Point]:
    """Sort by quality; of points with the same quality the cheapest stays."""
    cheapest: dict[float, Point] = {}
    for point in sorted(points, key=lambda point: point.rate_bpp):
        cheapest.setdefault(point.quality_db, point)
    if len(cheapest) < MIN_POINTS:
        raise BdRateError(f"{role} has {len(cheapest)} usable points: needs at least {MIN_POINTS}")
    return sorted(cheapest.values(), key=lambda point: point.quality_db)


def _common_range(a: list[Point], b: list[Point]) -> tuple[float, float]:
    low = max(a[0].quality_db, b[0].quality_db)
    high = min(a[-1].quality_db, b[-1].quality_db)
    shorter = min(curve[-1].quality_db - curve[0].quality_db for curve in (a, b))
    if high - low < max(MIN_SHARED_DB, MIN_SHARE_OF_SHORTER * shorter):
        raise BdRateError(
            f"curves share too little quality: {a[0].quality_db:.2f}..{a[-1].quality_db:.2f} dB "
            f"and {b[0].quality_db:.2f}..{b[-1].quality_db:.2f} dB"
        )
    return low, high


def _log_rate(curve: list[Point]) -> Any:
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator([point.quality_db for point in curve], [math.log(point.rate_bpp) for point in curve])
