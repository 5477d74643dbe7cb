"""The rate-distortion loss: (lambda D + R) / sqrt(lambda), lambda log-uniform over the batch.

D is squared error in 8-bit levels a sample, R bits a pixel. Dividing by sqrt(lambda) keeps every rate's gradient of
one size, so that no rate drowns the others.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaecompress.format import lambda_at
from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.likelihoods import bits
from vaecompress.transforms.synthesis import from_levels

Array = jax.Array

COLOURS = 3


class Measures(NamedTuple):
    """Of each sample [B]: rate of latents and hyper-latents in bits a pixel, and squared error in 8-bit levels."""

    y_bpp: Array
    z_bpp: Array
    squared_error: Array

    @property
    def bpp(self) -> Array:
        """Bits a pixel."""
        return self.y_bpp + self.z_bpp

    @property
    def psnr_db(self) -> Array:
        """Peak signal-to-noise ratio in dB."""
        return 10.0 * jnp.log10(255.0**2 / jnp.maximum(self.squared_error, 1e-3))


def positions(key: Array, batch_size: int) -> Array:
    """Stratified positions [B] in 0..1: one in each of B equal ranges, in order."""
    return (jnp.arange(batch_size, dtype=jnp.float32) + jax.random.uniform(key, (batch_size,))) / batch_size


def measure(levels: Array, forward: Forward) -> Measures:
    """Rate and distortion of each picture of ``levels`` [B, H, W, 3]; of [B, H, W, 4] none counts under alpha 0.

    The error is still divided by all pixels, as the rate is: what is hidden is as if it came back exactly.
    """
    pixels = levels.shape[1] * levels.shape[2]
    error = (forward.x_hat - from_levels(levels[..., :COLOURS])) * 256.0
    if levels.shape[-1] > COLOURS:
        error = jnp.where(levels[..., COLOURS:] > 0, error, 0.0)
    return Measures(
        y_bpp=jnp.sum(bits(forward.y_likelihood), axis=(1, 2, 3)) / pixels,
        z_bpp=jnp.sum(bits(forward.z_likelihood), axis=(1, 2, 3)) / pixels,
        squared_error=jnp.mean(error * error, axis=(1, 2, 3)),
    )


def rate_distortion(measures: Measures, position: Array) -> Array:
    """The loss of each sample [B]."""
    weight: Array = lambda_at(position)
    return (weight * measures.squared_error + measures.bpp) / jnp.sqrt(weight)
