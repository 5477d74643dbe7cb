"""The model of a predicted frame as one Flax module: networks, gains and priors, as the loss sees it."""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.entropy.context_steps import group_masks
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, RESIDUAL_LIMIT, STEP_BITS
from vaecompress.transforms import exact, linear
from vaecompress.transforms.analysis import HyperAnalysis
from vaecompress.transforms.config import VideoConfig
from vaecompress.transforms.hyperprior import Context
from vaecompress.transforms.integer_signal import ArraySignal, IntegerSignal
from vaecompress.transforms.likelihoods import FactorizedPrior, ResidualPrior, bounded
from vaecompress.transforms.quality import GainTable
from vaecompress.transforms.signal import FloatSignal
from vaecompress.transforms.temporal import (
    PREDICTION_EXPONENT,
    PREDICTION_LIMITS,
    Condition,
    Conditioning,
    PredictedAnalysis,
    PredictedHyperSynthesis,
    PredictedSynthesis,
    describe_prediction,
    mean_prediction,
)
from vaecompress.transforms.vae import WITHIN_ROUNDING, Forward, Quantiser, quantise_residual

Array = jax.Array


class PredictedGains(NamedTuple):
    """Gains [B, C] of a batch: what one quality means to every network of predicted frames.

    ``condition_feature`` is of frames with two references, ``condition_past`` of those with one.
    """

    condition_feature: Array
    condition_past: Array
    analysis_feature: Array
    encoder_latent: Array
    hyper_feature: Array
    decoder_latent: Array
    synthesis_feature: Array


