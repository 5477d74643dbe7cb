"""Encoder side, in float: picture to latents, latents to hyper-latents."""

import flax.linen as nn
import jax

from vaecompress.format import PATCH
from vaecompress.transforms import layers, linear
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.signal import LEAKY, S

Array = jax.Array


class Analysis(nn.Module):
    """g_a: centred picture [B, H, W, 3] to latents [B, H/16, W/16, M] in quantisation steps."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x: S, feature_gain: Array, latent_gain: Array) -> S:
        return self.latents(x, x, feature_gain, latent_gain)

    def latents(self, x: S, seen: S, feature_gain: Array, latent_gain: Array) -> S:
        """Linear path of ``x`` plus networks on ``seen``, both at the pixels' resolution."""
        config = self.config
        direct = layers.Dense(config.latent_channels, kernel_init=linear.dct_init(config, inverse=False), name="linear")
        direct_out = direct(x.space_to_depth(PATCH))
        hidden = layers.Dense(config.analysis_width8, LEAKY, name="stem")(seen.space_to_depth(8))
        hidden = hidden.gain(feature_gain, "feature_gain")
        hidden = layers.Stage(config.analysis_blocks8, name="stage8")(hidden)
        hidden = layers.Dense(config.analysis_width16, name="down")(hidden.space_to_depth(2))
        hidden = layers.Stage(config.analysis_blocks16, name="stage16")(hidden)
        head = layers.Dense(config.latent_channels, kernel_init=layers.near_zero_init(), name="head")(hidden)
        return direct_out.add(head).gain(latent_gain, "latent_gain")


class HyperAnalysis(nn.Module):
    """h_a: latents in quantisation steps to hyper-latents [B, H/64, W/64, Z]."""

    config: ModelConfig

    @nn.compact
    def __call__(self, y: S) -> S:
        width = self.config.entropy_width
        hidden = layers.Dense(width, LEAKY, name="stem")(y)
        hidden = layers.Dense(width, LEAKY, name="down32")(hidden.space_to_depth(2))
        return layers.Dense(self.config.hyper_latent_channels, name="down64")(hidden.space_to_depth(2))
