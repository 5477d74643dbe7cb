"""Levels of effort made ready to use. jax is imported only for those that search with gradients."""

from dataclasses import replace
from functools import lru_cache

from vaecompress.codec.effort import Effort, Refiner, effort_of
from vaecompress.codec.models import LoadedModel
from vaecompress.errors import UsageError


def prepare(level: int, model: LoadedModel) -> Effort:
    """The effort of a level 1..9 with ``model``.

    Raises UsageError for another level, and where packages are missing that the level needs.
    """
    effort = effort_of(level)
    if not effort.steps:
        return effort
    try:
        return replace(effort, refiner=_refiner(model))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"effort {level} searches with gradients and needs {error.name}: pip install 'vaecompress[train]', "
            "or take an effort up to 5"
        ) from error


@lru_cache(maxsize=2)
def _refiner(model: LoadedModel) -> Refiner:
    from vaecompress.train.refine import GradientRefiner

    return GradientRefiner(model.file)
