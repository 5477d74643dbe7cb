"""Arrays of dyadic rationals, integer * 2**-fraction_bits, with arithmetic that is exact or refuses.

The integers are int64. Results of sums and products must fit the 24 bits of a float32 significand: then float32
arithmetic gives the same values, in any order and on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]

SIGNIFICAND_BITS = 24
MAX_BITS = 62
MAX_FRACTION_BITS = 100
"""Keeps every product of two steps within the normal range of float32."""

WHOLE: Integers = np.zeros((), np.int64)
"""The fraction of whole numbers."""


@dataclass(frozen=True, eq=False)
class Dyadic:
    """``integers`` * 2**-``fraction_bits``, element by element; ``fraction_bits`` broadcasts against ``integers``.

    ``dtype`` is the type that carries the values in the graph; only float32 values take part in arithmetic.
    Raises CorruptError when a step is too fine or too coarse for float32.
    """

    integers: Integers
    fraction_bits: Integers
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.fraction_bits.size and np.abs(self.fraction_bits).max() > MAX_FRACTION_BITS:
            raise CorruptError("holds values outside the range of exact arithmetic")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.integers.shape

    def shared(self, axes: tuple[int, ...] | None = None) -> "Dyadic":
        """The same values with one fraction along ``axes`` (all of them where None): the finest one."""
        if axes is None:
            finest = self.fraction_bits.max(initial=-MAX_FRACTION_BITS)
        else:
            finest = np.broadcast_to(self.fraction_bits, self.shape).max(axes, keepdims=True)
        return self.refined(np.asarray(finest, np.int64))

    def refined(self, fraction_bits: Integers) -> "Dyadic":
        """The same values with the given ``fraction_bits``, nowhere fewer than now."""
        return Dyadic(shift_left(self.integers, fraction_bits - self.fraction_bits), fraction_bits, self.dtype)

    def to_array(self) -> Array:
        """The values in the type that carries them. Raises CorruptError where it cannot hold them exactly."""
        values = scaled(self.integers, -self.fraction_bits)
        result = values.astype(self.dtype)
        if (result != values).any():
            raise CorruptError(f"is not exact in {self.dtype}")
        return result


def from_array(array: Array) -> Dyadic:
    """``array`` with the coarsest fraction for each element; integer types keep a fraction of 0.

    Raises CorruptError where a value is not finite.
    """
    if array.dtype.kind in "iu":
        return Dyadic(array.astype(np.int64), WHOLE, array.dtype.name)
    if not np.isfinite(array).all():
        raise CorruptError("holds values that are not finite")
    significand, exponent = np.frexp(array.astype(np.float64))
    integers = np.ldexp(significand, 53).astype(np.int64)
    trailing_zeros = np.frexp((integers & -integers).astype(np.float64))[1].astype(np.int64) - 1
    trailing_zeros = np.where(integers == 0, 0, trailing_zeros)
    fraction_bits = np.where(integers == 0, 0, 53 - exponent.astype(np.int64) - trailing_zeros)
    return Dyadic(integers >> trailing_zeros, fraction_bits, array.dtype.name)


def scaled(integers: Integers, bits: Integers) -> npt.NDArray[np.float64]:
    """``integers`` * 2**``bits`` in float64. (Where a C long has 32 bits, ldexp takes no int64.)"""
    return np.asarray(np.ldexp(integers.astype(np.float64), bits.astype(np.int32)))


def shift_left(integers: Integers, bits: Integers) -> Integers:
    """``integers`` * 2**``bits``, bits >= 0. Raises CorruptError beyond 62 bits."""
    if not bits.any():
        return integers
    if not (scaled(np.abs(integers), bits) < 2.0**MAX_BITS).all():
        raise CorruptError("needs more bits than an int64 has")
    return np.left_shift(integers, np.minimum(bits, MAX_BITS))


def aligned(values: Sequence[Dyadic]) -> tuple[list[Integers], Integers]:
    """The integers of each value at a common fraction, and that fraction."""
    _check_operands(values)
    fraction_bits = values[0].fraction_bits
    for value in values[1:]:
        fraction_bits = np.maximum(fraction_bits, value.fraction_bits)
    return [value.refined(fraction_bits).integers for value in values], fraction_bits


def add(x: Dyadic, y: Dyadic) -> Dyadic:
    """x + y."""
    (left, right), fraction_bits = aligned((x, y))
    return _checked(left + right, fraction_bits)


def subtract(x: Dyadic, y: Dyadic) -> Dyadic:
    """x - y."""
    (left, right), fraction_bits = aligned((x, y))
    return _checked(left - right, fraction_bits)


def multiply(x: Dyadic, y: Dyadic) -> Dyadic:
    """x * y."""
    _check_operands((x, y))
    if float(peak(x.integers)) * float(peak(y.integers)) >= 2.0**MAX_BITS:
        raise CorruptError(f"exceeds the 2^{SIGNIFICAND_BITS} bound")
    return _checked(x.integers * y.integers, x.fraction_bits + y.fraction_bits)


def clip(x: Dyadic, low: Dyadic, high: Dyadic) -> Dyadic:
    """x limited to low..high."""
    (value, least, most), fraction_bits = aligned((x, low, high))
    return Dyadic(np.minimum(np.maximum(value, least), most), fraction_bits)


def leaky_relu(x: Dyadic, slope_bits: int) -> Dyadic:
    """x where it is positive, else x * 2**-slope_bits."""
    _check_operands((x,))
    positive = shift_left(np.maximum(x.integers, 0), np.asarray(slope_bits, np.int64))
    return Dyadic(positive + np.minimum(x.integers, 0), x.fraction_bits + slope_bits)


def relu(x: Dyadic) -> Dyadic:
    """x where it is positive, else 0."""
    _check_operands((x,))
    return Dyadic(np.maximum(x.integers, 0), x.fraction_bits)


def absolute(x: Dyadic) -> Dyadic:
    """abs(x)."""
    _check_operands((x,))
    return Dyadic(np.abs(x.integers), x.fraction_bits)


def round_half_even(x: Dyadic) -> Dyadic:
    """x rounded to whole numbers, ties to the even one."""
    _check_operands((x,))
    whole = shift_left(x.integers, np.maximum(-x.fraction_bits, 0))
    bits = np.clip(x.fraction_bits, 0, MAX_BITS)
    floor = np.right_shift(whole, bits)
    rest = whole - np.left_shift(floor, bits)
    half = np.where(bits > 0, np.left_shift(np.int64(1), np.maximum(bits - 1, 0)), 1)
    rounded = floor + ((rest > half) | ((rest == half) & (floor & 1 == 1)))
    return Dyadic(np.where(x.fraction_bits > MAX_BITS, 0, rounded), WHOLE)


def peak(integers: Array) -> int:
    """The largest magnitude."""
    return int(np.abs(integers).max(initial=0))


def _checked(integers: Integers, fraction_bits: Integers) -> Dyadic:
    if peak(integers) >= 1 << SIGNIFICAND_BITS:
        raise CorruptError(f"exceeds the 2^{SIGNIFICAND_BITS} bound: {peak(integers)}")
    return Dyadic(integers, fraction_bits)


def _check_operands(values: Sequence[Dyadic]) -> None:
    """Carried in float32, and all broadcast to the shape of one of them: no operation makes an array larger."""
    for value in values:
        if value.dtype != "float32":
            raise CorruptError(f"computes with {value.dtype}, which is not carried in float32")
    shapes = [value.shape for value in values]
    if np.broadcast_shapes(*shapes) not in shapes:
        raise CorruptError(f"combines arrays of shapes {shapes}")
