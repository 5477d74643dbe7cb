"""Which integers stand for latents: by a dead zone, or by weighing squared error against bits."""

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.entropy.tables import TableSet
from vaecompress.models.loaded import Shape

Array = npt.NDArray[Any]

DEAD_ZONE, DEAD_ZONE_SCALE = 0.1, 0.02
"""Rounding is moved towards zero by min(DEAD_ZONE, DEAD_ZONE_SCALE / scale) steps: cheaper than it is wrong."""

WIDEST_ZONE = np.float32(0.5)
"""Where an error counts little the zone grows in proportion, up to this: everything is then rounded towards zero."""

REACH = 63
"""Symbols beyond it cost what this one costs: their neighbours' bits hardly differ."""


class Rounding(Protocol):
    """Chooses the symbols of a band of latents."""

    def __call__(self, rows: slice, coded: Array, target: Array, index: Array) -> Array:
        """Integers [N], as floats, for the targets [N] in steps, from their scale indices [N].

        Those N are where ``coded`` [M, rows, w] is true in the latent rows ``rows`` of the picture.
        """
        ...

    def plane(self, one: Pass, channels: slice, target: Array, index: Array) -> Array:
        """The same for a pass over ``channels`` of the planes of lowest frequency: targets and table indices [C, N]."""
        ...


class Nearest:
    """Rounds to the nearest integer: what the likelihoods of training stand for."""

    def __call__(self, rows: slice, coded: Array, target: Array, index: Array) -> Array:
        """See :class:`Rounding`."""
        return np.rint(target)

    def plane(self, one: Pass, channels: slice, target: Array, index: Array) -> Array:
        """See :class:`Rounding`."""
        return np.rint(target)


class DeadZone(Nearest):
    """Rounds a little towards zero; the further, the less an error counts.

    Planes of lowest frequency become the nearest integers: what is lost there shows most.
    """

    def __init__(self, shape: Shape, weights: Array | None = None) -> None:
        """``weights`` [h, w] say what an error counts in each 16x16 patch of the picture: 1 without them."""
        scales = 2.0 ** (shape.min_log2_scale + np.arange(shape.scale_count) / shape.scale_steps_per_octave)
        self._zone = np.minimum(DEAD_ZONE, DEAD_ZONE_SCALE / scales).astype(np.float32)
        self._weights = weights

    def __call__(self, rows: slice, coded: Array, target: Array, index: Array) -> Array:
        """See :class:`Rounding`."""
        zone = self._zone[index]
        if self._weights is not None:
            zone = np.minimum(zone / self._of(rows, coded), WIDEST_ZONE)
        size = np.floor(np.abs(target) + (np.float32(0.5) - zone))
        return np.asarray(np.copysign(size, target))

    def _of(self, rows: slice, coded: Array) -> Array:
        """The weights of the latents ``coded`` in ``rows``, those beyond the picture as at its edge: [N]."""
        assert self._weights is not None
        places = (np.arange(rows.start, rows.stop), np.arange(coded.shape[2]))
        nearest = (np.minimum(place, side - 1) for place, side in zip(places, self._weights.shape, strict=True))
        return np.asarray(np.broadcast_to(self._weights[np.ix_(*nearest)], coded.shape)[coded])


class Weighing:
    """Takes the nearest integer, the next one towards zero, or zero: the least weight * error^2 + bits.

    Rate-distortion-optimised quantisation, symbol by symbol, with the bits of the model's own tables.
    """

    def __init__(self, tables: TableSet, shape: Shape, channel_weight: Array, coverage: Array) -> None:
        """``channel_weight`` [M] is what one step of squared error is worth in bits where a patch is all picture.

        ``coverage`` [h, w] is the share of each patch that is, times what an error counts there.
        """
        self._bits = _bits(tables, shape.scale_count + shape.plane_table_count)
        self._plane_channels = shape.plane_channels
        self._channel_weight = channel_weight.astype(np.float32)[:, None, None]
        self._coverage = coverage.astype(np.float32)

    def __call__(self, rows: slice, coded: Array, target: Array, index: Array) -> Array:
        """See :class:`Rounding`."""
        return self._choose((self._channel_weight * self._coverage[rows])[coded], target, index)

    def plane(self, one: Pass, channels: slice, target: Array, index: Array) -> Array:
        """See :class:`Rounding`."""
        weight = self._channel_weight[self._plane_channels[channels], 0] * one.of(self._coverage[None])
        return self._choose(weight, target, index)

    def _choose(self, weight: Array, target: Array, index: Array) -> Array:
        best = np.rint(target)
        places = np.nonzero(best)
        nearest, target, weight = best[places], target[places], weight[places]
        row = index[places].astype(np.int64) * (2 * REACH + 1) + REACH

        def cost(symbols: Array) -> Array:
            place = row + np.clip(symbols, -REACH, REACH).astype(np.int64)
            return np.asarray(weight * np.square(symbols - target) + self._bits.take(place))

        chosen, least = nearest, cost(nearest)
        for candidate in (nearest - np.sign(nearest), np.zeros_like(nearest)):
            candidate_cost = cost(candidate)
            chosen = np.where(candidate_cost < least, candidate, chosen)
            least = np.minimum(candidate_cost, least)
        best[places] = chosen
        return np.asarray(best)


@lru_cache(maxsize=4)
def _bits(tables: TableSet, count: int) -> Array:
    """Bits float32 [count, 2 REACH + 1] of the symbols -REACH..REACH; escaped ones as their escape and a byte."""
    first, escape, offsets = (row[:count, None] for row in (tables.first_symbols, tables.lengths - 1, tables.offsets))
    entries = np.arange(-REACH, REACH + 1) - first
    inside = (entries >= 0) & (entries < escape)
    bits = tables.bits[offsets + np.where(inside, entries, escape)]
    return np.asarray(np.where(inside, bits, bits + 8), np.float32)
