"""What a model file holds for the planes coded coarse to fine: weights, and which table codes what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.entropy.coarse_to_fine import LEVELS
from vaecompress.errors import CorruptError

Array = npt.NDArray[Any]

HYPER_OFFSETS = 8
"""Means of hyper-latents count 1/8; each scale has a table for every such fraction."""

HYPER_WEIGHT_BITS = 5
PREFIX = "planes/"
FIELDS: dict[str, Any] = {
    "bounds": np.int32,
    "tables": np.uint8,
    "hyper_weights": np.int8,
    "hyper_means": np.int8,
    "hyper_bounds": np.int32,
    "hyper_scales": np.uint8,
}


@dataclass(frozen=True, eq=False)
class PlaneTables:
    """Look-ups for D planes of lowest frequency and Z hyper-latent channels in P prior sets, each for every level.

    ``bounds`` [A] part the activity of planes, ``tables`` [levels, D, A + 1] name the table of each part;
    ``hyper_weights`` and ``hyper_means`` [P, levels, Z] predict a hyper-latent from the sum of its neighbours,
    ``hyper_bounds`` [B] part its activity and ``hyper_scales`` [P, levels, Z, B + 1] name a scale.
    """

    bounds: Array
    tables: Array
    hyper_weights: Array
    hyper_means: Array
    hyper_bounds: Array
    hyper_scales: Array

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "PlaneTables":
        """Take them from the arrays of a model file. Raises CorruptError where one is missing or of another type."""
        try:
            found = {name: arrays[PREFIX + name] for name in FIELDS}
        except KeyError as error:
            raise CorruptError(f"model file: it has no array {error}") from error
        if any(array.dtype != FIELDS[name] for name, array in found.items()):
            raise CorruptError("model file: an array of its planes has the wrong type")
        return cls(**found)

    def to_arrays(self) -> dict[str, Array]:
        """The arrays of a model file, by their names there."""
        return {PREFIX + name: np.asarray(getattr(self, name), kind) for name, kind in FIELDS.items()}

    def check(self, planes: int, tables: int, hyper: int, sets: int, scales: int) -> None:
        """Raises CorruptError unless the arrays fit D, the number of their tables, Z, P and the number of scales."""
        shapes = {
            "tables": (LEVELS, planes, self.bounds.size + 1),
            "hyper_weights": (sets, LEVELS, hyper),
            "hyper_means": (sets, LEVELS, hyper),
            "hyper_scales": (sets, LEVELS, hyper, self.hyper_bounds.size + 1),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise CorruptError(f"model file: the array {PREFIX}{name} has the wrong shape")
        if self.tables.max(initial=0) >= max(tables, 1) or self.hyper_scales.max(initial=0) >= scales:
            raise CorruptError("model file: its planes ask for tables that it does not have")
        for bounds in (self.bounds, self.hyper_bounds):
            if bounds.ndim != 1 or (np.diff(bounds) < 0).any():
                raise CorruptError("model file: bounds of activity are not in order")

    def plane_index(self, level: int, channels: slice, activity: Array) -> Array:
        """Tables [C, N] of planes at their ``activity`` [C, N]."""
        part = np.searchsorted(self.bounds, activity, side="right")
        return _of_rows(self.tables[level, channels], part)

    def hyper_mean(self, which: int, level: int, total: Array) -> Array:
        """Means [Z, N] in 1/8 from the sums [Z, N] of four neighbours."""
        weights = self.hyper_weights[which, level].astype(np.int64)[:, None]
        half = 1 << (HYPER_WEIGHT_BITS - 1)
        return np.asarray(
            self.hyper_means[which, level].astype(np.int64)[:, None] + ((weights * total + half) >> HYPER_WEIGHT_BITS)
        )

    def hyper_scale(self, which: int, level: int, activity: Array) -> Array:
        """Scales [Z, N] at the ``activity`` [Z, N]."""
        part = np.searchsorted(self.hyper_bounds, activity, side="right")
        return _of_rows(self.hyper_scales[which, level], part)


def _of_rows(table: Array, place: Array) -> Array:
    """What stands at ``place`` [C, N] of each row of ``table`` [C, A]: int64 [C, N]."""
    return np.asarray(table[np.arange(len(table))[:, None], place], np.int64)
