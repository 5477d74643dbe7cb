"""A decoder of grey and RGB pictures written from FORMAT.md and a model file alone: nothing of the package is used.

Plain and slow: networks run over whole grids, the entropy decoder works symbol by symbol on Python integers. Its
names are those of the text.
"""

import copy
import hashlib
import json
import math
import struct
import zlib
from bisect import bisect_right
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[Any]
DTYPES = {"int8": "<i1", "uint8": "<u1", "int16": "<i2", "int32": "<i4", "uint32": "<u4", "float16": "<f2"}


class PlainModel:
    """A model file ("Model file")."""

    def __init__(self, data: bytes) -> None:
        assert data[:5] == b"VCM\x1a\x01"
        self.identity = data[-36:-4]
        assert struct.pack("<I", zlib.crc32(data[:-4])) == data[-4:]
        (length,) = struct.unpack_from("<I", data, 5)
        header = json.loads(data[9 : 9 + length])
        blobs = data[9 + length : -36]
        if "inflated" in header:
            blobs = zlib.decompress(blobs)
            assert len(blobs) == header["inflated"]
        self.card = header["card"]
        self.codec = self.card["codec"]
        assert identity_of(header, blobs) == self.identity
        self.networks = {name: blobs[start : start + size] for name, (start, size) in header["networks"].items()}
        self.arrays = {name: read_array(blobs, *place) for name, place in header["arrays"].items()}
        self._take_tables()

    def _take_tables(self) -> None:
        sizes = self.arrays["tables/lengths"]
        parts = np.split(self.arrays["tables/frequencies"].astype(np.int64), np.cumsum(sizes)[:-1])
        first_symbols = self.arrays["tables/first_symbols"].tolist()
        self.tables = [(first, part.tolist()) for first, part in zip(first_symbols, parts, strict=True)]

    def predicted(self) -> "PlainModel":
        """What predicted frames are decoded with."""
        part = copy.copy(self)
        part.codec = self.card["predicted"]["codec"]
        for kind in ("networks", "arrays"):
            members = getattr(self, kind).items()
            setattr(part, kind, {name[10:]: member for name, member in members if name.startswith("predicted/")})
        part._take_tables()
        return part

    def run(self, name: str, **inputs: Array) -> list[Array]:
        """Outputs of a network, of batch 1, as integers."""
        session = onnxruntime.InferenceSession(self.networks[name], providers=["CPUExecutionProvider"])
        batch = {key: value.astype(np.float32)[None] for key, value in inputs.items()}
        return [output[0].astype(np.int64) for output in session.run(None, batch)]

    def gain(self, name: str, q: int) -> Array:
        """Row q - 1 of an array of gains [C, 1, 1]."""
        row: Array = self.arrays[f"gains/{name}"][q - 1]
        return row[:, None, None]


def identity_of(header: dict[str, Any], blobs: bytes) -> bytes:
    """The hash of what decoding needs."""
    card = header["card"]
    numbers = {"codec": card["codec"]} | ({"predicted": card["predicted"]["codec"]} if "predicted" in card else {})
    members = {
        name: hashlib.sha256(blobs[start : start + size]).digest() for name, (start, size) in header["networks"].items()
    }
    for name, (kind, shape, offset) in header["arrays"].items():
        raw = read_array(blobs, kind, shape, offset).tobytes()
        members[name] = hashlib.sha256(f"{kind} {shape}\0".encode() + raw).digest()
    text = json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode()
    for name in sorted(members):
        own = name.removeprefix("predicted/")
        if own in ("analysis", "hyper_analysis", "gains/analysis_feature", "gains/encoder_latent"):
            continue
        if not own.startswith(("exact/", "params/", "ranges/")):
            text += name.encode() + b"\0" + members[name]
    return hashlib.sha256(text).digest()


def read_array(blobs: bytes, kind: str, shape: list[int], offset: int) -> Array:
    return np.frombuffer(blobs, DTYPES.get(kind, "<f4"), math.prod(shape), offset).reshape(shape)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if data[position - 1] < 0x80:
            return value, position


