"""Which model encodes where none is named.

The best of those shipped that two cores decode quickly. What a model costs is read off its card, not measured: the
same command then gives the same file on every machine.
"""

from pathlib import Path
from typing import Any

from vaecompress.errors import UsageError
from vaecompress.models.file import load_card
from vaecompress.models.installed import SUFFIX

STILL, VIDEO = "still", "video"
"""Kinds of models, as their cards say; one that does not say is of stills."""

DEFAULT_KMAC_PER_PIXEL = 22.0
"""Thousands of multiply-accumulates a pixel with which two cores decode a picture of 768x512 in 0.3 s, extrapolated
from ``light``, which takes 0.1 s with 5.95; ``vaecompress models`` measures it."""


def default_model(folder: Path, kind: str = STILL) -> str:
    """The name of the best model of a kind in ``folder`` whose decoder costs at most ``DEFAULT_KMAC_PER_PIXEL``.

    The best has the lowest BD-rate on its card; where no card tells, the dearest decoder. Raises UsageError where none
    is cheap enough.
    """
    cards = {path.stem: load_card(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    cards = {name: card for name, card in cards.items() if card.get("kind", STILL) == kind}
    quick = {name: card for name, card in cards.items() if _cost(card) <= DEFAULT_KMAC_PER_PIXEL}
    if not quick:
        raise UsageError(f"no {kind} model in {folder} is quick enough to be the default: name one with --model")
    return min(quick, key=lambda name: _rank(quick[name]))


def _cost(card: dict[str, Any]) -> float:
    cost = card.get("decoder_kmac_per_pixel")
    return float("inf") if cost is None else float(cost)


def _rank(card: dict[str, Any]) -> tuple[float, float]:
    rate = card.get("bd_rate_percent")
    return float("inf") if rate is None else float(rate), -_cost(card)
