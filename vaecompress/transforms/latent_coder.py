"""What the models of stills and of predicted frames share: how latents are coded under the entropy model."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.entropy.context_steps import group_masks
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS
from vaecompress.transforms import exact
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.hyperprior import SCALE_EXPONENT
from vaecompress.transforms.integer_signal import ArraySignal, IntegerSignal
from vaecompress.transforms.likelihoods import MAX_LOG2_SCALE, MIN_LOG2_SCALE, bounded
from vaecompress.transforms.signal import FloatSignal

Array = jax.Array

WITHIN_ROUNDING = 2.0**-16
"""More than float32 is off at the position of a quality: :func:`vaecompress.format.prior_set` then agrees."""

Quantiser = Callable[[Array, Array], Array]
"""Residuals and log2 scales [B, h, w, M] to what is coded of them."""

Choose = Callable[[Array, Array], Array]
"""Means and log2 scales [B, h, w, M] as a context step knows them to the residuals coded there."""

Hyper = tuple[ArraySignal, ArraySignal, ArraySignal]
"""What hyper-latents say of every latent: features, means and log2 scales."""


class Forward(NamedTuple):
    """What one forward pass gives.

    ``x_hat`` [B, H, W, 3] is the decoded picture, centred (levels / 256 - 1/2); ``y_likelihood`` [B, h, w, M] and
    ``z_likelihood`` [B, h/4, w/4, Z] are the probabilities of what is coded; ``residual`` and ``log2_scale``
    [B, h, w, M] are the coded residuals and the scales they are coded with; ``y_hat`` and ``z_hat`` the latents.
    """

    x_hat: Array
    y_likelihood: Array
    z_likelihood: Array
    residual: Array
    log2_scale: Array
    y_hat: Array
    z_hat: Array


class LatentCoder(nn.Module):
    """A module that codes latents; subclasses have ``hyper_analysis``, ``contexts`` and the two priors."""

    config: Any
    compute_dtype: Any = jnp.float32

    @property
    def latent_config(self) -> ModelConfig:
        """The configuration of the networks around the latents."""
        config: ModelConfig = self.config
        return config

    def prior_set(self, position: Array) -> Array:
        """Index [B] of the hyper-latent prior used at ``position`` [B]."""
        sets = self.latent_config.prior_sets
        return jnp.clip(jnp.floor(position * sets + WITHIN_ROUNDING), 0, sets - 1).astype(jnp.int32)

    def hyper_analyse(self, y: Array) -> Array:
        """Latents y to hyper-latents z [B, h/4, w/4, Z], not rounded."""
        return self._float(self.hyper_analysis(FloatSignal(self._cast(y))))

    def refine(
        self, step: int, features: ArraySignal, residual: Array, mean: ArraySignal, scale: ArraySignal
    ) -> tuple[ArraySignal, ArraySignal]:
        """Means and scales of context step ``step`` >= 1 from the residuals decoded so far (0 elsewhere)."""
        seen = jnp.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
        pair = self._signal(jnp.concatenate([seen, jnp.abs(seen)], axis=-1), 0, RESIDUAL_LIMIT, features.exact)
        refined: tuple[ArraySignal, ArraySignal] = self.contexts[step - 1](features, pair, mean, scale)
        return refined

    def _forward(
        self,
        y: Array,
        hyper_synthesise: Callable[[Array], Hyper],
        synthesise: Callable[[Array], Array],
        position: Array,
        noise: bool,
    ) -> Forward:
        """Round, code and decode the latents ``y``."""
        z = self.hyper_analyse(y)
        z_hat = exact.straight_through(z, jnp.clip(jnp.round(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT))
        residual, mean, log2_scale = self._code(y, hyper_synthesise(z_hat), quantise_residual)
        limit = LATENT_LIMIT / 2.0**STEP_BITS
        y_hat = bounded(mean + residual, -limit, limit)
        coded_y, coded_z = (self._noisy(y - mean), self._noisy(z)) if noise else (residual, z_hat)
        return Forward(
            x_hat=synthesise(y_hat),
            y_likelihood=self.residual_prior(coded_y, log2_scale),
            z_likelihood=self.hyper_prior(coded_z, self.prior_set(position)),
            residual=residual,
            log2_scale=log2_scale,
            y_hat=y_hat,
            z_hat=z_hat,
        )

    def _code(self, y: Array, hyper: Hyper, quantise: Quantiser) -> tuple[Array, Array, Array]:
        """Residuals, means and log2 scales of the latents ``y``, as :meth:`_walk`."""
        return self._walk(hyper, lambda mean, log2_scale: quantise(y - mean, log2_scale))

    def _walk(self, hyper: Hyper, choose: Choose) -> tuple[Array, Array, Array]:
        """Residuals, means and log2 scales of every latent, context step after context step."""
        features, mean, scale = hyper
        shape = mean.value.shape
        masks = group_masks(self.latent_config.context_steps, *shape[1:])
        residual, means, scales = jnp.zeros(shape), jnp.zeros(shape), jnp.zeros(shape)
        for step, mask in enumerate(masks):
            if step > 0:
                mean, scale = self.refine(step, features, residual, mean, scale)
            mean_now, scale_now = self._float(mean), self._float(scale)
            means, scales = jnp.where(mask, mean_now, means), jnp.where(mask, scale_now, scales)
            residual = jnp.where(mask, choose(mean_now, scale_now), residual)
        return residual, means, scales

    def _signal(self, value: Array, exponent: int, limit: int, exact_phase: bool) -> ArraySignal:
        if not exact_phase:
            return FloatSignal(self._cast(value))
        return IntegerSignal.uniform(value, value.shape[-1], exponent, limit)

    def _cast(self, x: Array) -> Array:
        return x.astype(self.compute_dtype)

    def _float(self, x: ArraySignal) -> Array:
        return jnp.asarray(x.value, jnp.float32)

    def _noisy(self, x: Array) -> Array:
        return x + jax.random.uniform(self.make_rng("noise"), x.shape, x.dtype, -0.5, 0.5)


def scale_index(log2_scale: Array) -> Array:
    """Index of the table for a scale: nearest eighth of an octave, clipped to the tables there are."""
    steps = 2.0**SCALE_EXPONENT
    index = jnp.round((log2_scale - MIN_LOG2_SCALE) * steps)
    return jnp.clip(index, 0, (MAX_LOG2_SCALE - MIN_LOG2_SCALE) * steps)


def quantise_residual(residual: Array, log2_scale: Array) -> Array:
    """Round, straight through; positions of the smallest scale are not coded: their residual is 0."""
    rounded = exact.straight_through(residual, jnp.round(residual))
    return jnp.where(scale_index(log2_scale) == 0, 0.0, rounded)
