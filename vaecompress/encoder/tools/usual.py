"""What PSNR a quality usually gives, and what is said of a picture that stays far below it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vaecompress.encoder.goal import Goal
from vaecompress.encoder.tools.file import Encoded
from vaecompress.format import MAX_QUALITY

USUAL_DB = {
    1: 25.0,
    10: 25.9,
    20: 27.3,
    30: 28.7,
    40: 30.2,
    50: 31.6,
    60: 33.1,
    70: 34.7,
    80: 36.1,
    90: 37.6,
    100: 38.9,
}
"""Median over the 64 pictures of models' validation, coded by ``base``, by quality; straight lines lie between.
``python -m vaecompress_eval.usual_psnr PICTURES --crop 192`` printed it."""

FAR_BELOW_DB = 6.0


CARD_MEMBER = "usual_psnr_db"
"""A model's card may say what is usual of it, as pairs of quality and PSNR."""


def usual_psnr_db(quality: int, card: Mapping[str, Any]) -> float:
    """PSNR that half of all pictures exceed at a quality 1..100, of the model with this card."""
    qualities, values = zip(*card.get(CARD_MEMBER, USUAL_DB.items()), strict=True)
    return float(np.interp(quality, qualities, values))


def poor_note(encoded: Encoded, goal: Goal, other_tools: bool, card: Mapping[str, Any]) -> str | None:
    """What is said of a picture that comes back far below the usual, and what would help; None where all is well.

    Nothing is said where a PSNR was asked for.
    """
    below_db = usual_psnr_db(encoded.quality, card) - encoded.psnr_db
    if goal.psnr_db is not None or below_db <= FAR_BELOW_DB:
        return None
    helps = [] if other_tools else ["other tools than networks"]
    if encoded.quality < MAX_QUALITY:
        helps.append("a higher quality" if goal.quality is not None else "a higher limit")
    return (
        f"{encoded.psnr_db:.1f} dB is {below_db:.0f} dB below what quality {encoded.quality} usually gives; "
        f"what helps: {', '.join([*helps, 'lossless'])}"
    )
