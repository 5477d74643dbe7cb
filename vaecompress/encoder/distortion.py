"""Squared error as stills count it, and as videos do, whose chroma is half as fine; and what it counts where."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels, squared_error
from vaecompress.encoder.effort import ErrorWeights
from vaecompress.errors import UsageError
from vaecompress.format import PATCH
from vaecompress.media.padding import pad_edge

Array = npt.NDArray[Any]
Matrix = npt.NDArray[np.float32]

YUV = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""Luma and the two colour differences of RGB, full range (ITU-R BT.601-7, 2.5)."""

ROWS_AT_ONCE = 256

TUNES = ("psnr", "ssim")
"""Every error counts alike, or less where busy surroundings hide it."""

BLOCK = 8


class Distortion(Hashable, Protocol):
    """A squared error that is a linear map of a 16x16 patch's error, squared; equal ones are the same map."""

    def total(self, original: Pixels, decoded: Pixels, weights: Array | None = None) -> float:
        """Distortion of a picture [H, W, C]: the mean squared error a pixel, times pixels.

        ``weights`` [h, w] say what an error counts in each 16x16 patch.
        """
        ...

    def map(self, patches: Array) -> Array:
        """Errors of patches (row, column, colour) [768, ...] in levels to what is squared and summed [K, ...]."""
        ...


@dataclass(frozen=True)
class ColourError:
    """Squared error over the samples of a picture of 1 or 3 ``channels``."""

    channels: int = 3

    def total(self, original: Pixels, decoded: Pixels, weights: Array | None = None) -> float:
        """See :class:`Distortion`."""
        if weights is None:
            return squared_error(original, decoded) / self.channels
        return sum(float(np.square(error).sum()) for error in _errors(original, decoded, weights)) / self.channels

    def map(self, patches: Array) -> Array:
        """See :class:`Distortion`."""
        return np.asarray(patches / np.float32(np.sqrt(3.0)))


@dataclass(frozen=True)
class VideoError:
    """Squared error of Y at every pixel, and of U and V averaged over 2x2 pixels, each sample counting alike a plane.

    Videos are 4:2:0, and measured so. In the mean of decibels (6 Y + U + V) / 8 a plane's squared error counts by the
    inverse of its size, 1 / (6 r) of luma's; with errors of chroma a tenth to a quarter of luma's that is about 1.
    """

    def total(self, original: Pixels, decoded: Pixels, weights: Array | None = None) -> float:
        """See :class:`Distortion`. Odd sides: their last row and column count half as much in chroma."""
        total = 0.0
        for error in _errors(original, decoded, weights):
            y, u, v = _planes(np.pad(error, ((0, len(error) % 2), (0, error.shape[1] % 2), (0, 0))))
            halves = [plane.reshape(len(plane) // 2, 2, -1, 2).mean((1, 3)) for plane in (u, v)]
            total += float(np.square(y).sum()) + 4.0 * sum(float(np.square(half).sum()) for half in halves)
        return total

    def map(self, patches: Array) -> Array:
        """See :class:`Distortion`."""
        rest = patches.shape[1:]
        y, u, v = _planes(patches.reshape(PATCH, PATCH, 3, -1))
        halves = [plane.reshape(PATCH // 2, 2, PATCH // 2, 2, -1).mean((1, 3)) * 2.0 for plane in (u, v)]
        parts = [plane.reshape(-1, *rest) for plane in (y, *halves)]
        return np.asarray(np.concatenate(parts), np.float32)


def _errors(original: Pixels, decoded: Pixels, weights: Array | None) -> Iterator[Array]:
    """Errors in levels, float32 [rows, W, C], band by band; each times the square root of its patch's weight."""
    for top in range(0, len(original), ROWS_AT_ONCE):
        error = original[top : top + ROWS_AT_ONCE].astype(np.float32) - decoded[top : top + ROWS_AT_ONCE]
        if weights is not None:
            rows = np.sqrt(weights[top // PATCH : (top + ROWS_AT_ONCE) // PATCH])
            error *= np.kron(rows, np.ones((PATCH, PATCH), np.float32))[: len(error), : error.shape[1], None]
        yield error


def _planes(error: Array) -> list[Array]:
    """Y, U and V of RGB errors [height, width, 3, ...], [height, width, ...] each."""
    return [red * error[:, :, 0] + green * error[:, :, 1] + blue * error[:, :, 2] for red, green, blue in YUV]


def weights_of(tune: str) -> ErrorWeights | None:
    """The weights of one of :data:`TUNES`; None where every error counts alike. Raises UsageError for another."""
    if tune not in TUNES:
        raise UsageError(f"tune is {tune}: must be one of {', '.join(TUNES)}")
    return ssim_weights if tune == "ssim" else None


def ssim_weights(pixels: Pixels) -> Matrix:
    """Less weight to errors that busy surroundings hide, as SSIM has it: [h, w] of pixels [H, W, 1 or 3].

    The curve of libaom's ``tune=ssim`` (``set_mb_ssim_rdmult_scaling`` in its ``av1/encoder/encoder.c``), of the mean
    variance of luma in a patch's blocks of 8x8.
    """
    colours = np.moveaxis(pixels.astype(np.float32), 2, 0)
    luma = colours[0] if len(colours) == 1 else sum(weight * one for weight, one in zip(YUV[0], colours, strict=True))
    blocks = pad_edge(luma[:, :, None], PATCH)
    blocks = blocks.reshape(len(blocks) // BLOCK, BLOCK, -1, BLOCK)
    variance: Array = blocks.var(axis=(1, 3))
    factor = PATCH // BLOCK
    variance = variance.reshape(len(variance) // factor, factor, -1, factor).mean(axis=(1, 3))
    return normalised(1.0 / (67.035434 * (1.0 - np.exp(-0.0021489 * variance)) + 17.492222))


def normalised(weights: Array) -> Matrix:
    """``weights`` scaled to a geometric mean of 1, so that a file keeps about its size."""
    return np.asarray(weights / np.exp(np.mean(np.log(weights))), np.float32)
