"""Decoder side: latents to a picture. Exact in the exact phase."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.format import PATCH
from vaecompress.transforms import exact, layers, linear
from vaecompress.transforms.config import STEM_SPLITS, ModelConfig
from vaecompress.transforms.exact import Signal
from vaecompress.transforms.quality import apply_gain

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
    def __call__(self, y: Signal, latent_gain: Array, feature_gain: Array) -> Signal:
        config = self.config
        coefficients = self._dequantise(y, latent_gain)
        direct = layers.Dense(
            PATCH * PATCH * 3,
            exponent=PIXEL_EXPONENT,
            limit=PIXEL_LIMIT,
            splits=config.linear_splits,
            kernel_init=linear.dct_init(config, inverse=True),
            name="linear",
        )(coefficients)
        hidden = layers.Dense(config.synthesis_width16, splits=STEM_SPLITS, name="stem")(self._narrow(coefficients))
        hidden = apply_gain(hidden, feature_gain, "feature_gain")
        hidden = layers.Stage(config.synthesis_blocks16, name="stage16")(hidden)
        hidden = layers.Upsample(config.synthesis_width8, name="up8")(hidden)
        hidden = layers.Stage(config.synthesis_blocks8, name="stage8")(hidden)
        hidden = layers.Upsample(config.synthesis_width4, name="up4")(hidden)
        hidden = layers.Stage(config.synthesis_blocks4, name="stage4")(hidden)
        head = layers.Dense(
            48, exponent=PIXEL_EXPONENT, limit=PIXEL_LIMIT, kernel_init=layers.near_zero_init(), name="head"
        )(hidden)
        return _pixels(direct, head)

    def _dequantise(self, y: Signal, gain: Array) -> Signal:
        """y times the decoder's gain, on a grid calibrated per coefficient."""
        bits = self.config.coefficient_bits
        finest = float(bits - COEFFICIENT_RANGE_BITS)
        grid = layers.exponent_variable(self, "coefficient_exponent", y.channels, finest)
        out = apply_gain(y, gain, "latent_gain", grid.value, (1 << bits) - 1)
        if not out.exact and not out.symbolic:
            layers.calibrate(self, grid, out.value, bits)
        return out

    def _narrow(self, x: Signal) -> Signal:
        """The same coefficients in 12 bits, for the networks."""
        shift = self.config.coefficient_bits - exact.ACTIVATION_BITS
        if not (x.exact and shift):
            return x
        assert x.exponent is not None
        limit = exact.ACTIVATION_LIMIT
        exponent = x.exponent - shift
        if x.symbolic:
            value = x.value.exact_shift(-shift, -limit, limit)
        else:
            value = exact.on_grid(x.value, exponent, -limit, limit)
        return Signal(value, exponent, np.full((x.channels,), limit, np.int64))


def _pixels(direct: Signal, head: Signal) -> Signal:
    """Linear path and network side by side in space, added; integers below 2**20 in the exact phase."""
    x, y = layers.depth_to_space(direct, PATCH), layers.depth_to_space(head, 4)
    if not x.exact:
        return Signal(x.value + y.value)
    return Signal(x.value + y.value, x.exponent, None)


def to_levels(x: Array) -> Array:
    """Centred picture to 8-bit levels 0..255 (float32 integers): rounded to nearest even, clipped."""
    return jnp.clip(jnp.round(x * 256.0) + 128.0, 0.0, 255.0)


def from_levels(levels: Array) -> Array:
    """8-bit levels to the centred picture the networks see."""
    return (levels.astype(jnp.float32) - 128.0) / 256.0