class EntropyDecoder:
    """Symbols of one payload ("Entropy coding")."""

    def __init__(self, coded: bytes, tables: list[tuple[int, list[int]]]) -> None:
        length, start = read_varint(coded, 0)
        self.escapes, words = coded[start : start + length], coded[start + length :]
        words += bytes(-len(words) % 4)
        self.words = [word for (word,) in struct.iter_unpack("<I", words)]
        self.tables = [(first, freq, [0, *accumulate(freq)]) for first, freq in tables]
        self.x = 0
        for _ in range(2):
            self._take_word()

    def _take_word(self) -> None:
        if self.words:
            self.x = self.x << 32 | self.words.pop()

    def group(self, table_index: Array) -> Array:
        """Symbols of a group in the order of its positions."""
        symbols = np.zeros(table_index.size, np.int64)
        for position in np.argsort(table_index, kind="stable"):
            symbols[position] = self._symbol(*self.tables[table_index[position]])
        return symbols

    def _symbol(self, first: int, freq: list[int], low: list[int]) -> int:
        slot = self.x % (1 << 24)
        i = bisect_right(low, slot) - 1
        self.x = (self.x >> 24) * freq[i] + slot - low[i]
        if self.x < 1 << 32:
            self._take_word()
        size = len(freq) - 1
        if i < size:
            return first + i
        code, position = read_varint(self.escapes, 0)
        self.escapes = self.escapes[position:]
        return first - (code + 1) // 2 if code % 2 else first + size + code // 2

    def finish(self) -> None:
        assert (self.x, self.words, self.escapes) == (0, [], b"")


def read_picture(stream: bytes) -> tuple[int, int, int, int, bytes]:
    """W, H, channels, q and the body of ``PICT``, the first chunk ("Header")."""
    flags, q = stream[5], stream[14]
    width, position = read_varint(stream, 15)
    height, position = read_varint(stream, position)
    count, position = read_varint(stream, position)
    lengths = []
    for _ in range(count):
        length, position = read_varint(stream, position + 4)
        lengths.append(length)
        position += 4
    body = stream[position + 4 : position + 4 + lengths[0]]
    return width, height, 1 if flags & 4 else 3, q, body


