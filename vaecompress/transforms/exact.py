"""Integer arithmetic carried in float32, in the loop of training.

On the encoder's side, and everywhere in the float phase of training, an activation is a plain float array. In the exact
phase it is an integer times ``2**-exponent`` (per channel), bounded by ``limit``; weights are rounded to integers times
a power of two per output channel, as fine as the proof allows:
``sum |w| * limit + |bias| < 2**24``. Every partial sum is then an integer below 2**24 times one power of two, which
float32 holds exactly in any order of summation, so the Flax forward pass is the frozen decoder, bit for bit.
Rounding is to nearest even; gradients pass straight through it.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

Array = jax.Array
Integers = jax.Array | npt.NDArray[Any]
Limits = npt.NDArray[np.int64]

BOUND_BITS = 24
ACTIVATION_BITS = 11
ACTIVATION_LIMIT = (1 << ACTIVATION_BITS) - 1
GAIN_BITS = 11
WEIGHT_BITS = 14.0
MAX_EXPONENT = 13.0
"""Finest grid of an activation: a channel that calibration saw nothing of still spans a quarter."""


class Grid(NamedTuple):
    """Where an exact value lies: integers within ``low..high`` times ``2**-exponent``, the exponent [C] per channel."""

    exponent: Array
    low: int
    high: int

    def limits(self) -> Limits:
        """The largest magnitude of each channel [C], as an integer."""
        return np.full(self.exponent.shape, self.high, np.int64)


@jax.custom_vjp
def straight_through(x: Array, rounded: Array) -> Array:
    """``rounded`` in the forward pass, to the bit; in the backward pass its gradient goes to ``x``."""
    return rounded


def _straight_forward(x: Array, rounded: Array) -> tuple[Array, None]:
    return rounded, None


def _straight_backward(_: None, grad: Array) -> tuple[Array, Array]:
    return grad, jnp.zeros_like(grad)


straight_through.defvjp(_straight_forward, _straight_backward)


def on_grid(x: Array, grid: Grid) -> Array:
    """x [..., C] rounded to ``grid`` and clipped to its ends; straight through."""
    unit = power_of_two(grid.exponent)
    return straight_through(x, jnp.clip(jnp.round(x * unit), grid.low, grid.high) / unit)


def round_mantissa(x: Array, bits: int = GAIN_BITS) -> Array:
    """x rounded to a mantissa of ``bits`` bits; straight through."""
    mantissa, power = jnp.frexp(jax.lax.stop_gradient(x))
    return straight_through(x, jnp.ldexp(jnp.round(mantissa * (1 << bits)), power - bits))


def power_of_two(exponent: Array) -> Array:
    """2**exponent for integers in float32, to the bit (``exp2`` is not exact on every backend)."""
    return jnp.ldexp(jnp.float32(1.0), exponent.astype(jnp.int32))


def ceil_log2(x: Array) -> Array:
    """The smallest integer p with x < 2**p, as float32; exact on every machine. 0 where x is 0."""
    return jnp.frexp(x)[1].astype(jnp.float32)


@dataclass(frozen=True)
class ExactKernel:
    """Weights of an exact layer: ``kernel``/``bias`` real (straight through), and the integers behind them.

    real weight = integer * 2**(exponent_in - shift); real bias = integer * 2**-shift; the accumulator is an integer
    times 2**-shift. ``headroom`` [O] is sum |w| * limit + |b|, which is below 2**24.
    """

    kernel: Array
    bias: Array
    kernel_int: Integers
    bias_int: Integers
    shift: Integers
    headroom: Integers


def round_kernel(kernel: Array, bias: Array, exponent: Array, limit: Limits) -> ExactKernel:
    """Round kernel [I, O] and bias [O] as finely as the bound allows, for inputs of ``exponent`` and ``limit`` [I]."""
    largest = jnp.asarray(limit, jnp.float32)[:, None]
    per_unit = jax.lax.stop_gradient(kernel) * power_of_two(-exponent)[:, None]
    bias_real = jax.lax.stop_gradient(bias)
    total = jnp.sum(jnp.abs(per_unit) * largest, axis=0) + jnp.abs(bias_real) + 1e-30
    widest = jnp.max(jnp.abs(per_unit), axis=0) * (1.0 - 2.0**-16) + 1e-30  # a rounded 2**14 stays where it is
    cap = jnp.minimum(WEIGHT_BITS - ceil_log2(widest), 60.0)
    start = jnp.minimum(BOUND_BITS + 1.0 - ceil_log2(total), cap)
    best = start - 3.0
    for candidate in (start - 2.0, start - 1.0, start):
        best = jnp.where(_headroom(per_unit, bias_real, largest, candidate) < 2.0**BOUND_BITS, candidate, best)
    scale = power_of_two(best)
    kernel_int, bias_int = jnp.round(per_unit * scale), jnp.round(bias_real * scale)
    return ExactKernel(
        kernel=straight_through(kernel, kernel_int / scale * power_of_two(exponent)[:, None]),
        bias=straight_through(bias, bias_int / scale),
        kernel_int=kernel_int,
        bias_int=bias_int,
        shift=best,
        headroom=_headroom(per_unit, bias_real, largest, best),
    )


def round_taps(kernel: Array, bias: Array, exponent: Array, limit: Limits) -> ExactKernel:
    """:func:`round_kernel` for a depthwise kernel [3, 3, C]: every tap of a channel sees that channel's input."""
    unit = power_of_two(exponent)
    widest = np.full((9,), np.max(limit), np.int64)
    rounded = round_kernel(kernel.reshape(9, -1) / unit, bias, jnp.zeros((9,)), widest)
    return replace(rounded, kernel=rounded.kernel.reshape(kernel.shape) * unit)


def _headroom(per_unit: Array, bias: Array, limit: Array, shift: Array) -> Array:
    scale = power_of_two(shift)
    return jnp.sum(jnp.abs(jnp.round(per_unit * scale)) * limit, axis=0) + jnp.abs(jnp.round(bias * scale))
