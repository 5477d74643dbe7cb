"""The entropy coder of motion: binary, adaptive, whole numbers only.

A range coder in the manner of LZMA (Martin, "Range encoding", 1979; carries run back into the bytes that are written).
Each context holds the probability of a 0 in 1/65536 and how often it was used: it adapts by 1 / (uses + 2) at first and
by a fixed share later, so that short streams learn quickly. FORMAT.md, "Entropy coding of motion".

The three things that can be done with a bit share one function, so that syntax is written down once: see
:func:`code_bit`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.compiled import compiled

Array = npt.NDArray[Any]

READ, WRITE, COUNT = 0, 1, 2
"""What is done with bits: read from bytes, written to bytes, or only their cost added up."""

ACTION, LOW, RANGE, POSITION, COST = range(5)
"""Places in a coder's ``state``. When reading, LOW is the number read so far, less the bottom of the range."""

TOP, FULL = 1 << 24, (1 << 32) - 1
EVEN = 1 << 15
LEAST, MOST = 1 << 6, (1 << 16) - (1 << 6)
"""Bounds of a probability in 1/65536."""

MAX_USES = 62
RATES = np.array([(1 << 16) // (uses + 2) for uses in range(MAX_USES + 1)], np.int64)
"""How fast a context adapts by how often it was used, in 1/65536."""

COST_UNIT = 1 << 10
COST_SHIFT = 6
COSTS = np.rint(-COST_UNIT * np.log2((np.arange(1 << 16 - COST_SHIFT) + 0.5) / (1 << 16 - COST_SHIFT))).astype(np.int64)
"""Bits in 1/1024 that something of a probability costs; of use to encoders only."""


def start_reading(data: bytes) -> tuple[Array, Array]:
    """State and bytes of a coder that reads ``data``."""
    padded = np.frombuffer(bytearray(data + bytes(4)), np.uint8)
    state = np.array([READ, int.from_bytes(padded[:4].tobytes(), "big"), FULL, 4, 0], np.int64)
    return state, padded


def start_writing(capacity: int) -> tuple[Array, Array]:
    """State and room of a coder that writes at most ``capacity`` bytes."""
    return np.array([WRITE, 0, FULL, 0, 0], np.int64), np.zeros(capacity + 8, np.uint8)


def written(state: Array, data: Array) -> bytes:
    """What was written: the shortest bytes that read back, as zeros are read after their end."""
    low, length = int(state[LOW]), int(state[RANGE])
    for zeros in range(32, -1, -1):
        value = -(-low >> zeros) << zeros
        if value < low + length:
            break
    position = int(state[POSITION])
    head = (int.from_bytes(data[:position].tobytes(), "big") << 32) + value
    return head.to_bytes(position + 4, "big").rstrip(b"\0")


@compiled
def code_bit(state: Array, data: Array, contexts: Array, context: int, bit: int) -> int:
    """Read, write or count a bit in a context, and return it; ``bit`` is what is to be written or counted.

    ``contexts`` int64 [n, 2]: the probability of a 0 and the number of uses. Counting does not change them.
    """
    probability = int(contexts[context, 0])
    if state[ACTION] == COUNT:
        likely = probability if bit == 0 else (1 << 16) - probability
        state[COST] += COSTS[likely >> COST_SHIFT]
        return bit
    bit = _split(state, data, probability, bit)
    uses = int(contexts[context, 1])
    target = 0 if bit else 1 << 16
    probability += ((target - probability) * int(RATES[uses])) >> 16
    contexts[context, 0] = min(max(probability, LEAST), MOST)
    if uses < MAX_USES:
        contexts[context, 1] = uses + 1
    return bit


@compiled
def code_number(state: Array, data: Array, bits: int, value: int) -> int:
    """Read, write or count a number of ``bits`` bits, the highest first, all values being equally likely."""
    if state[ACTION] == COUNT:
        state[COST] += COST_UNIT * bits
        return value
    found = 0
    for place in range(bits - 1, -1, -1):
        found = 2 * found + _split(state, data, EVEN, (value >> place) & 1)
    return found


@compiled
def _split(state: Array, data: Array, probability: int, bit: int) -> int:
    """Read or write a bit: narrow the range to the part that it takes."""
    low, length = int(state[LOW]), int(state[RANGE])
    bound = (length >> 16) * probability
    if state[ACTION] == READ:
        bit = 1 if low >= bound else 0
        if bit:
            low -= bound
    elif bit:
        low += bound
    length = length - bound if bit else bound
    while length < TOP:
        length <<= 8
        low = _next_byte(state, data, low)
    state[LOW], state[RANGE] = low, length
    return bit


@compiled
def _next_byte(state: Array, data: Array, low: int) -> int:
    """Take a byte in, zero after the last, or put one out; return ``low`` one byte further on."""
    position = int(state[POSITION])
    state[POSITION] = position + 1
    if state[ACTION] == READ:
        return (low << 8) | (int(data[position]) if position < len(data) else 0)
    if low > FULL:
        carry = position - 1
        while data[carry] == 255:
            data[carry] = 0
            carry -= 1
        data[carry] += 1
    data[position] = (low >> 24) & 255
    return (low << 8) & FULL