class PredictedVAE(nn.Module):
    """Latents of what a prediction missed, under a hyperprior and context steps that know the prediction.

    Pictures and predictions [B, H, W, 3] are 8-bit levels, whole numbers held as floats; ``position`` [B] in 0..1 is
    the quality on the logarithmic lambda axis. With ``compute_dtype`` bfloat16 the networks run in it in the float
    phase.
    """

    config: VideoConfig
    compute_dtype: Any = jnp.float32

    def setup(self) -> None:
        config = self.config.latents
        anchors, start = config.quality_anchors, linear.initial_log2_gain(config)
        self.conditioning = Conditioning(self.config)
        self.analysis = PredictedAnalysis(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.hyper_synthesis = PredictedHyperSynthesis(config)
        self.contexts = [Context(config) for _ in range(config.context_steps - 1)]
        self.synthesis = PredictedSynthesis(config)
        self.condition_feature = GainTable(anchors, self.config.condition_width8)
        self.condition_past = GainTable(anchors, self.config.condition_width8)
        self.analysis_feature = GainTable(anchors, config.analysis_width8)
        self.encoder_latent = GainTable(anchors, config.latent_channels, start)
        self.hyper_feature = GainTable(anchors, config.entropy_width)
        self.decoder_latent = GainTable(anchors, config.latent_channels, -start)
        self.synthesis_feature = GainTable(anchors, config.synthesis_width16)
        self.residual_prior = ResidualPrior()
        self.hyper_prior = FactorizedPrior(config.hyper_latent_channels, config.prior_sets)

    def gains(self, position: Array) -> PredictedGains:
        """Every gain at ``position`` [B]."""
        return PredictedGains(*(getattr(self, name)(position) for name in PredictedGains._fields))

    def prior_set(self, position: Array) -> Array:
        """Index [B] of the hyper-latent prior used at ``position`` [B]."""
        sets = self.config.latents.prior_sets
        return jnp.clip(jnp.floor(position * sets + WITHIN_ROUNDING), 0, sets - 1).astype(jnp.int32)

    def condition(self, past: Array, future: Array, one_sided: Array, gains: PredictedGains, exact_phase: bool) -> Any:
        """The :class:`Condition` of two predictions; ``one_sided`` [B] is true of frames with one reference."""
        described = describe_prediction(past, future)
        if exact_phase:
            exponents = jnp.full((len(PREDICTION_LIMITS),), float(PREDICTION_EXPONENT))
            prediction: ArraySignal = IntegerSignal(described, exponents, PREDICTION_LIMITS)
        else:
            prediction = FloatSignal(self._cast(described))
        gain = jnp.where(one_sided[:, None], gains.condition_past, gains.condition_feature)
        return Condition(prediction, *self.conditioning(prediction, gain))

    def analyse(self, levels: Array, past: Array, future: Array, gains: PredictedGains) -> Array:
        """Latents y [B, H/16, W/16, M] of what the predictions miss of ``levels``."""
        missed = FloatSignal(self._cast((levels - mean_prediction(past, future)) / 256.0))
        described = FloatSignal(self._cast(describe_prediction(past, future)))
        return self._float(self.analysis(missed, described, gains.analysis_feature, gains.encoder_latent))

    def hyper_analyse(self, y: Array) -> Array:
        """Latents y to hyper-latents z [B, h/4, w/4, Z], not rounded."""
        return self._float(self.hyper_analysis(FloatSignal(self._cast(y))))

    def synthesise(self, y_hat: Array, condition: Condition[ArraySignal], gains: PredictedGains) -> Array:
        """Latents to what is added to the mean prediction, in units of 256 levels."""
        y = self._signal(y_hat, STEP_BITS, LATENT_LIMIT, condition.at16.exact)
        return self._float(self.synthesis(y, condition, gains.decoder_latent, gains.synthesis_feature))

    def __call__(
        self,
        levels: Array,
        past: Array,
        future: Array,
        one_sided: Array,
        position: Array,
        exact_phase: bool = False,
        noise: bool = False,
    ) -> Forward:
        """Code ``levels`` given two predictions. ``noise`` (rng "noise"): likelihoods under uniform noise."""
        gains = self.gains(position)
        condition = self.condition(past, future, one_sided, gains, exact_phase)
        y = self.analyse(levels, past, future, gains)
        z = self.hyper_analyse(y)
        z_hat = exact.straight_through(z, jnp.clip(jnp.round(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT))
        residual, mean, log2_scale = self._code(y, z_hat, condition, gains, quantise_residual)
        limit = LATENT_LIMIT / 2.0**STEP_BITS
        y_hat = bounded(mean + residual, -limit, limit)
        coded_y, coded_z = (self._noisy(y - mean), self._noisy(z)) if noise else (residual, z_hat)
        added = self.synthesise(y_hat, condition, gains)
        return Forward(
            x_hat=(mean_prediction(past, future) - 128.0) / 256.0 + added,
            y_likelihood=self.residual_prior(coded_y, log2_scale),
            z_likelihood=self.hyper_prior(coded_z, self.prior_set(position)),
            residual=residual,
            log2_scale=log2_scale,
            y_hat=y_hat,
            z_hat=z_hat,
        )

    def _code(
        self, y: Array, z_hat: Array, condition: Condition[ArraySignal], gains: PredictedGains, quantise: Quantiser
    ) -> tuple[Array, Array, Array]:
        """Residuals, means and log2 scales of every latent, context step after context step."""
        exact_phase = condition.at16.exact
        z = self._signal(z_hat, 0, HYPER_LATENT_LIMIT, exact_phase)
        features, mean, scale = self.hyper_synthesis(z, condition.at16, gains.hyper_feature)
        masks = group_masks(self.config.latents.context_steps, *y.shape[1:])
        residual, means, scales = jnp.zeros_like(y), jnp.zeros_like(y), jnp.zeros_like(y)
        for step, mask in enumerate(masks):
            if step > 0:
                mean, scale = self._refine(step, features, residual, mean, scale)
            mean_now, scale_now = self._float(mean), self._float(scale)
            means, scales = jnp.where(mask, mean_now, means), jnp.where(mask, scale_now, scales)
            residual = jnp.where(mask, quantise(y - mean_now, scale_now), residual)
        return residual, means, scales

    def _refine(
        self, step: int, features: ArraySignal, residual: Array, mean: ArraySignal, scale: ArraySignal
    ) -> tuple[ArraySignal, ArraySignal]:
        seen = jnp.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
        pair = self._signal(jnp.concatenate([seen, jnp.abs(seen)], axis=-1), 0, RESIDUAL_LIMIT, features.exact)
        refined: tuple[ArraySignal, ArraySignal] = self.contexts[step - 1](features, pair, mean, scale)
        return refined

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


def init_predicted(model: PredictedVAE, seed: int) -> dict[str, Any]:
    """Fresh parameters and empty calibration."""
    variables: dict[str, Any] = _initialise(model, jax.random.key(seed))
    return variables


@partial(jax.jit, static_argnums=0)
def _initialise(model: PredictedVAE, key: Array) -> dict[str, Any]:
    keys = dict(zip(("params", "noise"), jax.random.split(key), strict=True))
    frame = jnp.zeros((1, 64, 64, 3))
    return dict(model.init(keys, frame, frame, frame, jnp.zeros((1,), bool), jnp.zeros((1,))))
