"""A decoder of grey and RGB pictures written from FORMAT.md and a model file alone: nothing of the package is used.

Plain and slow: networks run over whole grids, the entropy decoder works symbol by symbol on Python integers. Its
names are those of the text.
"""

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
        self.identity = data[-32:]
        assert hashlib.sha256(data[:-32]).digest() == self.identity
        (length,) = struct.unpack_from("<I", data, 5)
        header = json.loads(data[9 : 9 + length])
        blobs = data[9 + length : -32]
        self.codec = header["card"]["codec"]
        self.networks = {name: blobs[start : start + size] for name, (start, size) in header["networks"].items()}
        self.arrays = {name: read_array(blobs, *place) for name, place in header["arrays"].items()}
        sizes = self.arrays["tables/lengths"]
        parts = np.split(self.arrays["tables/frequencies"].astype(np.int64), np.cumsum(sizes)[:-1])
        first_symbols = self.arrays["tables/first_symbols"].tolist()
        self.tables = [(first, part.tolist()) for first, part in zip(first_symbols, parts, strict=True)]

    def run(self, name: str, **inputs: Array) -> list[Array]:
        """Outputs of a network, of batch 1, as integers."""
        session = onnxruntime.InferenceSession(self.networks[name], providers=["CPUExecutionProvider"])
        batch = {key: value.astype(np.float32)[None] for key, value in inputs.items()}
        return [output[0].astype(np.int64) for output in session.run(None, batch)]

    def gain(self, name: str, q: int) -> Array:
        """Row q - 1 of an array of gains [C, 1, 1]."""
        row: Array = self.arrays[f"gains/{name}"][q - 1]
        return row[:, None, None]


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


def step_of(steps: int, i: Array, j: Array, c: Array) -> Array:
    """The step in which a latent is decoded ("Latents")."""
    t = np.where(i % 2 == 0, np.where(j % 2 == 0, 0, 2), np.where(j % 2 == 0, 3, 1))
    step: Array = {1: 0 * (i + j + c), 2: (i + j + c) % 2, 4: (t + c) % 4}[steps]
    return step


def decode_latents(model: PlainModel, coded: bytes, rows: int, columns: int, q: int, band_latents: int) -> Array:
    """Latents [M][h][w] of a picture with ``rows`` x ``columns`` hyper-latents a channel ("Decoding a picture")."""
    codec = model.codec
    M, Z, S, P, K = (
        codec[name]
        for name in ("latent_channels", "hyper_latent_channels", "context_steps", "prior_sets", "scale_count")
    )
    B = int(-codec["min_log2_scale"] * codec["scale_steps_per_octave"])
    decoder = EntropyDecoder(coded, model.tables)
    hyper_index = K + min((q - 1) * P // 99, P - 1) * Z + np.repeat(np.arange(Z), rows * columns)
    z = decoder.group(hyper_index).reshape(Z, rows, columns)
    assert np.abs(z).max() <= 127
    features, mean, scale = model.run("hyper_synthesis", z=z, feature_gain=model.gain("hyper_feature", q))
    h, w = 4 * rows, 4 * columns
    step = step_of(S, np.arange(h)[None, :, None], np.arange(w)[None, None, :], np.arange(M)[:, None, None])
    residual, y = np.zeros((2, M, h, w), np.int64)
    band_rows = max(1, band_latents // (M * w))
    for s in range(S):
        if s > 0:
            mean, scale = model.run(f"context{s}", features=features, residual=residual, mean=mean, scale=scale)
        index = np.clip(scale + B, 0, K - 1)
        r = np.zeros((M, h, w), np.int64)
        for top in range(0, h, band_rows):
            band = np.zeros((M, h, w), bool)
            band[:, top : top + band_rows] = True
            coded_here = band & (step == s) & (index > 0)
            r[coded_here] = decoder.group(index[coded_here])
        residual = np.where(step == s, np.clip(r, -127, 127), residual)
        y = np.where(step == s, np.clip(16 * r + mean, -8191, 8191), y)
    decoder.finish()
    return np.asarray(y)


def decode(stream: bytes, model_file: bytes, band_latents: int = 1 << 22) -> Array:
    """Pixels uint8 [H, W, 1 or 3] of a picture whose first chunk is ``PICT``."""
    model = PlainModel(model_file)
    assert stream[6:14] == model.identity[:8]
    W, H, channels, q, body = read_picture(stream)
    y = decode_latents(model, body[4:], (H + 63) // 64, (W + 63) // 64, q, band_latents)
    gains = {"latent_gain": model.gain("decoder_latent", q), "feature_gain": model.gain("synthesis_feature", q)}
    (levels,) = model.run("synthesis", y=y, **gains)
    pixels = levels[:H, :W]
    if channels == 1:
        pixels = (2 * pixels.sum(axis=2, keepdims=True) + 3) // 6
    samples: Array = pixels.astype(np.uint8)
    assert struct.pack("<I", zlib.crc32(samples.tobytes())) == body[:4]
    return samples
