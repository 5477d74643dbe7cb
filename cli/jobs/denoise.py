"""Removing noise from a picture, for the verbs that do."""

import argparse
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..options import positive_number

if TYPE_CHECKING:
    from vaecompress.media.image import Image
    from vaecompress.models.loaded import LoadedModel

NOISE_HELP = "standard deviation of the noise in 8-bit levels (estimated from the picture)"
ESTIMATED = 0.0
"""Stands for a noise that is to be estimated."""


def noise(text: str) -> float:
    """What follows ``--denoise``: a noise above zero."""
    try:
        return positive_number(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; without one, --denoise is the last word") from None


def denoised(
    image: "Image", sigma: float | None, model: "LoadedModel", progress: Callable[[int, int], None] | None = None
) -> tuple["Image", float]:
    """A picture without its noise, and what that was taken to be: ``sigma`` where given, else an estimate."""
    from vaecompress.apply.denoise import Denoiser
    from vaecompress.apply.noise import estimate_noise

    sigma = sigma or estimate_noise(image.pixels)
    pixels = Denoiser(model).denoise(image.pixels, sigma, progress)
    return dataclasses.replace(image, pixels=pixels), sigma
