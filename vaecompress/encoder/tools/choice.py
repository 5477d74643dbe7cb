"""Which of several files of one picture is the best for a goal."""

from collections.abc import Sequence
from contextlib import suppress

from vaecompress.bitstream import PicturePayload
from vaecompress.bitstream.directory import NO_MODEL
from vaecompress.codec.tools.av1 import has_avif
from vaecompress.encoder.effort import EFFORTS, MIN_EFFORT
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.quality_search import QualitySearch
from vaecompress.encoder.tools.av1 import Av1Trials
from vaecompress.encoder.tools.file import Encoded, StillFile
from vaecompress.encoder.tools.webp import encode_webp, fits_webp, hasty_bytes
from vaecompress.errors import GoalError
from vaecompress.format import MAX_QUALITY, quality_lambda

HASTE = 2
"""How much larger than need be a hasty file without loss may be; nothing was above 1.3."""


def other_files(file: StillFile, goal: Goal, planes: bool) -> list[Encoded]:
    """What the tools other than networks make of an image, as far as it meets the goal.

    AV1 ``planes`` are for drawings: of a photograph they are slow, and no better.
    """
    found = []
    if fits_webp(file.image):
        found.append(encode_webp(file, goal.quality or MAX_QUALITY))
    max_bytes = goal.max_bytes(file.area)
    found = [one for one in found if max_bytes is None or len(one.data) <= max_bytes]
    if planes and has_avif() and not (found and max_bytes is not None):  # nothing in so many bytes beats what is exact
        with suppress(GoalError, OSError, ValueError):  # out of reach, or a Pillow whose AVIF does not write
            found.append(encode_planes(file, goal))
    return found


def encode_planes(file: StillFile, goal: Goal) -> Encoded:
    """Code an image as AV1 planes. Raises GoalError where a size, rate or PSNR is out of reach."""

    def size_of(quality: int, payload: PicturePayload) -> int:
        return len(file.of(quality, payload, NO_MODEL))

    trial = QualitySearch(Av1Trials(file.seen_pixels), goal, file.area, size_of).find(EFFORTS[MIN_EFFORT])
    return file.encoded(trial.quality, trial.result.payload, NO_MODEL, None, trial.psnr_db)


def may_be_exact(file: StillFile, goal: Goal, lossy: Encoded) -> bool:
    """Whether a file without loss can be better for a goal than ``lossy`` is, of a picture that is not drawn."""
    most_bytes: float = goal.max_bytes(file.area) or len(lossy.data)
    if goal.quality is not None:
        most_bytes += quality_lambda(goal.quality) * _squared_error(lossy) * file.area / 8
    return hasty_bytes(file) <= HASTE * most_bytes


def best_of(found: Sequence[Encoded], goal: Goal) -> Encoded:
    """The best of files that meet the goal.

    Of a quality the one of least cost, lambda D + R; of a size or rate the one of highest PSNR; of a PSNR the smallest.
    """
    if goal.quality is not None:
        weight = quality_lambda(goal.quality)
        return min(found, key=lambda one: weight * _squared_error(one) + one.bpp)
    if goal.psnr_db is not None:
        return min(found, key=lambda one: len(one.data))
    return max(found, key=lambda one: (one.psnr_db, -len(one.data)))


def _squared_error(one: Encoded) -> float:
    """Mean of a sample, in levels."""
    return float(255.0**2 * 10 ** (-one.psnr_db / 10))
