"""Regions that matter more: a mask to weights of patches. The decoder and the format know nothing of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.encoder.effort import Effort
from vaecompress.format import PATCH
from vaecompress.limits import Limits
from vaecompress.media.image_read import read_image
from vaecompress.media.padding import pad_edge

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.uint8]

OUTSIDE_WEIGHT = 1 / 16
"""What squared error counts for where a mask is black; where it is white it counts in full."""


def patch_weights(mask: Mask) -> npt.NDArray[np.float32]:
    """Weights [h, w] of the 16x16 patches of a picture from its mask, uint8 [height, width].

    A patch weighs what its whitest pixel does: OUTSIDE_WEIGHT where that is 0, 1 where it is 255, and between them in
    equal ratios.
    """
    padded = pad_edge(mask[:, :, None], PATCH)[:, :, 0]
    height, width = (side // PATCH for side in padded.shape)
    whitest = padded.reshape(height, PATCH, width, PATCH).max((1, 3))
    return np.asarray(OUTSIDE_WEIGHT ** (1 - whitest / 255), np.float32)


def masked(effort: Effort, mask: Mask) -> Effort:
    """``effort`` for a picture of which ``mask`` says what matters, beside what the effort's own weights say."""
    weights, own = patch_weights(mask), effort.weights
    return replace(effort, weights=lambda pixels: weights if own is None else weights * own(pixels))


def read_mask(path: Path, width: int, height: int, limits: Limits) -> tuple[Mask, list[str]]:
    """The mask in a picture file, uint8 [height, width], scaled to that size where it has another, and notes on that.

    Of colours the mean counts; what is transparent is black. Raises InputError and LimitError as reading does.
    """
    image, _ = read_image(path, limits)
    grey = image.pixels.mean(2) if image.alpha is None else image.pixels.mean(2) * (image.alpha / 255)
    mask = np.rint(grey).astype(np.uint8)
    if mask.shape == (height, width):
        return mask, []
    scaled = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR))
    return scaled, [f"mask of {image.width}x{image.height} scaled to {width}x{height}"]
