"""The losses that the training study compares, on pictures in 8-bit levels."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.format import MAX_LAMBDA, MIN_LAMBDA, lambda_at

from ..measure.metrics import MS_SSIM_WEIGHTS, PEAK, SSIM_SIGMA, SSIM_WINDOW
from .rows import Distortion

Array = jax.Array

SMOOTH_L1_LEVELS = 8.0
MS_SSIM_UNIT = 1500.0
"""Squared error that 1 - MS-SSIM = 1 stands for: about their ratio in pictures coded at 0.1 to 1 bit a pixel."""


def distortion(kind: Distortion, levels: Array, decoded: Array) -> Array:
    """Distortion [B] of pictures [B, H, W, 3], in squared levels or what stands for them: lambda keeps its size."""
    error = decoded - levels
    if kind == "mse":
        return jnp.mean(error * error, axis=(1, 2, 3))
    if kind == "smooth-l1":
        size, bend = jnp.abs(error), SMOOTH_L1_LEVELS
        return jnp.mean(jnp.where(size < bend, size * size, bend * (2.0 * size - bend)), axis=(1, 2, 3))
    unlike = MS_SSIM_UNIT * (1.0 - ms_ssim(levels, decoded))
    return unlike if kind == "ms-ssim" else 0.5 * (unlike + distortion("mse", levels, decoded))


def weighted(distorted: Array, bpp: Array, position: Array, power: float = 0.5) -> Array:
    """(lambda D + R) / lambda^power of each sample [B], scaled to be the same for every power at the middle lambda."""
    weight: Array = lambda_at(position)
    middle = (MIN_LAMBDA * MAX_LAMBDA) ** 0.5
    scale: Array = weight**-power * middle ** (power - 0.5)
    return (weight * distorted + bpp) * scale


def ms_ssim(levels: Array, decoded: Array) -> Array:
    """MS-SSIM [B] of pictures [B, H, W, 3], mean over the channels, on as many of the five scales as have room.

    Wang, Simoncelli and Bovik 2003, section 3.2; the weights of fewer scales are scaled to the same sum.
    """
    room = min(levels.shape[1:3])
    scales = [scale for scale in range(len(MS_SSIM_WEIGHTS)) if room >> scale >= SSIM_WINDOW]
    total = sum(MS_SSIM_WEIGHTS[scale] for scale in scales)
    result = jnp.ones((levels.shape[0], levels.shape[3]))
    for scale in scales:
        similarity, contrast = _ssim_terms(levels, decoded)
        term = similarity if scale == scales[-1] else contrast
        result *= jnp.maximum(term, 1e-3) ** (MS_SSIM_WEIGHTS[scale] * sum(MS_SSIM_WEIGHTS) / total)
        levels, decoded = _halve(levels), _halve(decoded)
    return jnp.mean(result, axis=1)


def _ssim_terms(a: Array, b: Array) -> tuple[Array, Array]:
    """Means [B, C] of SSIM and of its contrast-structure term over the windows inside the pictures."""
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    product, energy = mean_a * mean_b, mean_a**2 + mean_b**2
    contrast = (2.0 * (_blur(a * b) - product) + c2) / (_blur(a * a + b * b) - energy + c2)
    similarity = contrast * (2.0 * product + c1) / (energy + c1)
    return jnp.mean(similarity, axis=(1, 2)), jnp.mean(contrast, axis=(1, 2))


def _blur(planes: Array) -> Array:
    """Gaussian window mean wherever the whole window lies inside: [B, H, W, C] -> [B, H - 10, W - 10, C]."""
    rows, columns = _window_matrix(planes.shape[1]), _window_matrix(planes.shape[2])
    return jnp.einsum("ih,jw,bhwc->bijc", rows, columns, planes)


@cache
def _window_matrix(length: int) -> npt.NDArray[np.float32]:
    """[length - 10, length]: row i averages samples i .. i + 10. A product is quicker to differentiate than shifts."""
    radius = SSIM_WINDOW // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SSIM_SIGMA) ** 2)
    matrix = np.zeros((length - 2 * radius, length), np.float32)
    for row in range(len(matrix)):
        matrix[row, row : row + SSIM_WINDOW] = kernel / kernel.sum()
    return matrix


def _halve(planes: Array) -> Array:
    """Means of 2x2; an odd last row or column is left out."""
    batch, height, width, channels = planes.shape
    even = planes[:, : height // 2 * 2, : width // 2 * 2]
    return jnp.mean(even.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
