"""The codec's model with what the training study varies in it: how quantisation is relaxed, how residuals spread."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.likelihoods import MAX_LOG2_SCALE, MIN_LOG2_SCALE, bounded, interval_mass
from vaecompress.transforms.synthesis import from_levels
from vaecompress.transforms.tfp import distributions as tfd
from vaecompress.transforms.vae import HyperpriorVAE

Array = jax.Array

_SHAPES: dict[str, Callable[[Array], Any]] = {
    "normal": lambda deviation: tfd.Normal(0.0, deviation),
    "laplace": lambda deviation: tfd.Laplace(0.0, deviation / math.sqrt(2.0)),
    "logistic": lambda deviation: tfd.Logistic(0.0, deviation * math.sqrt(3.0) / math.pi),
}


class StudyVAE(HyperpriorVAE):
    """:class:`HyperpriorVAE` whose residuals may follow another density of the same standard deviation."""

    prior: str = "two normals"

    def setup(self) -> None:
        super().setup()
        if self.prior in _SHAPES:
            self.residual_prior: Any = partial(_probability, _SHAPES[self.prior])

    def relaxed(self, levels: Array, position: Array, sharpness: Array | None) -> Forward:
        """Code pictures ``levels`` [B, H, W, 3] with noise (rng "noise") in place of rounding, everywhere.

        With ``sharpness`` what is noised is softly rounded first, and what is decoded is the mean of what it may have
        been (Agustsson and Theis 2020, arXiv 2006.09952, sections 4.1 and 4.2).
        """
        y = self.analyse(from_levels(levels), self.gains(position))
        z = self.hyper_analyse(y)
        y_noise, z_noise = self._noisy(jnp.zeros_like(y)), self._noisy(jnp.zeros_like(z))
        z_coded = soft_round(z, sharpness) + z_noise

        def relax(residual: Array, _: Array) -> Array:
            return soft_mean(soft_round(residual, sharpness) + y_noise, sharpness)

        forward = self.code_latents(y, soft_mean(z_coded, sharpness), position, relax)
        before = y - (forward.y_hat - forward.residual)
        y_coded = soft_round(before, sharpness) + y_noise
        return forward._replace(
            y_likelihood=self.residual_prior(y_coded, forward.log2_scale),
            z_likelihood=self.hyper_prior(z_coded, self.prior_set(position)),
        )


def soft_round(x: Array, sharpness: Array | None) -> Array:
    """x drawn towards the nearest integer, the more the higher ``sharpness`` is; x itself without one."""
    if sharpness is None:
        return x
    middle = jnp.floor(x) + 0.5
    return middle + 0.5 * jnp.tanh(sharpness * (x - middle)) / jnp.tanh(0.5 * sharpness)


def soft_mean(noisy: Array, sharpness: Array | None) -> Array:
    """The mean of x given ``soft_round(x)`` plus uniform noise, of x spread evenly."""
    if sharpness is None:
        return noisy
    shifted = noisy - 0.5
    middle = jnp.floor(shifted) + 0.5
    inside = jnp.clip(2.0 * (shifted - middle) * jnp.tanh(0.5 * sharpness), -1.0 + 1e-6, 1.0 - 1e-6)
    return middle + jnp.arctanh(inside) / sharpness + 0.5


def _probability(shape: Callable[[Array], Any], residual: Array, log2_scale: Array) -> Array:
    """Probability of the unit interval around ``residual`` at standard deviations 2 ** ``log2_scale``."""
    deviation = jnp.exp2(bounded(log2_scale, MIN_LOG2_SCALE, MAX_LOG2_SCALE))
    return interval_mass(shape(deviation), residual)
