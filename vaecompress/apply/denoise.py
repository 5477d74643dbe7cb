"""Denoising with a compression model: what is not worth its bits is noise.

White noise of deviation s makes lambda D + R the posterior of a picture where lambda is 3 / (2 ln 2 s^2): the quality
with that lambda fits the noise. A picture coded so on several shifts of the grid, and averaged (compare Coifman and
Donoho, "Translation-Invariant De-Noising", 1995), is the pilot. It tells how large each latent should be, so a second
pass shrinks the noisy latents by Wiener's rule, as that of BM3D does (Dabov et al., 2007), and the decoder, fed with
them, gives the result.
"""

from collections.abc import Callable
from functools import lru_cache
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.apply.noise import estimate_noise
from vaecompress.codec.picture import Pixels
from vaecompress.encoder.analysis import Analysis
from vaecompress.encoder.latents import TARGET_UNIT
from vaecompress.encoder.rounding import DeadZone
from vaecompress.format import LATENT_LIMIT, MAX_LAMBDA, MAX_QUALITY, MIN_LAMBDA, MIN_QUALITY, PATCH, STEP_BITS
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

SHIFTS = ((0, 0), (8, 8), (0, 8), (8, 0), (4, 4), (12, 12), (4, 12), (12, 4))
"""Of the 16x16 grid, down and right in pixels."""

FINE_QUALITY = 85
"""At which the second pass works: steps far below any noise that is worth removing."""

NOISE_WEIGHT = 0.7
"""What the noise's energy counts in Wiener's rule, found by trying on photographs: the pilot lacks some of its own."""

LEAST_SIGMA = 1.0
"""Noise below it, in levels, is left alone: rounding to 8 bits has a third of that."""

FLAT_SIDE = 256
MARGIN = 2 * PATCH

Progress = Callable[[int, int], None]
"""Told the passes done and their number."""


class Denoiser:
    """Removes white noise from pictures with one model."""

    def __init__(self, model: LoadedModel) -> None:
        self._codec = Analysis(model)

    def denoise(self, pixels: Pixels, sigma: float | None = None, progress: Progress | None = None) -> Pixels:
        """Pixels uint8 [height, width, 1 or 3] without noise of deviation ``sigma`` in levels (default: estimated).

        What has less noise than LEAST_SIGMA comes back as it is. ``progress`` is told the passes done.
        """
        sigma = estimate_noise(pixels) if sigma is None else sigma
        if sigma < LEAST_SIGMA:
            return pixels
        quality, done = fitting_quality(sigma, pixels.shape[2]), 0

        def told(result: Pixels) -> Pixels:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, 2 * len(SHIFTS))
            return result

        def coded(noisy: Pixels) -> Pixels:
            return told(self._coded(noisy, quality))

        def shrunk(noisy: Pixels, pilot: Pixels) -> Pixels:
            return told(self._shrunk(noisy, pilot, noise))

        pilot = _averaged(coded, pixels)
        noise = _latent_noise(self._codec, float(sigma), pixels.shape[2])
        return _averaged(shrunk, pixels, pilot)

    def _coded(self, pixels: Pixels, quality: int) -> Pixels:
        """What coding makes of pixels."""
        latents = self._codec.latents
        y, z = self._codec.analyse(pixels, quality)
        found = latents.code(y, latents.code_hyper(z, quality), DeadZone(self._codec.model.shape))
        return self._codec.synthesise(found.latents, pixels.shape, quality)

    def _shrunk(self, noisy: Pixels, pilot: Pixels, noise: Array) -> Pixels:
        """The picture of noisy latents, each shrunk by what the pilot's and the noise's energy say."""
        y, wanted = (
            self._codec.analyse(one, FINE_QUALITY)[0][0] * np.float32(1 / TARGET_UNIT) for one in (noisy, pilot)
        )
        energy = np.square(wanted)
        y *= energy / (energy + NOISE_WEIGHT * np.square(noise))
        latents = np.clip(np.rint(y * (1 << STEP_BITS)), -LATENT_LIMIT, LATENT_LIMIT).astype(np.int16)
        return self._codec.synthesise(latents[None], noisy.shape, FINE_QUALITY)


def fitting_quality(sigma: float, channels: int) -> int:
    """The quality whose lambda is that of white noise of deviation ``sigma`` in levels: channels / (2 ln 2 sigma^2).

    Lambda weighs the mean of a pixel's ``channels`` squared errors, of which each is divided by 2 sigma^2 in the
    logarithm of a normal distribution.
    """
    wanted = channels / (2 * log(2) * sigma**2)
    position = log(wanted / MIN_LAMBDA) / log(MAX_LAMBDA / MIN_LAMBDA)
    quality = round(MIN_QUALITY + position * (MAX_QUALITY - MIN_QUALITY))
    return min(max(quality, MIN_QUALITY), MAX_QUALITY)


def _averaged(function: Callable[..., Pixels], *pictures: Pixels) -> Pixels:
    """The mean of what ``function`` makes of pictures of one size on every shift of the grid."""
    height, width = pictures[0].shape[:2]
    total = np.zeros(pictures[0].shape, np.uint32)
    for down, across in SHIFTS:
        margins = ((down, MARGIN), (across, MARGIN), (0, 0))
        made = function(*(np.pad(one, margins, mode="symmetric") for one in pictures))
        total += made[down : down + height, across : across + width]
    return np.asarray((total + len(SHIFTS) // 2) // len(SHIFTS), np.uint8)


@lru_cache(maxsize=8)
def _latent_noise(codec: Analysis, sigma: float, channels: int) -> Array:
    """Deviation of the latents of each channel where there is nothing but noise, float32 [M, 1, 1] in fine steps."""
    noise = np.random.default_rng(0).normal(0, sigma, (FLAT_SIDE, FLAT_SIDE, channels))
    flat = np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8)
    y = codec.analyse(flat, FINE_QUALITY)[0][0] * np.float32(1 / TARGET_UNIT)
    return np.asarray(np.maximum(y.std((1, 2)), 1 / TARGET_UNIT), np.float32)[:, None, None]
