"""One model for all rates: per-channel gains, interpolated in log space between quality anchors.

After the gain units of G-VAE (Cui et al. 2021, section 3) and the learnt quantisation vectors of DCVC-FM.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.transforms import exact
from vaecompress.transforms.exact import Signal

Array = jax.Array


class GainTable(nn.Module):
    """Gains [B, C] at positions [B] in 0..1 on the logarithmic lambda axis."""

    anchors: int
    channels: int
    initial_log2: npt.NDArray[np.float32] | None = None

    @nn.compact
    def __call__(self, position: Array) -> Array:
        def start(_: Array) -> Array:
            shape = (self.anchors, self.channels)
            return jnp.zeros(shape) if self.initial_log2 is None else jnp.asarray(self.initial_log2)

        table = self.param("log2_gain", start)
        place = jnp.clip(position, 0.0, 1.0) * (self.anchors - 1)
        weights = jnp.maximum(0.0, 1.0 - jnp.abs(place[:, None] - jnp.arange(self.anchors)))
        return jnp.exp2(weights @ table)


def apply_gain(x: Signal, gain: Array, name: str = "", exponent: Array | None = None, limit: int = 0) -> Signal:
    """x times a gain [B, C] of 11-bit mantissa; in the exact phase rounded to ``exponent`` (default x's grid).

    In a graph the gain is the input ``name``.
    """
    if not x.exact:
        if x.symbolic:
            return Signal(x.value.gain(name))
        return Signal(x.value * gain[:, None, None, :].astype(x.value.dtype))
    assert x.exponent is not None
    assert x.limit is not None
    exponent = x.exponent if exponent is None else exponent
    limit = limit or int(np.max(x.limit))
    if x.symbolic:
        value = x.value.exact_gain(name, exponent - x.exponent, -limit, limit)
    else:
        value = exact.on_grid(x.value * exact.round_mantissa(gain)[:, None, None, :], exponent, -limit, limit)
    return Signal(value, exponent, np.full((x.channels,), limit, np.int64))
