"""The whole model as one Flax module: networks, gains and priors, as the loss sees it."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, STEP_BITS
from vaecompress.transforms import linear
from vaecompress.transforms.analysis import Analysis, HyperAnalysis
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.hyperprior import Context, HyperSynthesis
from vaecompress.transforms.latent_coder import Forward, Hyper, LatentCoder, Quantiser
from vaecompress.transforms.likelihoods import FactorizedPrior, ResidualPrior
from vaecompress.transforms.quality import GainTable
from vaecompress.transforms.signal import FloatSignal
from vaecompress.transforms.synthesis import Synthesis, from_levels

Array = jax.Array

Variables = dict[str, Any]
"""The collections ``params`` and ``ranges`` of a module."""


class Gains(NamedTuple):
    """Gains [B, C] of a batch: what one quality means to every network that sees it."""

    analysis_feature: Array
    encoder_latent: Array
    hyper_feature: Array
    decoder_latent: Array
    synthesis_feature: Array


class HyperpriorVAE(LatentCoder):
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

    def analyse(self, x: Array, gains: Gains) -> Array:
        """Centred picture [B, H, W, 3] (sides multiples of 64) to latents y [B, H/16, W/16, M]."""
        signal = self.analysis(FloatSignal(self._cast(x)), gains.analysis_feature, gains.encoder_latent)
        return self._float(signal)

    def hyper_synthesise(self, z_hat: Array, gains: Gains, exact_phase: bool) -> Hyper:
        """Integer hyper-latents to features, means and log2 scales."""
        z = self._signal(z_hat, 0, HYPER_LATENT_LIMIT, exact_phase)
        return self.hyper_synthesis(z, gains.hyper_feature)

    def synthesise(self, y_hat: Array, gains: Gains, exact_phase: bool) -> Array:
        """Latents to the centred picture."""
        y = self._signal(y_hat, STEP_BITS, LATENT_LIMIT, exact_phase)
        return self._float(self.synthesis(y, gains.decoder_latent, gains.synthesis_feature))

    def __call__(self, levels: Array, position: Array, exact_phase: bool = False, noise: bool = False) -> Forward:
        """Code pictures ``levels`` [B, H, W, 3] (0..255). ``noise`` (rng "noise"): likelihoods under uniform noise."""
        gains = self.gains(position)
        return self._forward(
            self.analyse(from_levels(levels), gains),
            lambda z_hat: self.hyper_synthesise(z_hat, gains, exact_phase),
            lambda y_hat: self.synthesise(y_hat, gains, exact_phase),
            position,
            noise,
        )

    def code_latents(self, y: Array, z_hat: Array, position: Array, quantise: Quantiser) -> Forward:
        """Code latents y [B, h, w, M] as they are given, in float, ``quantise`` in place of rounding."""
        gains = self.gains(position)
        residual, mean, log2_scale = self._code(y, self.hyper_synthesise(z_hat, gains, False), quantise)
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


def init_variables(model: HyperpriorVAE, seed: int) -> Variables:
    """Fresh parameters and empty calibration."""
    variables: Variables = _initialise(model, jax.random.key(seed))
    return variables


@partial(jax.jit, static_argnums=0)
def _initialise(model: HyperpriorVAE, key: Array) -> Variables:
    keys = dict(zip(("params", "noise"), jax.random.split(key), strict=True))
    return dict(model.init(keys, jnp.zeros((1, 64, 64, 3)), jnp.zeros((1,))))
