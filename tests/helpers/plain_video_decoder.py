"""A decoder of videos with predicted frames written from FORMAT.md and a model file alone.

Plain and slow, and nothing of the package is used; its names are those of the text.
"""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from plain_decoder import PlainModel, decode_latents, decode_payload, read_varint

Array = npt.NDArray[Any]
Vector = tuple[int, int]
Motion = tuple[int, Vector, Vector]
"""Mode, past vector, future vector."""

PAST, FUTURE, BOTH = 0, 1, 2
STILL = (0, 0)


class MotionDecoder:
    """Bits of motion ("Entropy coding of motion")."""

    def __init__(self, data: bytes) -> None:
        self.data = data + bytes(4)
        self.low, self.range, self.position = int.from_bytes(self.data[:4], "big"), 2**32 - 1, 4
        self.p, self.u = [32768] * 68, [0] * 68

    def split(self, p: int) -> int:
        bound = (self.range >> 16) * p
        bit = int(self.low >= bound)
        self.low, self.range = (self.low - bound, self.range - bound) if bit else (self.low, bound)
        while self.range < 2**24:
            following = self.data[self.position] if self.position < len(self.data) else 0
            self.range, self.low, self.position = self.range << 8, (self.low << 8) + following, self.position + 1
        return bit

    def bit(self, context: int) -> int:
        p, u = self.p[context], self.u[context]
        bit = self.split(p)
        p += ((0 if bit else 65536) - p) * (65536 // (u + 2)) >> 16
        self.p[context], self.u[context] = min(max(p, 64), 65472), min(u + 1, 62)
        return bit

    def number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = 2 * value + self.split(32768)
        return value

    def difference(self, axis: int, case: int) -> int:
        if not self.bit((36 if axis else 34) + case):
            return 0
        e = 0
        while e < 14 and self.bit(40 + 14 * axis + e):
            e += 1
        size = (1 << e) + self.number(e)
        return -size if self.number(1) else size


def clip(value: int) -> int:
    return min(max(value, -8192), 8192)


@dataclass
class Blocks:
    """Motion and level by block ("Motion"), of a frame whose past reference is ``past`` frames away, 0 for none."""

    rows: int
    columns: int
    past: int = 0
    motion: dict[tuple[int, int], Motion] = field(default_factory=dict)
    level: dict[tuple[int, int], int] = field(default_factory=dict)


class MotionReader:
    """Reads the motion of a frame."""

    def __init__(self, data: bytes, blocks: Blocks, source: Blocks, future: int) -> None:
        self.bits, self.blocks, self.source = MotionDecoder(data), blocks, source
        self.past, self.future = blocks.past, future

    def read(self) -> Blocks:
        for i in range(0, self.blocks.rows, 8):
            for j in range(0, self.blocks.columns, 8):
                self.tree(i, j, 0)
        return self.blocks

    def tree(self, i: int, j: int, level: int) -> None:
        if i >= self.blocks.rows or j >= self.blocks.columns:
            return
        near = [self.blocks.level.get(place, -1) for place in ((i, j - 1), (i - 1, j))]
        side = 8 >> level
        if level < 3 and self.bits.bit(3 * level + sum(other > level for other in near)):
            for down in (0, side // 2):
                for right in (0, side // 2):
                    self.tree(i + down, j + right, level + 1)
            return
        motion = self.leaf(i, j, level, sum(other >= level for other in near))
        for row in range(i, min(i + side, self.blocks.rows)):
            for column in range(j, min(j + side, self.blocks.columns)):
                self.blocks.motion[row, column], self.blocks.level[row, column] = motion, level

    def leaf(self, i: int, j: int, level: int, n: int) -> Motion:
        candidates = self.candidates(i, j, 8 >> level)
        if self.bits.bit(9 + 3 * level + n):
            return self.spelled([motion for _, motion in candidates], level)
        for kind, motion in candidates[:-1]:
            if not self.bits.bit(21 + kind):
                return motion
        return candidates[-1][1]

    def candidates(self, i: int, j: int, s: int) -> list[tuple[int, Motion]]:
        rows, columns = self.blocks.rows, self.blocks.columns
        known = self.blocks.motion.get
        found = [
            known((min(i + s - 1, rows - 1), j - 1)),
            known((i - 1, min(j + s - 1, columns - 1))),
            self.suggested(min(i + s // 2, rows - 1), min(j + s // 2, columns - 1)),
            known((i - 1, j + s)),
            known((i + s, j - 1)),
            known((i - 1, j - 1)),
            (BOTH if self.future else PAST, STILL, STILL),
        ]
        return [(kind, one) for kind, one in enumerate(found) if one is not None and one not in found[:kind]]

    def suggested(self, i: int, j: int) -> Motion | None:
        motion, D = self.source.motion.get((i, j)), self.source.past
        if motion is None or motion[0] == FUTURE:
            return None

        def scale(sign: int, d: int) -> Vector:
            down, right = (clip((2 * sign * v * d + D) // (2 * D)) for v in motion[1])
            return down, right

        if self.future:
            return BOTH, scale(1, self.past), scale(-1, self.future)
        return PAST, scale(1, self.past), STILL

    def spelled(self, candidates: list[Motion], level: int) -> Motion:
        mode = PAST
        if self.future:
            mode = BOTH if self.bits.bit(28 + level) else FUTURE if self.bits.bit(32) else PAST
        known_past = next((motion[1] for motion in candidates if motion[0] != FUTURE), STILL)
        known_future = next((motion[2] for motion in candidates if motion[0] != PAST), STILL)
        past, differences = STILL, STILL
        if mode != FUTURE:
            past, differences = self.vector(known_past, 0, 0)
        if mode == PAST:
            return mode, past, STILL
        if differences != STILL and self.bits.bit(33):
            mirrored = [(-2 * d * self.future + self.past) // (2 * self.past) for d in differences]
            return mode, past, (known_future[0] + mirrored[0], known_future[1] + mirrored[1])
        return mode, past, self.vector(known_future, 1, 2)[0] if mode == BOTH else self.vector(known_future, 0, 0)[0]

    def vector(self, known: Vector, row_case: int, column_case: int) -> tuple[Vector, Vector]:
        down = self.bits.difference(0, row_case)
        right = self.bits.difference(1, column_case + (down != 0))
        return (clip(known[0] + down), clip(known[1] + right)), (down, right)


TAPS = [
    [0, 0, 0, 64, 0, 0, 0, 0],
    [-1, 4, -10, 58, 17, -5, 1, 0],
    [-1, 4, -11, 40, 40, -11, 4, -1],
    [0, 1, -5, 17, 58, -10, 4, -1],
]
RAMP = np.array([1, 3, 5, 7, 9, 11, 13, 15, 15, 13, 11, 9, 7, 5, 3, 1])


def window(reference: Array, top: int, left: int, vector: Vector) -> Array:
    """The 16 x 16 samples of a window ("Prediction")."""
    height, width, _ = reference.shape
    (Y, y), (X, x) = (divmod(v, 4) for v in vector)
    rows = np.clip(np.arange(top + Y - 3, top + Y + 20), 0, height - 1)
    columns = np.clip(np.arange(left + X - 3, left + X + 20), 0, width - 1)
    around = reference[rows][:, columns].astype(np.int64)
    across = sum(TAPS[x][n] * around[:, n : n + 16] for n in range(8))
    total = sum(TAPS[y][m] * across[m : m + 16] for m in range(8))
    return np.clip((total + 2048) // 4096, 0, 255)


def predictions(blocks: Blocks, past: Array, future: Array | None) -> tuple[Array, Array]:
    """A and B [H][W][3]."""
    height, width, _ = past.shape
    sums = np.zeros((2, 8 * blocks.rows + 32, 8 * blocks.columns + 32, 3), np.int64)
    weights = (RAMP[:, None] * RAMP)[:, :, None]
    for i in range(-1, blocks.rows + 1):
        for j in range(-1, blocks.columns + 1):
            place = min(max(i, 0), blocks.rows - 1), min(max(j, 0), blocks.columns - 1)
            mode, past_vector, future_vector = blocks.motion[place]
            top, left = 8 * i - 4, 8 * j - 4
            windows = [None if mode == FUTURE else window(past, top, left, past_vector)]
            windows.append(None if mode == PAST or future is None else window(future, top, left, future_vector))
            for total, one, other in zip(sums, windows, windows[::-1], strict=True):
                total[top + 16 : top + 32, left + 16 : left + 32] += weights * (other if one is None else one)
    A, B = (sums[:, 16 : 16 + height, 16 : 16 + width] + 128) // 256
    return A, B


@dataclass
class Decoded:
    """A frame and its motion."""

    pixels: Array
    blocks: Blocks


class PlainVideo:
    """The frames of a video, decoded when asked for."""

    def __init__(self, stream: bytes, model_file: bytes) -> None:
        self.model = PlainModel(model_file)
        self.part = self.model.predicted()
        assert stream[6:14] == self.model.identity[:8]
        self.width, position = read_varint(stream, 15)
        self.height, position = read_varint(stream, position)
        count, position = read_varint(stream, position)
        entries = []
        for _ in range(count):
            length, after = read_varint(stream, position + 4)
            entries.append((stream[position : position + 4], length))
            position = after + 4
        position += 4
        self.bodies: list[tuple[bytes, bytes]] = []
        for kind, length in entries:
            if kind in (b"FRAM", b"FRMP"):
                self.bodies.append((kind, stream[position : position + length]))
            position += length
        self.decoded: dict[int, Decoded] = {}

    def frame(self, i: int) -> Decoded:
        if i not in self.decoded:
            kind, body = self.bodies[i]
            self.decoded[i] = self.alone(body) if kind == b"FRAM" else self.predicted(i, body)
        return self.decoded[i]

    def blocks(self, past: int) -> Blocks:
        return Blocks((self.height + 7) // 8, (self.width + 7) // 8, past)

    def alone(self, body: bytes) -> Decoded:
        pixels = decode_payload(self.model, body[1:], self.width, self.height, 3, body[0])
        return Decoded(pixels, self.blocks(0))

    def predicted(self, i: int, body: bytes) -> Decoded:
        q = body[0] % 128
        past, position = read_varint(body, 1)
        future, position = read_varint(body, position)
        (checksum,) = struct.unpack_from("<I", body, position)
        length, position = read_varint(body, position + 4)
        motion, coded = body[position : position + length], body[position + length :]
        before, after = self.frame(i - past), self.frame(i + future) if future else None
        source = (after or before).blocks
        blocks = MotionReader(motion, self.blocks(past), source, future).read()
        A, B = predictions(blocks, before.pixels, after.pixels if after else None)
        P = (A + B + 1) // 2
        frame = self.corrected(A, B, coded, q, not future) if coded else P
        samples = frame.astype(np.uint8)
        assert zlib.crc32(samples.tobytes()) == checksum
        return Decoded(samples, blocks)

    def corrected(self, A: Array, B: Array, coded: bytes, q: int, one_sided: bool) -> Array:
        """A frame of which something is coded ("Latents and pixels")."""
        part, rows, columns = self.part, -(-self.height // 64), -(-self.width // 64)
        missing = ((0, 64 * rows - self.height), (0, 64 * columns - self.width), (0, 0))
        A, B = np.pad(A, missing, mode="edge"), np.pad(B, missing, mode="edge")
        P, E = (A + B + 1) // 2, A - B
        energy = np.minimum(np.abs(E).sum(axis=2, keepdims=True), 255)
        prediction = np.concatenate([P - 128, np.clip(E, -127, 127), energy], axis=2).transpose(2, 0, 1)
        gain = part.gain("condition_past" if one_sided else "condition_feature", q)
        at8, at16 = part.run("conditioning", prediction=prediction, feature_gain=gain)
        y = decode_latents(part, coded, rows, columns, q, 1 << 22, at16=at16)
        gains = {"latent_gain": part.gain("decoder_latent", q), "feature_gain": part.gain("synthesis_feature", q)}
        (added,) = part.run("synthesis", y=y, prediction=prediction, at8=at8, at16=at16, **gains)
        frame: Array = np.clip(P + added.transpose(1, 2, 0), 0, 255)[: self.height, : self.width]
        return frame


def decode_video(stream: bytes, model_file: bytes) -> list[Array]:
    """Pixels uint8 [H, W, 3] of every frame, in the order of showing."""
    video = PlainVideo(stream, model_file)
    return [video.frame(i).pixels for i in range(len(video.bodies))]
