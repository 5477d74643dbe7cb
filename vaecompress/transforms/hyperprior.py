"""Decoder side of the entropy model: hyper-latents and what is decoded so far to means and scales. Exact when frozen.

Means are in quantisation steps on a grid of 1/16; scales are log2 of a standard deviation on a grid of 1/8.
Mean-scale hyperprior after Minnen et al. 2018 (arXiv 1809.02736, section 3); refinement in parallel context steps
after He et al. 2021 (checkerboard, arXiv 2103.15306) and DCVC-DC (arXiv 2302.14402, section 3.3).
"""

import flax.linen as nn
import jax

from vaecompress.format import LATENT_LIMIT, SCALE_LIMIT, STEP_BITS
from vaecompress.transforms import layers
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.signal import LEAKY, S

Array = jax.Array

SCALE_EXPONENT = 3
"""Scales are integers in 1/8 of an octave."""


class Moments(nn.Module):
    """Two heads: means and log2 scales [B, h, w, M] from features."""

    channels: int

    @nn.compact
    def __call__(self, features: S) -> tuple[S, S]:
        init = layers.near_zero_init(0.1)
        mean = layers.Dense(self.channels, exponent=STEP_BITS, limit=LATENT_LIMIT, kernel_init=init, name="mean")(
            features
        )
        scale = layers.Dense(self.channels, exponent=SCALE_EXPONENT, limit=SCALE_LIMIT, kernel_init=init, name="scale")(
            features
        )
        return mean, scale


class HyperSynthesis(nn.Module):
    """h_s: hyper-latents [B, H/64, W/64, Z] to features [B, H/16, W/16, E] and the first means and scales."""

    config: ModelConfig

    @nn.compact
    def __call__(self, z: S, feature_gain: Array) -> tuple[S, S, S]:
        config = self.config
        hidden = layers.Upsample(config.entropy_width, LEAKY, name="up32")(z)
        hidden = hidden.gain(feature_gain, "feature_gain")
        hidden = layers.Upsample(config.entropy_width, name="up16")(hidden)
        hidden = layers.Stage(config.entropy_blocks, name="stage16")(hidden)
        mean, scale = Moments(config.latent_channels, name="moments")(hidden)
        return hidden, mean, scale


class Context(nn.Module):
    """One context step: differences to means and scales from features and the residuals decoded so far.

    ``residuals`` holds [r, |r|] side by side, zero where not yet decoded.
    """

    config: ModelConfig

    @nn.compact
    def __call__(self, features: S, residuals: S, mean: S, scale: S) -> tuple[S, S]:
        config = self.config
        seen = features.beside(residuals)
        hidden = layers.Dense(config.entropy_width, LEAKY, splits=config.context_splits, name="stem")(seen)
        hidden = layers.Stage(config.entropy_blocks, name="stage16")(hidden)
        mean_step, scale_step = Moments(config.latent_channels, name="moments")(hidden)
        return mean.add(mean_step, LATENT_LIMIT), scale.add(scale_step, SCALE_LIMIT)
