"""Entropy-coded bytes to latents: planes of lowest frequency and hyper-latents first, then context step by step.

FORMAT.md, "Decoding a picture". Means are integers in 1/16 of a quantisation step, scales in 1/8 of an octave; both
come out of exact networks, so that encoder and decoder agree on every machine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.codec.planes import walk_hyper, walk_planes
from vaecompress.codec.tiled import Output, run_tiled
from vaecompress.entropy import coder
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.entropy.context_steps import group_index
from vaecompress.format import HYPER_FACTOR, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

BAND_LATENTS = 1 << 22
TILE_HYPER_LATENTS = 32
TILE_LATENTS = 128
HALF_STEP = 1 << (STEP_BITS - 1)
CodeBand = Callable[[slice, Array, Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Expected:
    """What hyper-latents tell: features [1, E, h, w] for the context steps, first means and scales [1, M, h, w]."""

    features: npt.NDArray[np.int16]
    mean: npt.NDArray[np.int16]
    scale: npt.NDArray[np.int8]


class SymbolSource(Protocol):
    """Where the symbols of a picture come from, group after group: a file, or whoever draws or watches them."""

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """Symbols int32 [C, N] of a pass over planes of lowest frequency, from means and table indices [C, N]."""
        ...

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """The same for a pass over hyper-latents."""
        ...

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """Symbols int32 [N] of the latents of a band where ``coded`` is true, from means and indices [M, rows, w]."""
        ...


class FileSymbols:
    """Symbols from entropy-coded bytes."""

    def __init__(self, decoder: coder.Decoder) -> None:
        self._decoder = decoder

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`SymbolSource`."""
        return self._decoder.decode(index.ravel()).reshape(index.shape)

    hyper = planes

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`SymbolSource`."""
        return self._decoder.decode(index[coded])


class LatentCoder:
    """Decodes the latents of pictures with one model.

    ``condition`` is what the entropy model is told besides: inputs of hyper-synthesis [1, C, h, w] by their names.
    """

    def __init__(self, model: LoadedModel, condition: Mapping[str, Array] | None = None) -> None:
        self.model = model
        self._condition = {name: (array, HYPER_FACTOR) for name, array in (condition or {}).items()}

    def decode(self, data: bytes, height: int, width: int, quality: int) -> Array:
        """Latents int16 [1, M, h, w] in 1/16 of a step of a picture of ``height`` x ``width`` hyper-latent positions.

        Raises CorruptError when the bytes are not what an encoder gives.
        """
        decoder = coder.Decoder(data, self.model.tables)
        latents = self.fill(FileSymbols(decoder), height, width, quality)
        decoder.finish()
        return latents

    def fill(self, source: SymbolSource, height: int, width: int, quality: int) -> Array:
        """The latents that the symbols of ``source`` give; the rest as for :meth:`decode`."""
        planes = walk_planes(self.model, HYPER_FACTOR * height, HYPER_FACTOR * width, source.planes)
        z_hat = walk_hyper(self.model, height, width, quality, source.hyper)
        latents = self.empty(planes)

        def code(rows: slice, mean: Array, index: Array, member: Array) -> Array:
            coded = member & (index > 0)
            symbols = np.zeros(coded.shape, np.int32)
            symbols[coded] = source.latents(rows, mean, index, coded)
            place(latents[0, :, rows], symbols, mean, member)
            return symbols

        self.walk(self.expect(z_hat, quality), planes, code)
        return latents

    def empty(self, planes: Array) -> Array:
        """Latents int16 [1, M, h, w] of which only the planes of lowest frequency are known yet."""
        latents = np.zeros((1, self.model.shape.latent_channels, *planes.shape[1:]), np.int16)
        latents[0, self.model.shape.plane_channels] = planes
        return latents

    def expect(self, z_hat: Array, quality: int) -> Expected:
        """What hyper-latents int16 [1, Z, h/4, w/4] tell of the latents."""
        model = self.model
        found = run_tiled(
            model.network("hyper_synthesis"),
            {"z": (z_hat, 1), **self._condition},
            {"feature_gain": model.gain("hyper_feature", quality)},
            [Output(kind, HYPER_FACTOR) for kind in (np.int16, np.int16, np.int8)],
            TILE_HYPER_LATENTS,
            model.shape.halos["hyper_synthesis"],
        )
        return Expected(*found)

    def walk(self, expected: Expected, planes: Array, code: CodeBand) -> None:
        """The order of the symbols after ``planes`` [D, h, w] and hyper-latents, the same for both directions.

        ``code`` gives the residuals of a band of rows, from the means and scale indices there and which latents are
        coded in the step; those of scale index 0 are not coded. The networks are told of a plane what its residual is
        to the mean that they expected. Means and scales are brought up to date in place.
        """
        shape = self.model.shape
        features, mean, scale = expected.features, expected.mean, expected.scale
        residual = np.zeros(mean.shape, np.int8)
        channels, coarse = shape.plane_channels, np.zeros(shape.latent_channels, bool)
        coarse[channels] = True
        for step in range(shape.context_steps):
            if step > 0:
                self._refine(step, features, residual, mean, scale)
            for rows in _bands(mean.shape):
                group = group_index(shape.context_steps, *_positions(rows, mean.shape))
                index = self._scale_index(scale[0, :, rows])
                member = group == step
                symbols = code(rows, mean[0, :, rows], index, member & ~coarse[:, None, None])
                surprise = (planes[:, rows].astype(np.int32) - mean[0, channels, rows] + HALF_STEP) >> STEP_BITS
                symbols[channels] = np.where(member[channels], surprise, 0)
                residual[0, :, rows] += np.clip(symbols, -RESIDUAL_LIMIT, RESIDUAL_LIMIT).astype(np.int8)

    def _refine(self, step: int, features: Array, residual: Array, mean: Array, scale: Array) -> None:
        """Bring ``mean`` and ``scale`` up to date, in place: the networks add to them position by position."""
        run_tiled(
            self.model.network(f"context{step}"),
            {"features": (features, 1), "residual": (residual, 1), "mean": (mean, 1), "scale": (scale, 1)},
            {},
            [Output(np.int16), Output(np.int8)],
            TILE_LATENTS,
            self.model.shape.halos["context"],
            [mean, scale],
        )

    def _scale_index(self, scale: Array) -> Array:
        shape = self.model.shape
        offset = int(-shape.min_log2_scale * shape.scale_steps_per_octave)
        return np.clip(scale.astype(np.int16) + offset, 0, shape.scale_count - 1).astype(np.uint16)


def place(latents: Array, symbols: Array, mean: Array, member: Array) -> None:
    """Put the latents of ``symbols`` where ``member`` is true."""
    value = np.clip((symbols << STEP_BITS) + mean, -LATENT_LIMIT, LATENT_LIMIT)
    np.copyto(latents, value.astype(np.int16), where=member)


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Stretches of latent rows of at most 2^22 latents (but at least one row)."""
    _, channels, height, width = shape
    rows = max(1, BAND_LATENTS // (channels * width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _positions(rows: slice, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Row, column and channel of every latent of a band, broadcastable to [M, rows, w]."""
    _, channels, _, width = shape
    return (
        np.arange(rows.start, rows.stop)[None, :, None],
        np.arange(width)[None, None, :],
        np.arange(channels)[:, None, None],
    )
