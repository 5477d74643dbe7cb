"""Predicted frames: the entropy-coded bytes of a frame and its two predictions to pixels, tile by tile.

FORMAT.md, "Decoding a predicted frame". What is coded is added to the mean of the two predictions; where nothing is
coded at all, that mean is the frame.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import TILE_LATENTS, LatentCoder
from vaecompress.codec.picture import Pixels
from vaecompress.codec.tiled import Output, run_tiled
from vaecompress.format import DIFFERENCE_LIMIT, ENERGY_LIMIT, HYPER_PATCH, MEAN_LIMIT, PATCH, PREDICTION_CHANNELS
from vaecompress.media.tiling import tiles
from vaecompress.models.loaded import CONDITIONING, LoadedModel

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Two predictions of a frame: uint8 [H, W, 3], sides multiples of 64. With one reference both are the same.

    ``one_sided`` says that the frame has one reference.
    """

    past: Pixels
    future: Pixels
    one_sided: bool

    @cached_property
    def mean(self) -> Pixels:
        """(past + future + 1) >> 1: the frame, where nothing is coded."""
        return np.asarray((self.past.astype(np.uint16) + self.future + 1) >> 1, np.uint8)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of hyper-latents."""
        return self.past.shape[0] // HYPER_PATCH, self.past.shape[1] // HYPER_PATCH


class Described:
    """A prediction as the networks see it, float32 [1, 7, H, W], whole numbers; cut lazily.

    The mean less 128, the difference of past and future, and the sum of its magnitudes over the colours.
    """

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction
        self.shape = (1, PREDICTION_CHANNELS, *prediction.past.shape[:2])

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        rows, columns = window[2:]
        past, future = (side[rows, columns].transpose(2, 0, 1).astype(np.int16, order="C") for side in self._sides)
        found = np.empty((1, PREDICTION_CHANNELS, *past.shape[1:]), np.float32)
        difference = past - future
        np.minimum(np.abs(difference).sum(0, dtype=np.int16), ENERGY_LIMIT, out=found[0, 6], casting="unsafe")
        past += future
        past += 1
        past >>= 1
        np.subtract(past, MEAN_LIMIT, out=found[0, :3], casting="unsafe")
        np.clip(difference, -DIFFERENCE_LIMIT, DIFFERENCE_LIMIT, out=found[0, 3:6], casting="unsafe")
        return found

    @property
    def _sides(self) -> tuple[Pixels, Pixels]:
        return self._prediction.past, self._prediction.future


class PredictedFrame:
    """One predicted frame under way: its prediction, and what the networks make of it at one quality."""

    def __init__(self, model: LoadedModel, prediction: Prediction, quality: int) -> None:
        """``model`` is that of predicted frames, :attr:`LoadedModel.predicted`."""
        self.model, self.prediction, self.quality = model, prediction, quality
        model.prepare(*model.decoder_networks())
        self.described = Described(prediction)
        gain = "condition_past" if prediction.one_sided else "condition_feature"
        self._at8, at16 = run_tiled(
            model.network(CONDITIONING),
            {"prediction": (self.described, PATCH)},
            {"feature_gain": model.gain(gain, quality)},
            [Output(np.int16, 2), Output(np.int16)],
            TILE_LATENTS,
            model.shape.halos[CONDITIONING],
        )
        self.condition = {"at16": at16}
        self.latents = LatentCoder(model, self.condition)

    def decode(self, coded: bytes, height: int, width: int) -> Pixels:
        """Pixels [height, width, 3] of entropy-coded bytes. Raises CorruptError where they are damaged."""
        return self.decoded(self.latents.decode(coded, *self.prediction.grid, self.quality), height, width)

    def decoded(self, latents: Array, height: int, width: int) -> Pixels:
        """Latents int16 [1, M, h, w] in 1/16 of a step to pixels [height, width, 3]."""
        model, quality = self.model, self.quality
        network, halo = model.network("synthesis"), model.shape.halos["synthesis"]
        gains = {
            "latent_gain": model.gain("decoder_latent", quality),
            "feature_gain": model.gain("synthesis_feature", quality),
        }
        pixels = self.prediction.mean[:height, :width].copy()
        for tile in tiles(latents.shape[2], latents.shape[3], TILE_LATENTS, halo):
            inputs = {
                "y": latents[:, :, *tile.padded.slices],
                "prediction": self.described[:, :, *tile.padded.scaled(PATCH).slices],
                "at8": self._at8[:, :, *tile.padded.scaled(2).slices],
                "at16": self.condition["at16"][:, :, *tile.padded.slices],
            }
            (added,) = network.run({**{name: array.astype(np.float32) for name, array in inputs.items()}, **gains})
            inner = tile.core.within(tile.padded).scaled(PATCH).slices
            place = pixels[tile.core.scaled(PATCH).slices]
            levels = added[0, :, *inner].transpose(1, 2, 0)[: place.shape[0], : place.shape[1]].astype(np.int16)
            place[:] = np.clip(place + levels, 0, 255)
        return pixels


def decode_predicted(
    model: LoadedModel, coded: bytes, prediction: Prediction, height: int, width: int, quality: int
) -> Pixels:
    """Pixels [height, width, 3] of a predicted frame; ``model`` is :attr:`LoadedModel.predicted`.

    No bytes: the mean prediction. Raises CorruptError where the bytes are damaged.
    """
    if not coded:
        return prediction.mean[:height, :width]
    return PredictedFrame(model, prediction, quality).decode(coded, height, width)
