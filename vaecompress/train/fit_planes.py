"""Look-ups of what is coded coarse to fine, fitted to the latents that a model's analysis gives of pictures.

Each context (level, channel, part of the activity) gets the table under which its symbols take the fewest bits; the
tables take the shape of the symbols that chose them. Hyper-latents first get weights, by least squares.
"""

from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.planes import walk_hyper, walk_planes
from vaecompress.encoder.latents import TARGET_UNIT
from vaecompress.entropy.coarse_to_fine import Neighbours, Pass, passes
from vaecompress.entropy.tables import TOTAL, Table, TableSet, quantize_pmf
from vaecompress.format import HYPER_LATENT_LIMIT, STEP_BITS
from vaecompress.models.loaded import LoadedModel
from vaecompress.models.plane_tables import HYPER_OFFSETS, HYPER_WEIGHT_BITS, PlaneTables

Array = npt.NDArray[Any]
Sample = tuple[Array, Array, int]
"""Latents y [1, M, h, w] and hyper-latents z [1, Z, h/4, w/4] of a picture at a quality, as its analysis gives them."""

PLANE_LIMIT, HYPER_LIMIT = 300, 60
"""Symbols beyond count as these do."""

ROUNDS = 3
SHAPE_WEIGHT, CHOICE_WEIGHT, LEVEL_WEIGHT = 200.0, 5.0, 0.02
"""So many symbols count for a table's shape before, for a context's choice before, and what a symbol counts for in the
other parts of its level and channel."""

LEAST_MASS = 2.0**-24
RIDGE = 2.0


def fit_planes(model: LoadedModel, samples: Iterable[Sample]) -> tuple[PlaneTables, TableSet]:
    """Look-ups and tables fitted to ``samples``; the tables of latents stay those of ``model``."""
    kept = [(y[0, model.shape.plane_channels].astype(np.int32), _rounded(z), quality) for y, z, quality in samples]
    probe = copy(model)
    probe.planes = _with_parts_for_tables(replace(model.planes, **_hyper_means(model, kept)))
    planes, hyper = _count(probe, kept)
    shape = model.shape
    first, second = shape.scale_count, shape.scale_count + shape.plane_table_count
    tables = [model.tables[index] for index in range(len(model.tables))]

    masses = np.stack([_mass(table, PLANE_LIMIT) for table in tables[first:second]] or [np.ones(1)])
    choice, masses = choose(planes + planes[..., ::-1], masses[:, None], model.planes.tables)
    tables[first:second] = [
        _reshaped(t, mass[0], PLANE_LIMIT) for t, mass in zip(tables[first:second], masses, strict=False)
    ]

    hyper_masses = np.stack([_mass(table, HYPER_LIMIT) for table in tables[second:]])
    hyper_masses = hyper_masses.reshape(-1, HYPER_OFFSETS, hyper_masses.shape[-1])
    scales, hyper_masses = choose(hyper, hyper_masses, model.planes.hyper_scales)
    flat = hyper_masses.reshape(-1, hyper_masses.shape[-1])
    tables[second:] = [_reshaped(t, mass, HYPER_LIMIT) for t, mass in zip(tables[second:], flat, strict=True)]
    fitted = replace(probe.planes, tables=choice.astype(np.uint8), hyper_scales=scales.astype(np.uint8))
    return fitted, TableSet.from_tables(tables)


def choose(counts: Array, masses: Array, before: Array) -> tuple[Array, Array]:
    """Which table serves each context best, and the tables' shapes after that.

    ``counts`` [..., parts, F, S] are symbols in each context, F fractions apart; ``masses`` [K, F, S] are the tables,
    ``before`` [..., parts] the choice so far.
    """
    start = masses
    known = counts + LEVEL_WEIGHT * counts.sum(-3, keepdims=True) + CHOICE_WEIGHT * masses[before]
    rows, own = known.reshape(-1, masses[0].size), counts.reshape(-1, masses[0].size)
    choice = np.asarray(before).ravel()
    for _ in range(ROUNDS):
        choice = (rows @ -np.log2(masses).reshape(len(masses), -1).T).argmin(1)
        found = np.zeros((len(masses), masses[0].size))
        np.add.at(found, choice, own)
        masses = found.reshape(masses.shape) + SHAPE_WEIGHT * start
        masses = np.maximum(masses / masses.sum(-1, keepdims=True), LEAST_MASS)
    return np.asarray(choice.reshape(before.shape)), masses


def _rounded(z: Array) -> Array:
    return np.asarray(np.clip(np.rint(z[0]), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT), np.int32)


