"""Likelihoods of quantised latents and hyper-latents, in the loss and as the source of the integer tables.

Both follow Ballé et al. 2018 (arXiv 1802.01436): the probability of an integer is the probability mass of the unit
interval around it; in training uniform noise stands for rounding in the rate term.
"""

import math
from itertools import pairwise
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaecompress.transforms.tfp import distributions as tfd

Array = jax.Array

SCALE_STEPS_PER_OCTAVE = 8
MIN_LOG2_SCALE, MAX_LOG2_SCALE = -3.0, 6.875
SCALE_COUNT = int((MAX_LOG2_SCALE - MIN_LOG2_SCALE) * SCALE_STEPS_PER_OCTAVE) + 1
"""Scale index i stands for the standard deviation 2 ** (MIN_LOG2_SCALE + i / 8)."""

MIN_LIKELIHOOD = 1e-9


@jax.custom_vjp
def bounded(x: Array, low: float, high: float) -> Array:
    """Clip whose gradient still moves x back towards the range (compare tfc.lower_bound)."""
    return jnp.clip(x, low, high)


def _bounded_forward(x: Array, low: float, high: float) -> tuple[Array, tuple[Array, float, float]]:
    return jnp.clip(x, low, high), (x, low, high)


def _bounded_backward(saved: tuple[Array, float, float], grad: Array) -> tuple[Array, None, None]:
    x, low, high = saved
    keep = ((x >= low) | (grad < 0)) & ((x <= high) | (grad > 0))
    return jnp.where(keep, grad, 0.0), None, None


bounded.defvjp(_bounded_forward, _bounded_backward)


class ResidualPrior(nn.Module):
    """Symmetric density of a residual at a given scale: a mixture of two zero-mean normals, one wider.

    The share and the ratio of the wider one are learned, the same for all scales: heavier tails than one normal has.
    """

    def setup(self) -> None:
        self.share_logit = self.param("share_logit", nn.initializers.constant(-2.0), ())
        self.log_ratio = self.param("log_ratio", nn.initializers.constant(0.0), ())

    def mixture(self) -> tuple[Array, Array]:
        """The wider normal's share, and its standard deviation in those of the narrower."""
        return jax.nn.sigmoid(self.share_logit), 1.0 + jnp.exp(self.log_ratio)

    def __call__(self, residual: Array, log2_scale: Array) -> Array:
        """Probability of the unit interval around ``residual`` [...] at scales 2 ** ``log2_scale`` [...]."""
        share, ratio = self.mixture()
        scale = jnp.exp2(bounded(log2_scale, MIN_LOG2_SCALE, MAX_LOG2_SCALE))
        narrow = interval_mass(tfd.Normal(0.0, scale), residual)
        wide = interval_mass(tfd.Normal(0.0, scale * ratio), residual)
        return (1.0 - share) * narrow + share * wide


def interval_mass(distribution: Any, x: Array) -> Array:
    """cdf(x + 1/2) - cdf(x - 1/2) of a distribution symmetric about 0, computed in its left tail, where it is exact."""
    left = -jnp.abs(x)
    return jnp.asarray(distribution.cdf(left + 0.5) - distribution.cdf(left - 0.5))


class FactorizedPrior(nn.Module):
    """Fully factorised, learned density of the hyper-latents (Ballé et al. 2018, appendix 6.1).

    One density a channel, and one set of them for each of ``sets`` quality ranges; the cumulative is a monotone
    network with hidden widths ``widths``.
    """

    channels: int
    sets: int
    widths: tuple[int, ...] = (3, 3, 3)
    init_scale: float = 10.0

    def setup(self) -> None:
        sizes = (1, *self.widths, 1)
        scale = self.init_scale ** (1 / (len(self.widths) + 1))
        shape = (self.sets, self.channels)
        matrices, biases, factors = [], [], []
        for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            start = math.log(math.expm1(1 / scale / fan_out))
            matrices.append(self.param(f"matrix{i}", nn.initializers.constant(start), (*shape, fan_out, fan_in)))
            biases.append(self.param(f"bias{i}", _centred_uniform, (*shape, fan_out, 1)))
            if i < len(self.widths):
                factors.append(self.param(f"factor{i}", nn.initializers.zeros_init(), (*shape, fan_out, 1)))
        self.matrices, self.biases, self.factors = matrices, biases, factors

    def logits(self, x: Array, sets: Array) -> Array:
        """Logit of the cumulative at x [B, ..., C] under the set ``sets`` [B] of each sample."""
        flat = x.reshape(x.shape[0], -1, x.shape[-1]).transpose(0, 2, 1)[:, :, None, :]
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            flat = jnp.einsum("bcoi,bcin->bcon", jax.nn.softplus(matrix[sets]), flat) + bias[sets]
            if i < len(self.factors):
                flat = flat + jnp.tanh(self.factors[i][sets]) * jnp.tanh(flat)
        return flat[:, :, 0, :].transpose(0, 2, 1).reshape(x.shape)

    def __call__(self, z: Array, sets: Array) -> Array:
        """Probability of the unit interval around z [B, h, w, C] under the set ``sets`` [B] of each sample."""
        lower, upper = self.logits(z - 0.5, sets), self.logits(z + 0.5, sets)
        sign = jax.lax.stop_gradient(-jnp.sign(lower + upper))
        return jnp.abs(jax.nn.sigmoid(sign * upper) - jax.nn.sigmoid(sign * lower))


def _centred_uniform(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    return jax.random.uniform(key, shape, dtype, -0.5, 0.5)


def bits(likelihood: Array) -> Array:
    """Bits of each likelihood, which is bounded below by 1e-9."""
    return -jnp.log2(bounded(likelihood, MIN_LIKELIHOOD, 2.0))