class Plane:
    """Positions coded coarse to fine: their passes, and neighbours on a mirrored grid ("Coarse to fine")."""

    def __init__(self, rows: int, columns: int) -> None:
        self.values = np.zeros((rows, columns), np.int64)

    def passes(self) -> list[tuple[int, int, list[tuple[int, int]]]]:
        """Level, stride and positions (row, column) of each pass."""
        rows, columns = self.values.shape
        t = 1
        while t < min(rows, columns, 32):
            t *= 2
        found = [(0, t, [(i, j) for i in range(0, rows, t) for j in range(0, columns, t)])]
        while t > 1:
            t //= 2
            grid = [(i, j) for i in range(0, rows, t) for j in range(0, columns, t)]
            level = 5 if t == 1 else 3 if t == 2 else 1
            found.append((level, t, [(i, j) for i, j in grid if i // t % 2 and j // t % 2]))
            found.append((level + 1, t, [(i, j) for i, j in grid if (i // t + j // t) % 2]))
        return found

    def at(self, place: tuple[int, int], offset: tuple[int, int], t: int) -> int:
        """The neighbour at an offset on the grid of stride t."""
        indices = []
        for start, step, side in zip(place, offset, self.values.shape, strict=True):
            last = (side - 1) // t
            index = abs(start // t + step) % (2 * last)
            indices.append(t * min(index, 2 * last - index))
        return int(self.values[indices[0], indices[1]])


DIAGONAL_PAIRS = [[(-1, -1), (1, 1)], [(-1, 1), (1, -1)]]
STRAIGHT_PAIRS = [[(-1, 0), (1, 0)], [(0, -1), (0, 1)]]
DIAGONAL_RINGS = [
    [(-3, -1), (-1, 1), (-1, -3), (1, -1), (1, -1), (3, 1), (-1, 1), (1, 3)],
    [(-3, 1), (-1, -1), (-1, 3), (1, 1), (1, 1), (3, -1), (-1, -1), (1, -3)],
]
STRAIGHT_RINGS = [
    [(-1, 2), (1, 2), (-1, -2), (1, -2), (-2, 1), (0, 1), (0, 1), (2, 1), (-2, -1), (0, -1), (0, -1), (2, -1)],
    [(2, -1), (2, 1), (-2, -1), (-2, 1), (1, -2), (1, 0), (1, 0), (1, 2), (-1, -2), (-1, 0), (-1, 0), (-1, 2)],
]


def leaning_mean(plane: Plane, place: tuple[int, int], level: int, t: int) -> tuple[int, int]:
    """Mean and activity of a position ("Planes of lowest frequency")."""
    pairs, rings, own = (DIAGONAL_PAIRS, DIAGONAL_RINGS, 4) if level % 2 else (STRAIGHT_PAIRS, STRAIGHT_RINGS, 3)
    sums, changes = [], []
    for pair, ring in zip(pairs, rings, strict=True):
        first, second = (plane.at(place, offset, t) for offset in pair)
        around = [plane.at(place, offset, t) for offset in ring]
        sums.append(first + second)
        changes.append(
            own * abs(first - second) + sum(abs(x - y) for x, y in zip(around[::2], around[1::2], strict=True))
        )
    da, db = changes
    u, v = db * db + 16, da * da + 16
    mean = (sums[0] * u + sums[1] * v + u + v) // (2 * (u + v))
    return mean, 2 * da * db // (da + db + 1) + 2 * abs(sums[0] - sums[1])


def decode_planes(model: PlainModel, decoder: EntropyDecoder, h: int, w: int) -> list[Plane]:
    """The latents of the channels of lowest frequency."""
    planes = [Plane(h, w) for _ in model.codec["plane_channels"]]
    if not planes:
        return []
    tables, bounds = model.arrays["planes/tables"], model.arrays["planes/bounds"]
    for level, t, places in planes[0].passes():
        first_residual = dict.fromkeys(places, 0)
        for group in (range(0, 1), range(1, len(planes))):
            means, indices = [], []
            for number in group:
                for place in places:
                    mean, activity = leaning_mean(planes[number], place, level, t) if level else (0, 0)
                    activity += 24 * abs(first_residual[place])
                    part = int((bounds <= activity).sum())
                    means.append(mean)
                    indices.append(model.codec["scale_count"] + int(tables[level, number, part]))
            symbols = decoder.group(np.array(indices, np.int64))
            where = [(number, place) for number in group for place in places]
            for (number, place), r, mean in zip(where, symbols.tolist(), means, strict=True):
                planes[number].values[place] = min(max(16 * r + mean, -8191), 8191)
                if number == 0:
                    first_residual[place] = r
    return planes


def decode_hyper(model: PlainModel, decoder: EntropyDecoder, rows: int, columns: int, q: int) -> Array:
    """Hyper-latents [Z][rows][columns] ("Hyper-latents")."""
    codec, arrays = model.codec, model.arrays
    P, Z = codec["prior_sets"], codec["hyper_latent_channels"]
    s = min((q - 1) * P // 99, P - 1)
    planes = [Plane(rows, columns) for _ in range(Z)]
    for level, t, places in planes[0].passes():
        pairs = DIAGONAL_PAIRS if level % 2 else STRAIGHT_PAIRS
        offsets = [offset for pair in pairs for offset in pair] if level else []
        near = {(c, p): [planes[c].at(p, offset, t) for offset in offsets] for c in range(Z) for p in places}
        everything = {p: sum(abs(n) for c in range(Z) for n in near[c, p]) for p in places}
        indices, means = [], []
        for (c, place), neighbours in near.items():
            total = sum(neighbours)
            fine = int(arrays["planes/hyper_means"][s, level, c])
            fine += (int(arrays["planes/hyper_weights"][s, level, c]) * total + 16) // 32
            activity = everything[place] // 4 + sum(4 * abs(n) + abs(4 * n - total) for n in neighbours)
            part = int((arrays["planes/hyper_bounds"] <= activity).sum())
            scale = int(arrays["planes/hyper_scales"][s, level, c, part])
            means.append((fine + 4) // 8)
            offset = fine - 8 * means[-1] + 4
            indices.append(codec["scale_count"] + codec["plane_table_count"] + 8 * scale + offset)
        symbols = decoder.group(np.array(indices, np.int64))
        for (c, place), symbol, mean in zip(near, symbols.tolist(), means, strict=True):
            planes[c].values[place] = symbol + mean
            assert abs(symbol + mean) <= 127
    return np.stack([plane.values for plane in planes])


def filtered(rgb: Array, weights: Array, f: int) -> Array:
    """Pixels [H, W, 3] through the pixel filter."""
    height, width, _ = rgb.shape
    R, G, B = np.moveaxis(rgb, 2, 0)
    offsets = [[(0, 1), (1, 0)], [(1, 1), (1, -1)], [(0, 2), (2, 0)]]
    bounds = [(7, 34), (6, 28), (10, 48)]
    C = np.zeros((3, height, width), np.int64)
    for number, X in enumerate((R + G + B, R - B, R - 2 * G + B)):
        for direction, pair in enumerate(offsets):
            for down, right in pair:
                for row in range(height - down):
                    for column in range(max(0, -right), width - max(0, right)):
                        difference = int(X[row + down, column + right] - X[row, column])
                        flow = sum(
                            int(weight) * min(max(difference, -bound), bound)
                            for weight, bound in zip(weights[number, direction], bounds[number], strict=True)
                        )
                        C[number, row, column] += flow
                        C[number, row + down, column + right] -= flow
    gained = np.stack([C[0] + C[1] + C[2], C[0] - 2 * C[2], C[0] - C[1] + C[2]], axis=2)
    return np.clip(rgb + (f * gained + 512) // 1024, 0, 255)


def step_of(steps: int, i: Array, j: Array, c: Array) -> Array:
    """The step in which a latent is decoded ("Latents")."""
    t = np.where(i % 2 == 0, np.where(j % 2 == 0, 0, 2), np.where(j % 2 == 0, 3, 1))
    step: Array = {1: 0 * (i + j + c), 2: (i + j + c) % 2, 4: (t + c) % 4}[steps]
    return step


def decode_latents(
    model: PlainModel, coded: bytes, rows: int, columns: int, q: int, band_latents: int, **condition: Array
) -> Array:
    """Latents [M][h][w] of a picture with ``rows`` x ``columns`` hyper-latents a channel ("Decoding a picture")."""
    codec = model.codec
    M, S, K = (codec[name] for name in ("latent_channels", "context_steps", "scale_count"))
    B = int(-codec["min_log2_scale"] * codec["scale_steps_per_octave"])
    decoder = EntropyDecoder(coded, model.tables)
    planes = decode_planes(model, decoder, 4 * rows, 4 * columns)
    z = decode_hyper(model, decoder, rows, columns, q)
    features, mean, scale = model.run("hyper_synthesis", z=z, feature_gain=model.gain("hyper_feature", q), **condition)
    h, w = 4 * rows, 4 * columns
    step = step_of(S, np.arange(h)[None, :, None], np.arange(w)[None, None, :], np.arange(M)[:, None, None])
    residual, y = np.zeros((2, M, h, w), np.int64)
    in_planes = np.zeros((M, 1, 1), bool)
    for channel, plane in zip(codec["plane_channels"], planes, strict=True):
        y[channel], in_planes[channel] = plane.values, True
    band_rows = max(1, band_latents // (M * w))
    for s in range(S):
        if s > 0:
            mean, scale = model.run(f"context{s}", features=features, residual=residual, mean=mean, scale=scale)
        index = np.clip(scale + B, 0, K - 1)
        r = np.zeros((M, h, w), np.int64)
        for top in range(0, h, band_rows):
            band = np.zeros((M, h, w), bool)
            band[:, top : top + band_rows] = True
            coded_here = band & (step == s) & (index > 0) & ~in_planes
            r[coded_here] = decoder.group(index[coded_here])
        r = np.where(in_planes, (y - mean + 8) // 16, r)
        residual = np.where(step == s, np.clip(r, -127, 127), residual)
        y = np.where((step == s) & ~in_planes, np.clip(16 * r + mean, -8191, 8191), y)
    decoder.finish()
    return np.asarray(y)


def decode(stream: bytes, model_file: bytes, band_latents: int = 1 << 22) -> Array:
    """Pixels uint8 [H, W, 1 or 3] of a picture whose first chunk is ``PICT``."""
    model = PlainModel(model_file)
    W, H, channels, q, body = read_picture(stream)
    assert body[0] or stream[6:14] == model.identity[:8]
    return decode_payload(model, body, W, H, channels, q, band_latents)


def decode_payload(
    model: PlainModel, body: bytes, W: int, H: int, channels: int, q: int, band_latents: int = 1 << 22
) -> Array:
    """Pixels of a picture payload of the tool learned."""
    if body[0]:
        raise NotImplementedError(f"tool {body[0]}: this decoder has only the tool learned")
    y = decode_latents(model, body[6:], (H + 63) // 64, (W + 63) // 64, q, band_latents)
    gains = {"latent_gain": model.gain("decoder_latent", q), "feature_gain": model.gain("synthesis_feature", q)}
    (levels,) = model.run("synthesis", y=y, **gains)
    pixels = levels[:H, :W]
    if body[5]:
        pixels = filtered(pixels, model.arrays["filter/weights"][q - 1], body[5])
    if channels == 1:
        pixels = (2 * pixels.sum(axis=2, keepdims=True) + 3) // 6
    samples: Array = pixels.astype(np.uint8)
    assert struct.pack("<I", zlib.crc32(samples.tobytes())) == body[1:5]
    return samples