def _hyper_means(model: LoadedModel, samples: list[tuple[Array, Array, int]]) -> dict[str, Array]:
    """Weights and means of hyper-latents, for each prior set and level, by least squares."""
    sums: dict[tuple[int, int], Array] = defaultdict(lambda: np.zeros((5, model.shape.hyper_latent_channels)))
    for _, z, quality in samples:
        for one in passes(*z.shape[1:]):
            x = one.of(z).astype(np.float64)
            near = Neighbours(one, z).nearest().sum(0).astype(np.float64) if one.level else np.zeros_like(x)
            products = (np.ones_like(x), near, x, near * near, near * x)
            sums[model.prior_set(quality), one.level] += np.stack([part.sum(1) for part in products])
    weights, means = model.planes.hyper_weights.copy(), model.planes.hyper_means.copy()
    for (which, level), (count, near, x, squares, mixed) in sums.items():
        slope = (mixed - near * x / count) / (squares - near * near / count + RIDGE)
        unit = HYPER_OFFSETS << HYPER_WEIGHT_BITS
        weights[which, level] = np.clip(np.rint(unit * slope), -127, 127)
        means[which, level] = np.clip(np.rint(HYPER_OFFSETS * (x - slope * near) / count), -127, 127)
    return {"hyper_weights": weights, "hyper_means": means}


def _with_parts_for_tables(planes: PlaneTables) -> PlaneTables:
    """Look-ups that name the part of the activity itself: a walk with them shows the context of each symbol."""
    parts, hyper_parts = np.arange(planes.bounds.size + 1), np.arange(planes.hyper_bounds.size + 1)
    return replace(
        planes,
        tables=np.broadcast_to(parts.astype(np.uint8), planes.tables.shape),
        hyper_scales=np.broadcast_to(hyper_parts.astype(np.uint8), planes.hyper_scales.shape),
    )


def _count(probe: LoadedModel, samples: list[tuple[Array, Array, int]]) -> tuple[Array, Array]:
    """Symbols of planes [levels, D, A, 1, S] and of hyper-latents [P, levels, Z, B, 8, S] in each context."""
    planes = np.zeros((*probe.planes.tables.shape, 1, 2 * PLANE_LIMIT + 1))
    hyper = np.zeros((*probe.planes.hyper_scales.shape, HYPER_OFFSETS, 2 * HYPER_LIMIT + 1), np.float32)
    for wanted, z, quality in samples:
        walk_planes(probe, wanted.shape[1], wanted.shape[2], PlaneCounter(probe, wanted, planes))
        counter = HyperCounter(probe, z, hyper[probe.prior_set(quality)])
        walk_hyper(probe, z.shape[1], z.shape[2], quality, counter)
    return planes, hyper


class PlaneCounter:
    """Codes planes as an encoder does, and counts symbols by what a probing model names as their tables."""

    def __init__(self, probe: LoadedModel, wanted: Array, counts: Array) -> None:
        """``wanted`` [D, h, w] counts 1/64 of a step; ``counts`` [levels, D, A, 1, S] is added to."""
        self._wanted, self._counts, self._first = wanted, counts, probe.shape.scale_count

    def __call__(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :data:`~vaecompress.codec.planes.CodePlanes`."""
        target = one.of(self._wanted[channels]) / TARGET_UNIT - mean / (1 << STEP_BITS)
        symbols = np.rint(target).astype(np.int32)
        channel = np.arange(len(self._wanted))[channels, None]
        entries = np.clip(symbols, -PLANE_LIMIT, PLANE_LIMIT) + PLANE_LIMIT
        _add(self._counts[one.level], (channel, index.astype(np.int64) - self._first, 0, entries))
        return symbols


class HyperCounter:
    """The same for hyper-latents."""

    def __init__(self, probe: LoadedModel, wanted: Array, counts: Array) -> None:
        """``wanted`` [Z, H, W] are integers; ``counts`` [levels, Z, B, 8, S] is added to."""
        self._wanted, self._counts = wanted, counts
        self._first = probe.shape.scale_count + probe.shape.plane_table_count

    def __call__(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :data:`~vaecompress.codec.planes.CodePlanes`."""
        symbols = (one.of(self._wanted[channels]) - mean).astype(np.int32)
        part, offset = np.divmod(index.astype(np.int64) - self._first, HYPER_OFFSETS)
        entries = np.clip(symbols, -HYPER_LIMIT, HYPER_LIMIT) + HYPER_LIMIT
        _add(self._counts[one.level], (np.arange(len(self._wanted))[channels, None], part, offset, entries))
        return symbols


def _add(counts: Array, place: tuple[Any, ...]) -> None:
    np.add.at(counts, place, 1)


def _mass(table: Table, limit: int) -> Array:
    """Probabilities of the symbols -limit..limit."""
    mass = np.full(2 * limit + 1, LEAST_MASS)
    symbols = table.first_symbol + np.arange(len(table.frequencies) - 1)
    inside = np.abs(symbols) <= limit
    mass[symbols[inside] + limit] = table.frequencies[:-1][inside] / TOTAL
    return mass


def _reshaped(table: Table, mass: Array, limit: int) -> Table:
    """``table`` over the same symbols with the probabilities ``mass`` of -limit..limit."""
    symbols = table.first_symbol + np.arange(len(table.frequencies) - 1)
    inside = np.abs(symbols) <= limit
    kept = np.full(symbols.size, LEAST_MASS)
    kept[inside] = mass[symbols[inside] + limit]
    return Table(table.first_symbol, quantize_pmf(np.append(kept, max(1 - kept.sum(), LEAST_MASS))))
