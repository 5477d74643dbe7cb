"""The decoder's half of a model, as the loss sees it where the symbols are given: what trains on coded pictures."""

import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.format import LATENT_LIMIT, STEP_BITS
from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.likelihoods import bounded
from vaecompress.transforms.vae import HyperpriorVAE

Array = jax.Array

ENCODER = ("analysis", "hyper_analysis", "analysis_feature", "encoder_latent", "hyper_prior")
"""Parameters that nothing here depends on: of the encoder, and of a prior that fitted tables stand in for."""


class CodedVAE(HyperpriorVAE):
    """A model whose symbols were chosen by an encoder's search; it has the parameters of :class:`HyperpriorVAE`.

    Given symbols are those of a decoder: whatever it makes of them, an encoder can still send them. So what training
    gains on them is the least that a new search will find (compare arXiv 2506.08662).
    """

    def decode_symbols(self, symbols: Array, z_hat: Array, position: Array, exact_phase: bool = False) -> Forward:
        """Decode ``symbols`` [B, h, w, M] and hyper-latents ``z_hat`` [B, h/4, w/4, Z].

        Symbols are residuals; in the planes of lowest frequency, which no network codes, they are latents in steps.
        The likelihoods of those and of hyper-latents are 1: their bits are what they are.
        """
        gains = self.gains(position)
        plane = np.zeros(self.config.latent_channels, bool)
        plane[self.config.plane_channels] = True
        limit = LATENT_LIMIT / 2.0**STEP_BITS

        def choose(mean: Array, log2_scale: Array) -> Array:
            surprise = jax.lax.stop_gradient(jnp.floor(symbols - mean + 0.5))
            return jnp.where(plane, surprise, symbols)

        residual, mean, log2_scale = self._walk(self.hyper_synthesise(z_hat, gains, exact_phase), choose)
        y_hat = jnp.where(plane, symbols, bounded(mean + residual, -limit, limit))
        likelihood = self.residual_prior(residual, log2_scale)
        return Forward(
            x_hat=self.synthesise(y_hat, gains, exact_phase),
            y_likelihood=jnp.where(plane, 1.0, likelihood),
            z_likelihood=jnp.ones_like(z_hat),
            residual=residual,
            log2_scale=log2_scale,
            y_hat=y_hat,
            z_hat=z_hat,
        )
