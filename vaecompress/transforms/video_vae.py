"""The model of a predicted frame as one Flax module: networks, gains and priors, as the loss sees it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, STEP_BITS
from vaecompress.transforms import linear
from vaecompress.transforms.analysis import HyperAnalysis
from vaecompress.transforms.config import ModelConfig, VideoConfig
from vaecompress.transforms.hyperprior import Context
from vaecompress.transforms.integer_signal import ArraySignal, IntegerSignal
from vaecompress.transforms.latent_coder import Forward, Hyper, LatentCoder
from vaecompress.transforms.likelihoods import FactorizedPrior, ResidualPrior
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


class PredictedVAE(LatentCoder):
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

    @property
    def latent_config(self) -> ModelConfig:
        """The configuration of the networks around the latents."""
        return self.config.latents

    def gains(self, position: Array) -> PredictedGains:
        """Every gain at ``position`` [B]."""
        return PredictedGains(*(getattr(self, name)(position) for name in PredictedGains._fields))

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
        prediction = (mean_prediction(past, future) - 128.0) / 256.0
        return self._forward(
            y,
            lambda z_hat: self._hyper_synthesise(z_hat, condition, gains),
            lambda y_hat: prediction + self.synthesise(y_hat, condition, gains),
            position,
            noise,
        )

    def _hyper_synthesise(self, z_hat: Array, condition: Condition[ArraySignal], gains: PredictedGains) -> Hyper:
        z = self._signal(z_hat, 0, HYPER_LATENT_LIMIT, condition.at16.exact)
        hyper: Hyper = self.hyper_synthesis(z, condition.at16, gains.hyper_feature)
        return hyper


def init_predicted(model: PredictedVAE, seed: int) -> dict[str, Any]:
    """Fresh parameters and empty calibration."""
    variables: dict[str, Any] = _initialise(model, jax.random.key(seed))
    return variables


@partial(jax.jit, static_argnums=0)
def _initialise(model: PredictedVAE, key: Array) -> dict[str, Any]:
    keys = dict(zip(("params", "noise"), jax.random.split(key), strict=True))
    frame = jnp.zeros((1, 64, 64, 3))
    return dict(model.init(keys, frame, frame, frame, jnp.zeros((1,), bool), jnp.zeros((1,))))
