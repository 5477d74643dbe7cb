"""Encoder's side of predicted frames: analysis, the search on latents, and whether to code anything at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import TILE_LATENTS
from vaecompress.codec.picture import Pixels
from vaecompress.codec.predicted import PredictedFrame, Prediction
from vaecompress.codec.tiled import Output, Scaled, run_tiled
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import Effort
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.latents import TARGET_UNIT, LatentEncoder
from vaecompress.format import HYPER_FACTOR, PATCH, quality_lambda
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

LEVEL = 1 / 256


@dataclass(frozen=True, eq=False)
class CodedFrame:
    """Entropy-coded bytes of a predicted frame, the pixels that decoding gives, and lambda * D + R in bits."""

    coded: bytes
    pixels: Pixels
    cost: float


class PredictedSubject(PredictedFrame):
    """A predicted frame that is searched for latents. See :class:`vaecompress.encoder.latent_search.Subject`."""

    hyper_zones: Sequence[float] = (0.0, 0.15)

    def __init__(self, model: LoadedModel, prediction: Prediction, quality: int) -> None:
        super().__init__(model, prediction, quality)
        self.latents: LatentEncoder = LatentEncoder(model, self.condition)

    def analyse(self, pixels: Pixels, quality: int) -> tuple[Array, Array]:
        """Latents y (int16, in 1/64 of a step) and hyper-latents z (float32) of pixels [H, W, 3]."""
        model = self.model
        (y,) = run_tiled(
            model.network("analysis"),
            {
                "missed": (_Missed(pixels, self.prediction), PATCH),
                "prediction": (Scaled(self.described, LEVEL), PATCH),
            },
            {
                "feature_gain": model.gain("analysis_feature", quality),
                "latent_gain": model.gain("encoder_latent", quality),
            },
            [Output(np.int16, unit=TARGET_UNIT)],
            TILE_LATENTS,
            model.shape.halos["analysis"],
        )
        grid, output = {"y": (Scaled(y, 1 / TARGET_UNIT), HYPER_FACTOR)}, [Output(np.float32)]
        (z,) = run_tiled(model.network("hyper_analysis"), grid, {}, output, TILE_LATENTS // HYPER_FACTOR, 0)
        return y, z

    def synthesise(self, latents: Array, shape: tuple[int, ...], quality: int) -> Pixels:
        """Latents int16 [1, M, h, w] in 1/16 of a step to pixels of ``shape`` (height, width, 3)."""
        return self.decoded(latents, *shape[:2])

    estimate = synthesise


def encode_predicted(
    model: LoadedModel, pixels: Pixels, prediction: Prediction, quality: int, effort: Effort
) -> CodedFrame:
    """Code pixels [H, W, 3] given their prediction; ``model`` is :attr:`LoadedModel.predicted`.

    Nothing is coded where that has the least lambda * D + R, D as :class:`VideoError` counts it.
    """
    measure, weight = VideoError(), quality_lambda(quality)
    skipped = prediction.mean[: pixels.shape[0], : pixels.shape[1]]
    subject = PredictedSubject(model, prediction, quality)
    search = Search(subject, pixels, quality, measure)
    found = search.run(replace(effort, rounds=max(effort.rounds, effort.steps // 20), steps=0, refiner=None))
    nothing = CodedFrame(b"", skipped, weight * measure.total(pixels, skipped, search.weights))
    coded = subject.latents.encode(found)
    decoded = subject.decoded(found.latents, *pixels.shape[:2]) if found.pixels is None else found.pixels
    something = CodedFrame(coded, decoded, weight * measure.total(pixels, decoded, search.weights) + 8.0 * len(coded))
    return min(something, nothing, key=lambda frame: frame.cost)


class _Missed:
    """Original less prediction, float32 [1, 3, H, W], a level 1/256, edge-padded to multiples of 64; cut lazily."""

    def __init__(self, pixels: Pixels, prediction: Prediction) -> None:
        self._pixels, self._mean = pixels, prediction.mean
        self.shape = (1, 3, *prediction.past.shape[:2])

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        rows, columns = (
            np.minimum(np.arange(span.start, span.stop), side - 1)
            for span, side in zip(window[2:], self._pixels.shape[:2], strict=True)
        )
        missed = self._pixels[rows[:, None], columns].astype(np.float32) - self._mean[window[2:]]
        return np.asarray(missed.transpose(2, 0, 1)[None] * np.float32(LEVEL))
