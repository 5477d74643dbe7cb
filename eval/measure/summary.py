"""From single results to curves and comparisons: mean curves, BD-rates, the worst picture."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from .bd_rate import BdRate, BdRateError, Point, bd_rate
from .metrics import Quality, similarity_db
from .results import Result


@dataclass(frozen=True)
class Measure:
    """A quality that curves are drawn in; ``mean`` averages over pictures, as the field does it."""

    key: str
    title: str
    of: Callable[[Quality], float | None]
    mean: Callable[[list[Quality]], float | None]


@dataclass(frozen=True)
class RateRange:
    """Which of our points count in a BD-rate, in bits per pixel."""

    min_bpp: float
    max_bpp: float


@dataclass(frozen=True)
class Comparison:
    """BD-rate of the mean curve and picture by picture; a string in its place says why there is none."""

    test: str
    anchor: str
    measure: Measure
    mean: BdRate | str
    pictures: dict[str, BdRate | str]

    @property
    def worst(self) -> tuple[str, BdRate] | None:
        """The picture where ``test`` does worst."""
        found = [(name, value) for name, value in self.pictures.items() if isinstance(value, BdRate)]
        return max(found, key=lambda pair: pair[1].percent, default=None)


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean, or ``None`` when one of the values does not exist or there are none."""
    known = list(values)
    return None if None in known or not known else fmean(value for value in known if value is not None)


def _mean_ms_ssim_db(qualities: list[Quality]) -> float | None:
    """The logarithm of the mean, as published curves have it, not the mean of logarithms."""
    mean = mean_of(quality.ms_ssim for quality in qualities)
    return None if mean is None else similarity_db(mean)


PSNR = Measure("psnr_rgb_db", "PSNR (RGB), dB", lambda q: q.psnr_rgb_db, lambda qs: mean_of(q.psnr_rgb_db for q in qs))
LUMA_PSNR = Measure(
    "psnr_luma_db", "PSNR (luma), dB", lambda q: q.psnr_luma_db, lambda qs: mean_of(q.psnr_luma_db for q in qs)
)
MS_SSIM = Measure("ms_ssim_db", "MS-SSIM, dB", lambda q: q.ms_ssim_db, _mean_ms_ssim_db)
SSIMULACRA2 = Measure(
    "ssimulacra2", "SSIMULACRA2", lambda q: q.ssimulacra2, lambda qs: mean_of(q.ssimulacra2 for q in qs)
)
VMAF = Measure("vmaf", "VMAF", lambda q: q.vmaf, lambda qs: mean_of(q.vmaf for q in qs))
YUV_PSNR = Measure(
    "psnr_yuv_db", "PSNR (6Y+U+V)/8, dB", lambda q: q.psnr_yuv_db, lambda qs: mean_of(q.psnr_yuv_db for q in qs)
)
MEASURES = (PSNR, LUMA_PSNR, YUV_PSNR, MS_SSIM, SSIMULACRA2, VMAF)


def headline(results: Iterable[Result]) -> tuple[Measure, Measure]:
    """The two measures that codecs are compared by: of clips with the PSNR of YUV, of pictures with that of RGB."""
    clips = any(result.quality.psnr_yuv_db is not None for result in results)
    return (YUV_PSNR if clips else PSNR), MS_SSIM


def picture_curve(results: Iterable[Result], codec: str, picture: str, measure: Measure) -> list[Point]:
    """The curve of one codec on one picture, by growing rate."""
    chosen = (result for result in results if result.codec == codec and result.picture == picture)
    points = (Point(result.bpp, quality) for result in chosen if (quality := measure.of(result.quality)) is not None)
    return sorted(points, key=lambda point: point.rate_bpp)


def complete_settings(results: Iterable[Result], codec: str) -> list[list[Result]]:
    """The results of one codec, grouped by setting; settings that miss a picture are left out."""
    settings: dict[float, list[Result]] = defaultdict(list)
    for result in results:
        if result.codec == codec:
            settings[result.setting].append(result)
    pictures = max((len(group) for group in settings.values()), default=0)
    return [group for group in settings.values() if len(group) == pictures]


def unmeasured(results: Iterable[Result], measure: Measure) -> list[str]:
    """Pictures that lack this measure somewhere: too small for it, or decoded without loss."""
    return list(dict.fromkeys(one.picture for one in results if measure.of(one.quality) is None))


def unmeasured_notes(results: Sequence[Result]) -> list[str]:
    """One line for each headline measure that a picture lacks."""
    lines = []
    for measure in headline(results):
        for name in unmeasured(results, measure):
            own = [measure.of(result.quality) for result in results if result.picture == name]
            times = f"{own.count(None)} of {len(own)} settings"
            lines.append(f"{name} has no {measure.title} at {times}: left out of its mean")
    return lines


def mean_curve(results: Sequence[Result], codec: str, measure: Measure) -> list[Point]:
    """Mean rate and mean quality at each setting, by growing rate, over all pictures that are not ``unmeasured``."""
    points = []
    left_out = unmeasured(results, measure)
    for group in complete_settings((result for result in results if result.picture not in left_out), codec):
        quality = measure.mean([result.quality for result in group])
        if quality is not None:
            points.append(Point(fmean(result.bpp for result in group), quality))
    return sorted(points, key=lambda point: point.rate_bpp)


def compare(results: list[Result], test: str, anchor: str, measure: Measure, rates: RateRange) -> Comparison:
    """BD-rate of ``test`` against ``anchor`` over the pictures that both could code."""
    both = [{result.picture for result in results if result.codec == codec} for codec in (test, anchor)]
    shared = [result for result in results if result.picture in both[0] & both[1]]
    return Comparison(
        test=test,
        anchor=anchor,
        measure=measure,
        mean=_bd_rate(mean_curve(shared, test, measure), mean_curve(shared, anchor, measure), rates),
        pictures={
            name: _bd_rate(
                picture_curve(shared, test, name, measure), picture_curve(shared, anchor, name, measure), rates
            )
            for name in dict.fromkeys(result.picture for result in shared)
        },
    )


def _bd_rate(test: list[Point], anchor: list[Point], rates: RateRange) -> BdRate | str:
    try:
        return bd_rate(test, anchor, rates.min_bpp, rates.max_bpp)
    except BdRateError as error:
        return str(error)


def ideal_gap_percent(results: Iterable[Result], codec: str) -> float | None:
    """By how much all files of a codec exceed their entropy estimates; ``None`` for a codec that gives none."""
    own = [result for result in results if result.codec == codec]
    estimates = [result.ideal_bits for result in own if result.ideal_bits is not None]
    if not estimates or len(estimates) < len(own):
        return None
    return 100.0 * (8.0 * sum(result.file_bytes for result in own) / sum(estimates) - 1.0)
