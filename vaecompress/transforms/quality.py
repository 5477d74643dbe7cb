"""One model for all rates: per-channel gains, interpolated in log space between quality anchors.

After the gain units of G-VAE (Cui et al. 2021, section 3) and the learnt quantisation vectors of DCVC-FM.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

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
        weights = jnp.maximum(0.0, 1.0 - jnp.abs(place[:, None] - jnp.arange(self.anchors, dtype=jnp.float32)))
        return jnp.exp2(weights @ table)
