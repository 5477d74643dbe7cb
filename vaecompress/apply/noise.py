"""How noisy a picture is: the standard deviation of white noise in it, from the picture alone.

White noise is as strong in every frequency, pictures are not: of 8x8 patches those with the least energy in low
frequencies are the flattest, and what they have in high ones is noise. Which patches are taken does not depend on their
noise there, so nothing is biased. Near black and white, noise is cut off: how much of it is left is reckoned in.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels

Array = npt.NDArray[Any]

PATCH = 8
MOST_PATCHES = 40_000
"""So many are looked at, spread evenly."""

FLATTEST = 0.1
"""The share of them that is taken."""

LOW, HIGH = range(1, 5), range(9, 15)
"""Half waves down and across together that are called low and high."""

EDGE = 3.0
"""Patches whose mean is nearer to black or white than so many levels say nothing."""

MOST_NOISE = 128.0
LEAST_NOISE = 0.5
"""Rounding to 8 bits looks like noise of 0.3 levels: an estimate below this is 0."""

QUANTILES = np.array([NormalDist().inv_cdf((place + 0.5) / 256) for place in range(256)])


def estimate_noise(pixels: Pixels) -> float:
    """Standard deviation in 8-bit levels of white noise in pixels uint8 [height, width, 1 or 3]; 0 of tiny pictures.

    Noise that neighbours share, as that of enlarged and of JPEG pictures, counts for less than it shows.
    """
    if min(pixels.shape[:2]) < PATCH:
        return 0.0
    patches = _patches(pixels)
    means = patches.mean((1, 2))
    inside = (means > EDGE) & (means < 255 - EDGE)
    if not inside.any():
        return 0.0
    waves = _cosines()
    energy = np.square(np.einsum("ui,nij,vj->nuv", waves, patches[inside], waves, optimize=True))
    frequency = np.add.outer(np.arange(PATCH), np.arange(PATCH))
    low = energy[:, np.isin(frequency, LOW)].mean(1)
    flattest = np.argsort(low, kind="stable")[: max(1, int(FLATTEST * len(low)))]
    seen = float(energy[flattest][:, np.isin(frequency, HIGH)].mean())
    sigma = _deviation(seen, means[inside][flattest])
    return sigma if sigma >= LEAST_NOISE else 0.0


def _patches(pixels: Pixels) -> Array:
    """Patches of every colour, float32 [n, 8, 8], evenly spread."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (PATCH, PATCH, 1))
    rows, columns, channels = windows.shape[:3]
    step = max(1, int(np.ceil(np.sqrt(rows * columns * channels / MOST_PATCHES))))
    return np.asarray(windows[::step, ::step].reshape(-1, PATCH, PATCH), np.float32)


def _deviation(seen: float, means: Array) -> float:
    """The deviation whose variance, cut off at black and white, is ``seen`` over patches of these means; bisection."""
    below, above = 0.0, MOST_NOISE
    for _ in range(20):
        middle = (below + above) / 2
        if _variance_left(middle, means) < seen:
            below = middle
        else:
            above = middle
    return above


def _variance_left(sigma: float, means: Array) -> float:
    """Mean variance of noise of ``sigma``, cut off at 0 and 255, in patches that look as bright as ``means``."""
    bright = np.linspace(-3 * sigma, 255 + 3 * sigma, 256)
    cut = np.clip(bright[:, None] + sigma * QUANTILES, 0, 255)
    return float(np.interp(means, cut.mean(1), cut.var(1)).mean())


def _cosines() -> Array:
    """The orthonormal DCT-II of 8 samples, [frequency, place]."""
    frequency, place = np.ogrid[:PATCH, :PATCH]
    waves = np.cos(np.pi * frequency * (place + 0.5) / PATCH) * np.sqrt(2 / PATCH)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)
