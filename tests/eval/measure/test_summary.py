"""Curves and comparisons out of single results."""

from dataclasses import replace

import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.bd_rate import BdRate, Point
from vaecompress_eval.measure.metrics import Quality
from vaecompress_eval.measure.results import Result
from vaecompress_eval.measure.summary import (
    MS_SSIM,
    PSNR,
    RateRange,
    compare,
    mean_curve,
    picture_curve,
    unmeasured_notes,
)

EVERYWHERE = RateRange(0.0, 999.0)


def result(codec: str, picture: str, setting: int, factor: float = 1.0, shift_db: float = 0.0) -> Result:
    """On a picture of 80 pixels: bytes double with every setting, PSNR grows by 3 dB."""
    ms_ssim = 1.0 - 0.1 / 2**setting
    quality = Quality(30.0 + 3 * setting + shift_db, 31.0, 0.9, ms_ssim, 10.0 + 3 * setting)
    return Result(picture, picture, 10, 8, codec, "1", "", setting, round(factor * 100 * 2**setting), 0.1, 0.1, quality)


def ladder(codec: str, picture: str, factor: float = 1.0, shift_db: float = 0.0, count: int = 5) -> list[Result]:
    return [result(codec, picture, setting, factor, shift_db) for setting in range(count)]


def test_a_picture_curve_is_sorted_by_rate() -> None:
    results = [*reversed(ladder("a", "p", count=3)), *ladder("b", "p"), *ladder("a", "q")]
    assert picture_curve(results, "a", "p", PSNR) == [Point(10.0, 30.0), Point(20.0, 33.0), Point(40.0, 36.0)]


def test_a_mean_curve_averages_rate_and_quality_at_each_setting() -> None:
    results = [*ladder("a", "p", count=2), *ladder("a", "q", factor=2.0, shift_db=2.0, count=2)]
    assert mean_curve(results, "a", PSNR) == [Point(15.0, 31.0), Point(30.0, 34.0)]


def test_ms_ssim_is_averaged_before_the_logarithm() -> None:
    first, second = result("a", "p", 0), result("a", "q", 1)
    at_one_setting = [first, Result(**{**vars(second), "setting": 0})]
    (point,) = mean_curve(at_one_setting, "a", MS_SSIM)
    assert point.quality_db == pytest.approx(11.249387)  # -10 log10((0.1 + 0.05) / 2)


def test_a_setting_that_misses_a_picture_is_left_out() -> None:
    results = [*ladder("a", "p", count=3), *ladder("a", "q", count=2)]
    assert len(mean_curve(results, "a", PSNR)) == 2


def test_a_picture_too_small_for_a_measure_is_left_out_of_its_mean_and_named() -> None:
    small = [replace(one, quality=replace(one.quality, ms_ssim=None, ms_ssim_db=None)) for one in ladder("a", "small")]
    results = [*ladder("a", "p"), *small]
    assert mean_curve(results, "a", MS_SSIM) == mean_curve(ladder("a", "p"), "a", MS_SSIM)
    assert len(mean_curve(results, "a", PSNR)) == 5
    assert unmeasured_notes(results) == ["small has no MS-SSIM, dB at 5 of 5 settings: left out of its mean"]


def test_a_picture_that_comes_back_without_loss_is_left_out_of_the_mean_of_psnr() -> None:
    *others, last = ladder("a", "p")
    flat = [*others, replace(last, quality=replace(last.quality, psnr_rgb_db=None))]
    both = [*flat, *ladder("a", "q")]
    assert mean_curve(both, "a", PSNR) == mean_curve(ladder("a", "q"), "a", PSNR)
    assert unmeasured_notes(both) == ["p has no PSNR (RGB), dB at 1 of 5 settings: left out of its mean"]


def test_comparison_names_the_worst_picture() -> None:
    results = [*ladder("a", "p", 0.5), *ladder("a", "q", 2.0), *ladder("b", "p"), *ladder("b", "q")]
    comparison = compare(results, "a", "b", PSNR, EVERYWHERE)
    assert comparison.worst is not None
    assert comparison.worst[0] == "q"
    assert comparison.worst[1].percent == pytest.approx(100.0)
    assert isinstance(comparison.mean, BdRate)
    assert comparison.mean.percent == pytest.approx(25.0)


def test_only_pictures_that_both_coded_count() -> None:
    results = [*ladder("a", "p", 0.5), *ladder("a", "q"), *ladder("b", "p")]
    comparison = compare(results, "a", "b", PSNR, EVERYWHERE)
    assert list(comparison.pictures) == ["p"]
    assert isinstance(comparison.mean, BdRate)
    assert comparison.mean.percent == pytest.approx(-50.0)


def test_a_refusal_takes_the_place_of_a_number() -> None:
    results = [*ladder("a", "p", count=3), *ladder("b", "p")]
    comparison = compare(results, "a", "b", PSNR, EVERYWHERE)
    assert comparison.mean == "test curve has 3 usable points: needs at least 4"
    assert comparison.worst is None
