"""Decoder side: latents to a picture. Exact in the exact phase."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.format import PATCH
from vaecompress.transforms import exact, layers, linear
from vaecompress.transforms.config import STEM_SPLITS, ModelConfig
from vaecompress.transforms.exact import Grid
from vaecompress.transforms.signal import S

Array = jax.Array

COEFFICIENT_RANGE_BITS = 2
"""Every coefficient may reach 4, half of what full-contrast stripes give the strongest one."""

PIXEL_EXPONENT = 14
"""The picture leaves the networks in 1/64 of an 8-bit level (a level is 2**-8)."""

PIXEL_LIMIT = (1 << 17) - 1


class Synthesis(nn.Module):
    """g_s: latents [B, h, w, M] in quantisation steps to a centred picture [B, 16 h, 16 w, 3]."""

    config: ModelConfig

    @nn.compact
    def __call__(self, y: S, latent_gain: Array, feature_gain: Array) -> S:
        config = self.config
        coefficients = self.dequantise(y, latent_gain)
        direct = self.linear_path(coefficients)
        hidden = layers.Dense(config.synthesis_width16, splits=STEM_SPLITS, name="stem")(self.narrow(coefficients))
        hidden = hidden.gain(feature_gain, "feature_gain")
        hidden = layers.Stage(config.synthesis_blocks16, name="stage16")(hidden)
        hidden = layers.Upsample(config.synthesis_width8, name="up8")(hidden)
        hidden = layers.Stage(config.synthesis_blocks8, name="stage8")(hidden)
        hidden = layers.Upsample(config.synthesis_width4, name="up4")(hidden)
        hidden = layers.Stage(config.synthesis_blocks4, name="stage4")(hidden)
        return self.pixels(direct, hidden)

    def linear_path(self, coefficients: S) -> S:
        """A patch from the coefficients of one position."""
        return layers.Dense(
            PATCH * PATCH * 3,
            exponent=PIXEL_EXPONENT,
            limit=PIXEL_LIMIT,
            splits=self.config.linear_splits,
            kernel_init=linear.dct_init(self.config, inverse=True),
            name="linear",
        )(coefficients)

    def dequantise(self, y: S, gain: Array) -> S:
        """y times the decoder's gain, on a grid calibrated per coefficient."""
        bits = self.config.coefficient_bits
        finest = float(bits - COEFFICIENT_RANGE_BITS)
        variable = layers.exponent_variable(self, "coefficient_exponent", y.channels, finest)
        limit = (1 << bits) - 1
        return layers.calibrated(self, variable, y.gain(gain, "latent_gain", Grid(variable.value, -limit, limit)), bits)

    def narrow(self, x: S) -> S:
        """The same coefficients in 12 bits, for the networks."""
        return x.coarser(self.config.coefficient_bits - exact.ACTIVATION_BITS)

    def pixels(self, direct: S, hidden: S) -> S:
        """Linear path plus what the networks add, at 1/4, side by side in space; integers below 2**20 when exact."""
        head = layers.Dense(
            48, exponent=PIXEL_EXPONENT, limit=PIXEL_LIMIT, kernel_init=layers.near_zero_init(), name="head"
        )(hidden)
        return direct.depth_to_space(PATCH).plus(head.depth_to_space(4))


def to_levels(x: Array) -> Array:
    """Centred picture to 8-bit levels 0..255 (float32 integers): rounded to nearest even, clipped."""
    return jnp.clip(jnp.round(x * 256.0) + 128.0, 0.0, 255.0)


def from_levels(levels: Array) -> Array:
    """8-bit levels to the centred picture the networks see."""
    return (levels.astype(jnp.float32) - 128.0) / 256.0
