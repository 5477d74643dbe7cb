"""Latents to entropy-coded bytes and back: hyper-latents first, then the latents, context step after context step.

FORMAT.md, "Decoding a picture". Means are integers in 1/16 of a quantisation step, scales in 1/8 of an octave; both
come out of exact networks, so that encoder and decoder agree on every machine.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.tiled import Output, run_tiled
from vaecompress.entropy import coder
from vaecompress.entropy.context_steps import group_index
from vaecompress.errors import CorruptError
from vaecompress.format import HYPER_FACTOR, HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

BAND_LATENTS = 1 << 22
TILE_HYPER_LATENTS = 16
TILE_LATENTS = 64
CodeBand = Callable[[slice, Array, Array, Array], Array]


class LatentCoder:
    """Decodes the latents of one picture with one model."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    def decode(self, data: bytes, height: int, width: int, quality: int) -> Array:
        """Latents int16 [1, M, h, w] in 1/16 of a step of a picture of ``height`` x ``width`` hyper-latent positions.

        Raises CorruptError when the bytes are not what an encoder gives.
        """
        decoder = coder.Decoder(data, self.model.tables)
        shape = (1, self.model.shape.hyper_latent_channels, height, width)
        z_hat = decoder.decode(self.hyper_tables(shape, quality)).reshape(shape)
        if np.abs(z_hat).max() > HYPER_LATENT_LIMIT:
            raise CorruptError("entropy-coded data: a hyper-latent is out of bounds; the stream is damaged")

        latents = np.zeros((1, self.model.shape.latent_channels, HYPER_FACTOR * height, HYPER_FACTOR * width), np.int16)

        def code(rows: slice, mean: Array, index: Array, member: Array) -> Array:
            coded = member & (index > 0)
            symbols = np.zeros(coded.shape, np.int32)
            symbols[coded] = decoder.decode(index[coded])
            place(latents[0, :, rows], symbols, mean, member)
            return symbols

        self.walk(z_hat, quality, code)
        decoder.finish()
        return latents

    def walk(self, z_hat: Array, quality: int, code: CodeBand) -> None:
        """The order of symbols, the same for both directions.

        ``code`` gives the residuals of a band of rows, from the means and scale indices there and which latents belong
        to the step; those of scale index 0 are not coded.
        """
        model, shape = self.model, self.model.shape
        features, mean, scale = run_tiled(
            model.network("hyper_synthesis"),
            {"z": (z_hat, 1)},
            {"feature_gain": model.gain("hyper_feature", quality)},
            [Output(kind, HYPER_FACTOR) for kind in (np.int16, np.int16, np.int8)],
            TILE_HYPER_LATENTS,
            shape.halos["hyper_synthesis"],
        )
        residual = np.zeros(mean.shape, np.int8)
        for step in range(shape.context_steps):
            if step > 0:
                self._refine(step, features, residual, mean, scale)
            for rows in _bands(mean.shape):
                group = group_index(shape.context_steps, *_positions(rows, mean.shape))
                index = self._scale_index(scale[0, :, rows])
                symbols = code(rows, mean[0, :, rows], index, group == step)
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

    def hyper_tables(self, shape: tuple[int, ...], quality: int) -> Array:
        channels = self.model.shape.hyper_latent_channels
        first = self.model.shape.scale_count + self.model.prior_set(quality) * channels
        index = np.arange(first, first + channels, dtype=np.uint16)[None, :, None, None]
        return np.broadcast_to(index, shape).ravel()


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
