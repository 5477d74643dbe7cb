"""Networks of predicted frames: those of stills on what the prediction missed, each told of the prediction.

A conditional residual (after DCVC, arXiv 2109.15047, and CANF-VC, arXiv 2207.05315) around a bypass of pixels: latents
stand for what is to be added to the prediction, so that where none is coded only the loop filter changes it. A small
network sees the prediction and where its two halves differ; its features enter the entropy model and the synthesis.
"""

from typing import Generic, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.format import DIFFERENCE_LIMIT, ENERGY_LIMIT, MEAN_LIMIT
from vaecompress.transforms import layers
from vaecompress.transforms.analysis import Analysis
from vaecompress.transforms.config import STEM_SPLITS, ModelConfig, VideoConfig
from vaecompress.transforms.hyperprior import Moments
from vaecompress.transforms.signal import LEAKY, S
from vaecompress.transforms.synthesis import Synthesis

Array = jax.Array

PREDICTION_EXPONENT = 8
PREDICTION_LIMITS = np.repeat(np.array([MEAN_LIMIT, DIFFERENCE_LIMIT, ENERGY_LIMIT], np.int64), (3, 3, 1))
"""Largest magnitudes of what the networks see of a prediction, in 8-bit levels."""


class Condition(NamedTuple, Generic[S]):
    """What the networks know of the prediction.

    ``prediction`` [B, H, W, 7] as :func:`describe_prediction` gives it; features ``at8`` [B, H/8, W/8, C8] and
    ``at16`` [B, H/16, W/16, C16].
    """

    prediction: S
    at8: S
    at16: S


def mean_prediction(past: Array, future: Array) -> Array:
    """(A + B + 1) >> 1 of two predictions in 8-bit levels, whole numbers held as floats."""
    return jnp.floor((past + future + 1.0) * 0.5)


def describe_prediction(past: Array, future: Array) -> Array:
    """[B, H, W, 7] of two predictions [B, H, W, 3] in 8-bit levels: whole numbers within PREDICTION_LIMITS / 256."""
    difference = past - future
    energy = jnp.sum(jnp.abs(difference), axis=-1, keepdims=True)
    limited = [jnp.clip(difference, -DIFFERENCE_LIMIT, DIFFERENCE_LIMIT), jnp.minimum(energy, ENERGY_LIMIT)]
    described = jnp.concatenate([mean_prediction(past, future) - MEAN_LIMIT, *limited], axis=-1)
    return described / 2.0**PREDICTION_EXPONENT


class Joined(nn.Module):
    """A signal plus a dense layer of another at the same resolution, on the sum's calibrated grid."""

    @nn.compact
    def __call__(self, x: S, other: S) -> S:
        grid = layers.exponent_variable(self, "exponent", x.channels)
        dense = layers.Dense(
            x.channels,
            exponent=grid.value,
            limit=layers.ADDEND_LIMIT,
            kernel_init=layers.near_zero_init(0.3),
            name="dense",
        )
        return layers.calibrated(self, grid, x.add(dense(other)))


class Conditioning(nn.Module):
    """The prediction [B, H, W, 7] to features at 1/8 and 1/16 of its resolution."""

    config: VideoConfig

    @nn.compact
    def __call__(self, prediction: S, feature_gain: Array) -> tuple[S, S]:
        config = self.config
        stem = layers.Dense(config.condition_width8, LEAKY, name="stem")
        hidden = stem(prediction.space_to_depth(8)).gain(feature_gain, "feature_gain")
        at8 = layers.Stage(config.condition_blocks8, name="stage8")(hidden)
        at16 = layers.Dense(config.condition_width16, name="down")(at8.space_to_depth(2))
        return at8, layers.Stage(config.condition_blocks16, name="stage16")(at16)


class PredictedAnalysis(Analysis):
    """What the prediction missed [B, H, W, 3], and the prediction [B, H, W, 7], to latents [B, H/16, W/16, M]."""

    @nn.compact
    def __call__(  # type: ignore[override]
        self, missed: S, prediction: S, feature_gain: Array, latent_gain: Array
    ) -> S:
        return self.latents(missed, missed.beside(prediction), feature_gain, latent_gain)


class PredictedHyperSynthesis(nn.Module):
    """h_s of a predicted frame: hyper-latents and the condition at 1/16 to features, first means and scales."""

    config: ModelConfig

    @nn.compact
    def __call__(self, z: S, at16: S, feature_gain: Array) -> tuple[S, S, S]:
        config = self.config
        hidden = layers.Upsample(config.entropy_width, LEAKY, name="up32")(z)
        hidden = hidden.gain(feature_gain, "feature_gain")
        hidden = layers.Upsample(config.entropy_width, name="up16")(hidden)
        hidden = Joined(name="condition")(hidden, at16)
        hidden = layers.Stage(config.entropy_blocks, name="stage16")(hidden)
        mean, scale = Moments(config.latent_channels, name="moments")(hidden)
        return hidden, mean, scale


class PredictedSynthesis(Synthesis):
    """g_s of a predicted frame: latents and the condition to what is added to the prediction [B, 16 h, 16 w, 3]."""

    @nn.compact
    def __call__(  # type: ignore[override]
        self, y: S, condition: Condition[S], latent_gain: Array, feature_gain: Array
    ) -> S:
        config = self.config
        coefficients = self.dequantise(y, latent_gain)
        direct = self.linear_path(coefficients)
        hidden = layers.Dense(config.synthesis_width16, splits=STEM_SPLITS, name="stem")(self.narrow(coefficients))
        hidden = Joined(name="condition16")(hidden, condition.at16).gain(feature_gain, "feature_gain")
        hidden = layers.Stage(config.synthesis_blocks16, name="stage16")(hidden)
        hidden = layers.Upsample(config.synthesis_width8, name="up8")(hidden)
        hidden = Joined(name="condition8")(hidden, condition.at8)
        hidden = layers.Stage(config.synthesis_blocks8, name="stage8")(hidden)
        hidden = layers.Upsample(config.synthesis_width4, name="up4")(hidden)
        hidden = Joined(name="condition4")(hidden, condition.prediction.space_to_depth(4))
        hidden = layers.Stage(config.synthesis_blocks4, name="stage4")(hidden)
        return self.pixels(direct, hidden)
