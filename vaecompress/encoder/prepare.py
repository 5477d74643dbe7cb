"""Levels of effort made ready to use. jax is imported only for those that search with gradients."""

from dataclasses import replace
from functools import lru_cache

from vaecompress.encoder.distortion import weights_of
from vaecompress.encoder.effort import Effort, Refiner, effort_of
from vaecompress.errors import UsageError
from vaecompress.models.loaded import LoadedModel

FULL_STEPS_KMAC = 6.0
"""Decoders that cost up to so many thousand multiply-accumulates a pixel get all steps of a level."""

FIXED_KMAC = 6.5
"""What else a step costs, in the same unit: fitted to the seconds of a step with ``light`` and with ``base``."""


def prepare(level: int, model: LoadedModel, tune: str = "psnr") -> Effort:
    """The effort of a level 0..9 with ``model``, tuned for one of :data:`vaecompress.encoder.distortion.TUNES`.

    A dearer decoder takes fewer steps, so that a level takes about as long with every model. Raises UsageError for
    another level, and where packages are missing that the level needs.
    """
    effort = replace(effort_of(level), weights=weights_of(tune))
    if not effort.steps:
        return effort
    try:
        return replace(effort, steps=_affordable(effort.steps, model), refiner=_refiner(model))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"effort {level} searches with gradients and needs {error.name}: pip install 'vaecompress[train]', "
            "or take an effort up to 5"
        ) from error


def _affordable(steps: int, model: LoadedModel) -> int:
    cost = float(model.file.card.get("decoder_kmac_per_pixel", 0.0))
    return round(steps * min(1.0, (FIXED_KMAC + FULL_STEPS_KMAC) / (FIXED_KMAC + cost)))


@lru_cache(maxsize=2)
def _refiner(model: LoadedModel) -> Refiner:
    from vaecompress.encoder.gradient_search import GradientRefiner

    return GradientRefiner(model.file)
