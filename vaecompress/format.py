"""The numbers of FORMAT.md, once: grids, bounds and the meaning of a quality.

FORMAT.md, "Decoding a picture". ``tests/test_format_numbers.py`` holds this file against that text.
"""

from typing import Any

PATCH = 16
"""Side of a latent position in pixels."""

HYPER_FACTOR = 4
"""A hyper-latent position has this many latent positions along each side."""

HYPER_PATCH = PATCH * HYPER_FACTOR
"""Side of a hyper-latent position in pixels; pictures are padded to a multiple of it."""

STEP_BITS = 4
"""Means and latents count 1/16 of a quantisation step."""

LATENT_LIMIT = (1 << 13) - 1
HYPER_LATENT_LIMIT = 127
RESIDUAL_LIMIT = 127
"""Bounds of a latent, a hyper-latent, and of what a context step is told of a residual; each on both sides of zero."""

SCALE_LIMIT = 127
"""Bound of a scale in steps of 1/8 of an octave, on both sides of zero."""

FILTER_DIRECTIONS = (((0, 1), (1, 0)), ((1, 1), (1, -1)), ((0, 2), (2, 0)))
"""Offsets from the earlier to the later pixel of pairs in the pixel filter: nearest, diagonal, two apart."""

FILTER_BOUNDS = ((7, 34), (6, 28), (10, 48))
"""Where it clips differences, in levels, in each of its planes R + G + B, R - B and R - 2 G + B."""

FILTER_WEIGHT_BITS = 8
FILTER_STRENGTH_BITS = 2
FILTER_MAX_STRENGTH = 8
"""Its weights count 1/256 of a level, its strength quarters."""

MIN_QUALITY, MAX_QUALITY, DEFAULT_QUALITY = 1, 100, 60
QUALITIES = MAX_QUALITY - MIN_QUALITY + 1

MIN_LAMBDA, MAX_LAMBDA = 0.0005, 0.1
"""Lambda of the lowest and of the highest quality, on squared error in 8-bit levels a sample against bits per pixel."""

PREDICTION_CHANNELS = 7
"""What the networks of predicted frames see of a prediction: its mean, the difference of its halves, and its energy."""

MEAN_LIMIT, DIFFERENCE_LIMIT, ENERGY_LIMIT = 128, 127, 255
"""Bounds of the three, in 8-bit levels; larger differences are clipped."""

MODEL_ID_BYTES, MODEL_IDENTITY_BYTES = 8, 32
MODEL_TAIL_BYTES = MODEL_IDENTITY_BYTES + 4
"""A model file ends with its identity, which begins with the id by which streams name it, and a CRC-32."""


def quality_position(quality: float) -> float:
    """Quality 1..100 as a position 0..1 on the logarithmic lambda axis."""
    return (quality - MIN_QUALITY) / (MAX_QUALITY - MIN_QUALITY)


def lambda_at(position: Any) -> Any:
    """Lambda at a position 0..1, a float or an array of any library: log-linear from MIN_LAMBDA to MAX_LAMBDA."""
    return MIN_LAMBDA * (MAX_LAMBDA / MIN_LAMBDA) ** position


def quality_lambda(quality: float) -> float:
    """Lambda of a quality: what models are trained with, and what an encoder's search goes by."""
    return float(lambda_at(quality_position(quality)))


def prior_set(quality: int, prior_sets: int) -> int:
    """Which of ``prior_sets`` sets of hyper-latent tables ``quality`` uses: 0..prior_sets - 1."""
    return min((quality - MIN_QUALITY) * prior_sets // (MAX_QUALITY - MIN_QUALITY), prior_sets - 1)
