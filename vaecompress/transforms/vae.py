"""The whole model as one Flax module: networks, gains and priors, as the loss sees it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.entropy.context_steps import group_masks
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS
from vaecompress.transforms import exact, linear
from vaecompress.transforms.analysis import Analysis, HyperAnalysis
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.hyperprior import SCALE_EXPONENT, Context, HyperSynthesis
from vaecompress.transforms.integer_signal import ArraySignal, IntegerSignal
from vaecompress.transforms.likelihoods import MAX_LOG2_SCALE, MIN_LOG2_SCALE, FactorizedPrior, ResidualPrior, bounded
from vaecompress.transforms.quality import GainTable
from vaecompress.transforms.signal import FloatSignal
from vaecompress.transforms.synthesis import Synthesis, from_levels

Array = jax.Array
WITHIN_ROUNDING = 2.0**-16
"""More than float32 is off at the position of a quality: :func:`vaecompress.format.prior_set` then agrees."""

Variables = dict[str, Any]
"""The collections ``params`` and ``ranges`` of a module."""

Quantiser = Callable[[Array, Array], Array]
"""Residuals and log2 scales [B, h, w, M] to what is coded of them."""


class Gains(NamedTuple):
    """Gains [B, C] of a batch: what one quality means to every network that sees it."""

    analysis_feature: Array
    encoder_latent: Array
    hyper_feature: Array
    decoder_latent: Array
    synthesis_feature: Array


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


class HyperpriorVAE(nn.Module):
    """Quantised latents, a hyperprior and context steps, one model for all rates.

    After Ballé et al. 2018 (arXiv 1802.01436) and Minnen et al. 2018 (arXiv 1809.02736).

    ``position`` [B] in 0..1 is the quality on the logarithmic lambda axis. With ``compute_dtype`` bfloat16 the
    networks run in it in the float phase; the exact phase needs float32.
    """

    config: ModelConfig
    compute_dtype: Any = jnp.float32

    def setup(self) -> None:
        config = self.config
        anchors, start = config.quality_anchors, linear.initial_log2_gain(config)
        self.analysis = Analysis(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.hyper_synthesis = HyperSynthesis(config)
        self.contexts = [Context(config) for _ in range(config.context_steps - 1)]
        self.synthesis = Synthesis(config)
        self.analysis_feature = GainTable(anchors, config.analysis_width8)
        self.encoder_latent = GainTable(anchors, config.latent_channels, start)
        self.hyper_feature = GainTable(anchors, config.entropy_width)
        self.decoder_latent = GainTable(anchors, config.latent_channels, -start)
        self.synthesis_feature = GainTable(anchors, config.synthesis_width16)
        self.residual_prior = ResidualPrior()
        self.hyper_prior = FactorizedPrior(config.hyper_latent_channels, config.prior_sets)

    def gains(self, position: Array) -> Gains:
        """Every gain at ``position`` [B]."""
        return Gains(
            self.analysis_feature(position),
            self.encoder_latent(position),
            self.hyper_feature(position),
            self.decoder_latent(position),
            self.synthesis_feature(position),
        )

    def prior_set(self, position: Array) -> Array:
        """Index [B] of the hyper-latent prior used at ``position`` [B]."""
        sets = self.config.prior_sets
        return jnp.clip(jnp.floor(position * sets + WITHIN_ROUNDING), 0, sets - 1).astype(jnp.int32)

    def analyse(self, x: Array, gains: Gains) -> Array:
        """Centred picture [B, H, W, 3] (sides multiples of 64) to latents y [B, H/16, W/16, M]."""
        signal = self.analysis(FloatSignal(self._cast(x)), gains.analysis_feature, gains.encoder_latent)
        return self._float(signal)

    def hyper_analyse(self, y: Array) -> Array:
        """Latents y to hyper-latents z [B, h/4, w/4, Z], not rounded."""
        return self._float(self.hyper_analysis(FloatSignal(self._cast(y))))

    def hyper_synthesise(
        self, z_hat: Array, gains: Gains, exact_phase: bool
    ) -> tuple[ArraySignal, ArraySignal, ArraySignal]:
        """Integer hyper-latents to features, means and log2 scales."""
        z = self._signal(z_hat, 0, HYPER_LATENT_LIMIT, exact_phase)
        return self.hyper_synthesis(z, gains.hyper_feature)

    def refine(
        self, step: int, features: ArraySignal, residual: Array, mean: ArraySignal, scale: ArraySignal
    ) -> tuple[ArraySignal, ArraySignal]:
        """Means and scales of context step ``step`` >= 1 from the residuals decoded so far (0 elsewhere)."""
        seen = jnp.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
        pair = self._signal(jnp.concatenate([seen, jnp.abs(seen)], axis=-1), 0, RESIDUAL_LIMIT, features.exact)
        return self.contexts[step - 1](features, pair, mean, scale)

    def synthesise(self, y_hat: Array, gains: Gains, exact_phase: bool) -> Array:
        """Latents to the centred picture."""
        y = self._signal(y_hat, STEP_BITS, LATENT_LIMIT, exact_phase)
        return self._float(self.synthesis(y, gains.decoder_latent, gains.synthesis_feature))

    def __call__(self, levels: Array, position: Array, exact_phase: bool = False, noise: bool = False) -> Forward:
        """Code pictures ``levels`` [B, H, W, 3] (0..255). ``noise`` (rng "noise"): likelihoods under uniform noise."""
        gains = self.gains(position)
        y = self.analyse(from_levels(levels), gains)
        z = self.hyper_analyse(y)
        z_hat = exact.straight_through(z, jnp.clip(jnp.round(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT))
        residual, mean, log2_scale = self._code(y, z_hat, gains, exact_phase, quantise_residual)
        limit = LATENT_LIMIT / 2.0**STEP_BITS
        y_hat = bounded(mean + residual, -limit, limit)
        coded_y, coded_z = (self._noisy(y - mean), self._noisy(z)) if noise else (residual, z_hat)
        return Forward(
            x_hat=self.synthesise(y_hat, gains, exact_phase),
            y_likelihood=self.residual_prior(coded_y, log2_scale),
            z_likelihood=self.hyper_prior(coded_z, self.prior_set(position)),
            residual=residual,
            log2_scale=log2_scale,
            y_hat=y_hat,
            z_hat=z_hat,
        )

    def code_latents(self, y: Array, z_hat: Array, position: Array, quantise: Quantiser) -> Forward:
        """Code latents y [B, h, w, M] as they are given, in float, ``quantise`` in place of rounding."""
        gains = self.gains(position)
        residual, mean, log2_scale = self._code(y, z_hat, gains, False, quantise)
        y_hat = mean + residual
        return Forward(
            x_hat=self.synthesise(y_hat, gains, False),
            y_likelihood=self.residual_prior(residual, log2_scale),
            z_likelihood=self.hyper_prior(z_hat, self.prior_set(position)),
            residual=residual,
            log2_scale=log2_scale,
            y_hat=y_hat,
            z_hat=z_hat,
        )

    def _code(
        self, y: Array, z_hat: Array, gains: Gains, exact_phase: bool, quantise: Quantiser
    ) -> tuple[Array, Array, Array]:
        """Residuals, means and log2 scales of every latent, context step after context step."""
        features, mean, scale = self.hyper_synthesise(z_hat, gains, exact_phase)
        masks = group_masks(self.config.context_steps, *y.shape[1:])
        residual, means, scales = jnp.zeros_like(y), jnp.zeros_like(y), jnp.zeros_like(y)
        for step, mask in enumerate(masks):
            if step > 0:
                mean, scale = self.refine(step, features, residual, mean, scale)
            mean_now, scale_now = self._float(mean), self._float(scale)
            means, scales = jnp.where(mask, mean_now, means), jnp.where(mask, scale_now, scales)
            residual = jnp.where(mask, quantise(y - mean_now, scale_now), residual)
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


def init_variables(model: HyperpriorVAE, seed: int) -> Variables:
    """Fresh parameters and empty calibration."""
    variables: Variables = _initialise(model, jax.random.key(seed))
    return variables


@partial(jax.jit, static_argnums=0)
def _initialise(model: HyperpriorVAE, key: Array) -> Variables:
    keys = dict(zip(("params", "noise"), jax.random.split(key), strict=True))
    return dict(model.init(keys, jnp.zeros((1, 64, 64, 3)), jnp.zeros((1,))))
