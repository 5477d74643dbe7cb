"""Distances between a picture and its decoded copy: PSNR, SSIM, MS-SSIM; SSIMULACRA2 and VMAF where installed.

All functions take two RGB pictures, uint8 [H, W, 3], and measure them as they are: no cropping, no resizing.
PSNR and SSIM come from scikit-image. A value that does not exist is ``None``: the PSNR of equal pictures, the SSIM of a
picture smaller than its window, SSIMULACRA2 and VMAF without their packages.
"""

import io
import math
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .vmaf import vmaf_ffmpeg, vmaf_of_picture

Pixels = NDArray[np.uint8]

PEAK = 255.0
LUMA_BT601 = np.array([0.299, 0.587, 0.114])
SSIM_SIGMA = 1.5
SSIM_WINDOW = 11
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SSIMULACRA2_MIN_SIDE = 8
MS_SSIM_MIN_SIDE = (SSIM_WINDOW - 1) * 2 ** (len(MS_SSIM_WEIGHTS) - 1) + 1


@dataclass(frozen=True)
class Quality:
    """What is measured on one decoded picture or clip: dB, similarities from 0 to 1, two scores of at most 100.

    Of a clip every value is the mean over its frames; ``psnr_yuv_db`` is a clip's (6 Y + U + V) / 8.
    """

    psnr_rgb_db: float | None
    psnr_luma_db: float | None
    ssim: float | None
    ms_ssim: float | None
    ms_ssim_db: float | None
    ssimulacra2: float | None = None
    vmaf: float | None = None
    psnr_yuv_db: float | None = None


def measure(original: Pixels, decoded: Pixels) -> Quality:
    """Return every measure of ``decoded`` against ``original``; raises ValueError when their shapes differ."""
    if original.shape != decoded.shape:
        raise ValueError(f"pictures differ in shape: {original.shape} and {decoded.shape}")
    similarity = ms_ssim(original, decoded)
    return Quality(
        psnr_rgb_db=psnr(original, decoded),
        psnr_luma_db=psnr(luma(original), luma(decoded)),
        ssim=ssim(original, decoded),
        ms_ssim=similarity,
        ms_ssim_db=None if similarity is None else similarity_db(similarity),
        ssimulacra2=ssimulacra2(original, decoded),
        vmaf=vmaf_of_picture(original, decoded),
    )


def psnr(original: NDArray[np.generic], decoded: NDArray[np.generic]) -> float | None:
    """Peak signal-to-noise ratio in dB over all samples for a peak of 255; ``None`` when the arrays are equal."""
    if np.array_equal(original, decoded):
        return None
    from skimage.metrics import peak_signal_noise_ratio

    return float(peak_signal_noise_ratio(original, decoded, data_range=PEAK))


def luma(pixels: Pixels) -> NDArray[np.float64]:
    """BT.601 luma, float64 [H, W], not rounded."""
    result: NDArray[np.float64] = pixels @ LUMA_BT601
    return result


def ssim(original: Pixels, decoded: Pixels) -> float | None:
    """Mean SSIM over the channels, Gaussian window as in Wang et al. 2004; ``None`` below 11 pixels a side."""
    if min(original.shape[:2]) < SSIM_WINDOW:
        return None
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            original,
            decoded,
            data_range=PEAK,
            channel_axis=2,
            gaussian_weights=True,
            sigma=SSIM_SIGMA,
            use_sample_covariance=False,
        )
    )


def ms_ssim(original: Pixels, decoded: Pixels) -> float | None:
    """MS-SSIM, five scales, mean over the three channels; ``None`` when the coarsest scale is smaller than the window.

    Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment" (2003), section 3.2;
    negative terms count as zero, as in other implementations.
    """
    if min(original.shape[:2]) < MS_SSIM_MIN_SIDE:
        return None
    a, b = original.astype(np.float64), decoded.astype(np.float64)
    result = np.ones(original.shape[2])
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        similarity, contrast = _ssim_terms(a, b)
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        result *= np.maximum(similarity if last else contrast, 0.0) ** weight
        if not last:
            a, b = _halve(a), _halve(b)
    return float(result.mean())


def missing_measures() -> dict[str, str]:
    """Measures that need a package which is not here, each with the command that installs it."""
    commands = {
        "SSIMULACRA2": None if has_ssimulacra2() else "pip install ssimulacra2",
        "VMAF": None if vmaf_ffmpeg() else "pip install imageio-ffmpeg",
    }
    return {name: command for name, command in commands.items() if command}


def has_ssimulacra2() -> bool:
    """Whether ``pip install ssimulacra2`` was done."""
    return find_spec("ssimulacra2") is not None


def ssimulacra2(original: Pixels, decoded: Pixels) -> float | None:
    """SSIMULACRA2's score, from the package of that name; ``None`` without it or below 8 pixels a side."""
    if not has_ssimulacra2() or min(original.shape[:2]) < SSIMULACRA2_MIN_SIDE:
        return None
    return float(import_module("ssimulacra2").compute_ssimulacra2(_as_file(original), _as_file(decoded)))


def _as_file(pixels: Pixels) -> io.BytesIO:
    """The form the package reads."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PPM")
    return file


def similarity_db(similarity: float) -> float | None:
    """A similarity in 0..1 on the usual logarithmic scale: -10 log10(1 - s); ``None`` for 1."""
    return None if similarity >= 1.0 else -10.0 * math.log10(1.0 - similarity)


def _ssim_terms(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean SSIM and mean contrast-structure term of each channel, over the windows that lie inside the picture."""
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    product = mean_a * mean_b
    energy = mean_a**2 + mean_b**2
    contrast = (2.0 * (_blur(a * b) - product) + c2) / (_blur(a * a + b * b) - energy + c2)
    similarity = contrast * (2.0 * product + c1) / (energy + c1)
    return similarity.mean(axis=(0, 1)), contrast.mean(axis=(0, 1))


def _blur(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian window mean at every position where the whole window lies inside: [H, W, C] -> [H - 10, W - 10, C]."""
    from scipy.ndimage import correlate1d

    radius = SSIM_WINDOW // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SSIM_SIGMA) ** 2)
    kernel /= kernel.sum()
    rows = correlate1d(plane, kernel, axis=0)[radius:-radius]
    result: NDArray[np.float64] = correlate1d(rows, kernel, axis=1)[:, radius:-radius]
    return result


def _halve(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of 2x2 blocks; an odd last row or column is repeated."""
    height, width, channels = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    result: NDArray[np.float64] = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels).mean(axis=(1, 3))
    return result
