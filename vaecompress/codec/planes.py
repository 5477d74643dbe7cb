"""What is coded coarse to fine, before any network runs: the planes of lowest frequency, and the hyper-latents.

FORMAT.md, "Hyper-latents" and "Planes of lowest frequency". Means are integers and tables come from look-ups that a
model file holds, so that nothing here depends on a network.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.entropy.coarse_to_fine import Neighbours, Pass, passes
from vaecompress.errors import CorruptError
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, STEP_BITS
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.plane_tables import HYPER_OFFSETS

Array = npt.NDArray[Any]

LUMA_WEIGHT = 24
"""What a step of the first plane's residual adds to the activity of the others at the same place."""

CodePlanes = Callable[[Pass, slice, Array, Array], Array]
"""From a pass, the channels of a group, their means [C, N] and table indices uint16 [C, N] to symbols int32 [C, N].

Means of the planes count 1/16 of a step, those of hyper-latents whole ones.
"""


def walk_planes(model: LoadedModel, height: int, width: int, code: CodePlanes) -> Array:
    """The planes of lowest frequency, int16 [D, height, width] in 1/16 of a step, in the order of their symbols."""
    tables, first_table = model.planes, model.shape.scale_count
    planes = np.zeros((len(model.shape.plane_channels), height, width), np.int16)
    if not len(planes):
        return planes
    for one in passes(height, width):
        leading = np.zeros((1, int(one.mask.sum())), np.int64)
        for channels in (slice(0, 1), slice(1, len(planes))):
            count = len(planes[channels])
            mean, activity = np.zeros((2, count, leading.shape[1]), np.int64)
            if one.level:
                mean, activity = Neighbours(one, planes[channels]).leaning()
            activity = activity + LUMA_WEIGHT * leading
            index = first_table + tables.plane_index(one.level, channels, activity)
            symbols = code(one, channels, mean, index.astype(np.uint16))
            value = np.clip((symbols.astype(np.int64) << STEP_BITS) + mean, -LATENT_LIMIT, LATENT_LIMIT)
            one.grid(planes[channels])[:, one.mask] = value
            leading = np.abs(symbols[:1].astype(np.int64)) if channels.start == 0 else leading
    return planes


def walk_hyper(model: LoadedModel, height: int, width: int, quality: int, code: CodePlanes) -> Array:
    """Hyper-latents int16 [1, Z, height, width], in the order of their symbols.

    Raises CorruptError where one is out of bounds.
    """
    shape, tables, which = model.shape, model.planes, model.prior_set(quality)
    first_table = shape.scale_count + shape.plane_table_count
    everything = slice(0, shape.hyper_latent_channels)
    z = np.zeros((shape.hyper_latent_channels, height, width), np.int16)
    for one in passes(height, width):
        count = int(one.mask.sum())
        near = Neighbours(one, z).nearest() if one.level else np.zeros((4, len(z), count), np.int64)
        total, size = near.sum(0), np.abs(near).sum(0)
        activity = size.sum(0) // 4 + 4 * size + np.abs(4 * near - total).sum(0)
        fine = tables.hyper_mean(which, one.level, total)
        mean = (fine + HYPER_OFFSETS // 2) // HYPER_OFFSETS
        offset = fine - HYPER_OFFSETS * mean + HYPER_OFFSETS // 2
        scale = tables.hyper_scale(which, one.level, activity)
        index = first_table + HYPER_OFFSETS * scale + offset
        value = code(one, everything, mean, index.astype(np.uint16)) + mean
        if np.abs(value).max(initial=0) > HYPER_LATENT_LIMIT:
            raise CorruptError("entropy-coded data: a hyper-latent is out of bounds; the stream is damaged")
        one.grid(z)[:, one.mask] = value
    return z[None]
