"""Pixels to the latents that an encoder starts from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import TILE_LATENTS
from vaecompress.codec.picture import PictureCodec, Pixels
from vaecompress.codec.tiled import Output, run_tiled
from vaecompress.encoder.latents import TARGET_UNIT, LatentEncoder
from vaecompress.format import HYPER_FACTOR, HYPER_PATCH, PATCH
from vaecompress.media.padding import padded_size
from vaecompress.models.loaded import ROUGH_SYNTHESIS, LoadedModel

Array = npt.NDArray[Any]


class Analysis(PictureCodec):
    """A picture codec that also knows the way from pixels to latents and to their symbols."""

    hyper_zones: Sequence[float] = (0.0,)

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        self.latents: LatentEncoder = LatentEncoder(model)

    def analyse(self, pixels: Pixels, quality: int) -> tuple[Array, Array]:
        """Latents y (int16, in 1/64 of a step) and hyper-latents z (float32) of pixels, [1, C, h, w] each."""
        model = self.model
        model.prepare("analysis", "hyper_analysis", *model.decoder_networks())
        (y,) = run_tiled(
            model.network("analysis"),
            {"x": (_PaddedPicture(pixels), PATCH)},
            {
                "feature_gain": model.gain("analysis_feature", quality),
                "latent_gain": model.gain("encoder_latent", quality),
            },
            [Output(np.int16, unit=TARGET_UNIT)],
            TILE_LATENTS,
            model.shape.halos["analysis"],
        )
        grid, output, core = {"y": (_Scaled(y), HYPER_FACTOR)}, [Output(np.float32)], TILE_LATENTS // HYPER_FACTOR
        (z,) = run_tiled(model.network("hyper_analysis"), grid, {}, output, core, 0)
        return y, z

    def estimate(self, latents: Array, shape: tuple[int, ...], quality: int) -> Pixels:
        """About what :meth:`synthesise` gives, sooner: levels differ by one here and there."""
        return self.synthesise(latents, shape, quality, self.model.network(ROUGH_SYNTHESIS))


class _Scaled:
    """Latents in 1/64 of a step, cut as float32 in steps."""

    def __init__(self, y: Array) -> None:
        self._y = y
        self.shape = y.shape

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        return np.asarray(self._y[window] * np.float32(1 / TARGET_UNIT))


class _PaddedPicture:
    """Pixels as the analysis sees them, float32 [1, 3, H, W] centred, edge-padded to a multiple of 64; cut lazily."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.shape = (1, 3, *(padded_size(side, HYPER_PATCH) for side in pixels.shape[:2]))

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        rows, columns = (
            np.minimum(np.arange(span.start, span.stop), side - 1)
            for span, side in zip(window[2:], self._pixels.shape[:2], strict=True)
        )
        cut = self._pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        missing = (len(rows) - cut.shape[0], len(columns) - cut.shape[1])
        cut = np.pad(cut, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        centred = (cut.astype(np.float32) - np.float32(128)) * np.float32(1 / 256)
        return np.broadcast_to(centred.transpose(2, 0, 1)[None], (1, 3, *cut.shape[:2]))
