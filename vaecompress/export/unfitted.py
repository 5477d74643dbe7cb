"""What codes planes and filters pixels in a model that was frozen but not fitted to pictures: plain guesses.

``freeze --fit`` replaces all of it. FORMAT.md, "Arrays".
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.entropy.coarse_to_fine import LEVELS
from vaecompress.entropy.tables import Table, symmetric_tables, table_from_pmf
from vaecompress.format import FILTER_BOUNDS, FILTER_DIRECTIONS, HYPER_LATENT_LIMIT, QUALITIES
from vaecompress.models.loaded import FILTER_WEIGHTS
from vaecompress.models.plane_tables import HYPER_OFFSETS, PlaneTables

Array = npt.NDArray[Any]
Cdf = Callable[[Array], Array]

PLANE_SCALES = 2.0 ** (np.arange(32) / 3 - 2)
"""Standard deviations of the tables of planes, in steps."""

PLANE_PARTS = 24
FIRST_DEVIATION, LEAST_DEVIATION, ACTIVITY_UNIT = 32.0, 0.2, 450.0
"""In steps: of the first grid, of flat places, and the activity that stands for one more."""

HYPER_SCALES = 2.0 ** (np.arange(24) / 2.4 - 5)
"""Mean absolute deviations of the tables of hyper-latents."""

HYPER_PARTS = 8


def plane_bounds() -> Array:
    """Bounds of activity, half an octave apart."""
    return np.asarray(np.ceil(4 * (2 ** ((np.arange(1, PLANE_PARTS) - 0.5) / 2) - 1)), np.int32)


def hyper_bounds() -> Array:
    """Bounds of activity of hyper-latents, an octave apart."""
    return np.asarray(2 ** np.arange(1, HYPER_PARTS), np.int32)


def plane_table_list(cdf: Cdf) -> list[Table]:
    """A table for each of PLANE_SCALES, of residuals whose distribution is ``cdf``."""
    return symmetric_tables(cdf, PLANE_SCALES)


def hyper_table_list() -> list[Table]:
    """Laplace tables: for each of HYPER_SCALES, one for each eighth that the mean lies off an integer."""
    symbols = np.arange(-2 * HYPER_LATENT_LIMIT, 2 * HYPER_LATENT_LIMIT + 1)
    return [
        table_from_pmf(int(symbols[0]), laplace(symbols - (offset / HYPER_OFFSETS - 0.5), scale))
        for scale in HYPER_SCALES
        for offset in range(HYPER_OFFSETS)
    ]


def laplace(x: Array, scale: float) -> Array:
    """Mass of a Laplace distribution of mean absolute deviation ``scale`` in unit boxes around ``x``."""
    size = np.abs(x)
    near, far = (np.exp(-np.maximum(size + side, 0) / scale) for side in (-0.5, 0.5))
    inside = 1 - 0.5 * (np.exp(-np.maximum(0.5 - size, 0) / scale) + far)
    return np.asarray(np.where(size < 0.5, inside, 0.5 * (near - far)))


def nearest_scale(scales: Array, wanted: Array) -> Array:
    """Index of the scale nearest to each of ``wanted``, by ratio."""
    return np.asarray(np.abs(np.log2(np.maximum(wanted, 1e-9))[..., None] - np.log2(scales)).argmin(-1), np.uint8)


def unfitted_planes(count: int, means: Array, deviations: Array) -> PlaneTables:
    """Look-ups for ``count`` planes, and for hyper-latents of these ``means`` and mean ``deviations`` [P, Z]."""
    middles = np.concatenate([[0], plane_bounds()])
    deviation = np.tile(LEAST_DEVIATION + middles / ACTIVITY_UNIT, (LEVELS, 1))
    deviation[0] = FIRST_DEVIATION
    tables = nearest_scale(PLANE_SCALES, deviation)
    sets, channels = means.shape
    centre = np.clip(np.rint(HYPER_OFFSETS * means), -127, 127).astype(np.int8)
    scales = nearest_scale(HYPER_SCALES, deviations)
    return PlaneTables(
        bounds=plane_bounds(),
        tables=np.repeat(tables[:, None], count, axis=1),
        hyper_weights=np.zeros((sets, LEVELS, channels), np.int8),
        hyper_means=np.repeat(centre[:, None], LEVELS, axis=1),
        hyper_bounds=hyper_bounds(),
        hyper_scales=np.tile(scales[:, None, :, None], (1, LEVELS, 1, HYPER_PARTS)),
    )


def unfitted_filter() -> dict[str, Array]:
    """A pixel filter that changes nothing."""
    shape = (QUALITIES, len(FILTER_BOUNDS), len(FILTER_DIRECTIONS), len(FILTER_BOUNDS[0]))
    return {FILTER_WEIGHTS: np.zeros(shape, np.int16)}
