"""BD-rate against values worked out by hand and against published pairs."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="the evaluation needs scipy: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.bd_rate import BdRateError, Point, bd_rate

ANCHORS = Path(__file__).parents[4] / "shared" / "anchors" / "kodak_rd.csv"


def curve(factor: float = 1.0, shift_db: float = 0.0, count: int = 6) -> list[Point]:
    return [Point(factor * 0.1 * 2.0**i, 30.0 + 3.0 * i + shift_db) for i in range(count)]


def test_a_constant_factor_is_found_exactly() -> None:
    result = bd_rate(curve(0.8), curve())
    assert result.percent == pytest.approx(-20.0)
    assert (result.low_db, result.high_db) == (30.0, 45.0)


def test_a_shift_in_quality_is_a_factor_in_rate() -> None:
    # ln rate grows by ln 2 every 3 dB: 1 dB more at the same rate is 2 ** (-1/3) of the rate at the same quality.
    result = bd_rate(curve(shift_db=1.0), curve())
    assert result.percent == pytest.approx(100.0 * (2.0 ** (-1.0 / 3.0) - 1.0))
    assert (result.low_db, result.high_db) == (31.0, 45.0)


def test_pchip_by_hand() -> None:
    """Points at 0, 1, 2, 3 dB with ln rate 0, 1, 3, 4 against a line of slope 1.

    The end slopes are 0.5 (one-sided, three points), the inner ones the harmonic mean 2 / (1/1 + 1/2) = 4/3. A cubic
    Hermite piece of length 1 integrates to (a + b) / 2 + (slope_a - slope_b) / 12.
    """
    test = [Point(math.exp(rate), float(quality)) for quality, rate in enumerate((0.0, 1.0, 3.0, 4.0))]
    line = [Point(math.exp(rate), float(rate)) for rate in range(4)]
    pieces = (0.5 + (0.5 - 4 / 3) / 12) + 2.0 + (3.5 + (4 / 3 - 0.5) / 12)
    expected = 100.0 * math.expm1((pieces - 4.5) / 3.0)
    assert bd_rate(test, line).percent == pytest.approx(expected)


def test_the_two_directions_are_inverse() -> None:
    a = [Point(0.1, 28.0), Point(0.25, 31.0), Point(0.5, 33.0), Point(1.0, 36.0), Point(1.6, 38.5)]
    b = [Point(0.12, 28.0), Point(0.2, 30.0), Point(0.6, 33.5), Point(1.1, 35.0), Point(1.9, 38.5)]
    forward, backward = bd_rate(a, b).percent, bd_rate(b, a).percent
    assert (1 + forward / 100) * (1 + backward / 100) == pytest.approx(1.0)


def test_limits_cut_the_test_curve_only() -> None:
    result = bd_rate(curve(0.5), curve(), min_bpp=0.1, max_bpp=1.0)
    assert (result.low_db, result.high_db) == (33.0, 42.0)
    assert result.percent == pytest.approx(-50.0)


def test_equal_quality_counts_once_with_its_lowest_rate() -> None:
    doubled = [*curve(), Point(9.0, 45.0)]
    assert bd_rate(doubled, curve()).percent == pytest.approx(0.0)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(BdRateError, match="test curve has 3 usable points"):
        bd_rate(curve(count=3), curve())
    with pytest.raises(BdRateError, match="anchor curve has 3 usable points"):
        bd_rate(curve(), curve(count=3))
    with pytest.raises(BdRateError, match=r"test curve, of .* bpp, between 0 and 0\.2 bpp has 2 usable"):
        bd_rate(curve(), curve(), max_bpp=0.2)


@pytest.mark.parametrize("shift_db", [100.0, 14.5, 8.0])
def test_too_small_an_overlap_is_refused(shift_db: float) -> None:
    with pytest.raises(BdRateError, match="share too little quality"):
        bd_rate(curve(shift_db=shift_db), curve())


@pytest.mark.skipif(not ANCHORS.exists(), reason="the published points are not part of the project")
@pytest.mark.parametrize(
    ("codec", "anchor", "percent"),
    [
        ("DCAE", "vtm", -17.0),
        ("ELIC [official]", "vtm", -7.4),
        ("EVC-SS", "vtm", 7.0),
        ("bpg444-x265", "vtm", 22.0),
        ("av1", "bpg444-x265", -6.2),
        ("bmshj2018-hyperprior [compressai,cuda]", "bpg444-x265", 3.9),
        ("mbt2018-mean [compressai,cuda]", "jpeg", -58.0),
    ],
)
def test_published_pairs(codec: str, anchor: str, percent: float) -> None:
    curves = defaultdict(list)
    with ANCHORS.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["metric_optimised"] in ("mse", "n/a"):
                curves[row["codec"]].append(Point(float(row["bpp"]), float(row["psnr_rgb_db"])))
    assert bd_rate(curves[codec], curves[anchor]).percent == pytest.approx(percent, abs=0.06)
