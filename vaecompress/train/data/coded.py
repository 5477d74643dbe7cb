"""Coded crops, what a decoder is trained on: pixels, and the symbols that an encoder's search chose for them.

A coded crop lies in a file of its own, a PNG: the crop over the bytes of its symbols, in each patch those of the
same place. They are the patch's symbols, two bytes each with the lower one first, its share of the hyper-latents, a
byte each, and the quality. In memory the pixels have six channels: the crop's, and those bytes.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.errors import UsageError
from vaecompress.format import HYPER_FACTOR, PATCH
from vaecompress.train.data.made import origin_of
from vaecompress.train.data.sources import UNREADABLE, Entry, Kind

Pixels = npt.NDArray[np.uint8]

SUFFIX = ".coded"
SIDE = 192
"""Pixels a side of every coded crop."""

CHANNELS, COLOURS = 6, 3
PATCH_BYTES = COLOURS * PATCH * PATCH
PATCHES = HYPER_FACTOR * HYPER_FACTOR
"""How many patches share a position of the hyper-latents."""


@dataclass(frozen=True, eq=False)
class CodedCrop:
    """``pixels`` uint8 [S, S, 3], and what is coded of them at ``quality`` 1..100.

    ``symbols`` int16 [M, S/16, S/16] are residuals, in planes of lowest frequency latents in 1/16 of a step; ``z`` int8
    [Z, S/64, S/64] hyper-latents.
    """

    pixels: Pixels
    symbols: npt.NDArray[np.int16]
    z: npt.NDArray[np.int8]
    quality: int

    def to_bytes(self) -> bytes:
        """The file. Raises UsageError where a model has more latents than a patch has room for."""
        buffer = io.BytesIO()
        Image.fromarray(np.concatenate([self.pixels, self._bytes()])).save(buffer, "PNG")
        return buffer.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def in_memory(self) -> Pixels:
        """Pixels and bytes beside each other, uint8 [S, S, 6]. Raises as :meth:`to_bytes`."""
        return np.concatenate([self.pixels, self._bytes()], axis=2)

    def _bytes(self) -> Pixels:
        """All but the pixels, [S, S, 3]."""
        rows, columns = self.symbols.shape[1:]
        share = -(-len(self.z) // PATCHES)
        used = 2 * len(self.symbols) + share + 1
        if used > PATCH_BYTES:
            raise UsageError(f"{len(self.symbols)} latents a patch do not fit into its {PATCH_BYTES} bytes")
        patches = np.zeros((rows, columns, PATCH_BYTES), np.uint8)
        latents = np.ascontiguousarray(self.symbols.transpose(1, 2, 0).astype("<i2"))
        patches[..., : 2 * len(self.symbols)] = latents.view(np.uint8)
        hyper = np.zeros((share * PATCHES, *self.z.shape[1:]), np.int8)
        hyper[: len(self.z)] = self.z
        patches[..., used - share - 1 : used - 1] = _spread(hyper.view(np.uint8))
        patches[..., used - 1] = self.quality
        return patches.reshape(rows, columns, PATCH, PATCH, COLOURS).swapaxes(1, 2).reshape(self.pixels.shape)


def _spread(hyper: Pixels) -> Pixels:
    """Hyper-latents [16 K, h/4, w/4], K of them each in the patches of their position: [h, w, K]."""
    channels, rows, columns = hyper.shape
    share = hyper.reshape(HYPER_FACTOR, HYPER_FACTOR, channels // PATCHES, rows, columns).transpose(3, 0, 4, 1, 2)
    return share.reshape(HYPER_FACTOR * rows, HYPER_FACTOR * columns, channels // PATCHES)


def unpacked(batch: Any, latents: int, hyper_latents: int) -> tuple[Any, Any, Any]:
    """Symbols [B, h, w, M], hyper-latents [B, h/4, w/4, Z] and qualities [B] of coded crops [B, H, W, 6], all floats.

    Works on arrays of numpy and of jax alike.
    """
    count, height, width, _ = batch.shape
    rows, columns = height // PATCH, width // PATCH
    patches = batch[..., COLOURS:].reshape(count, rows, PATCH, columns, PATCH, COLOURS)
    patches = patches.swapaxes(2, 3).reshape(count, rows, columns, PATCH_BYTES)
    symbols = patches[..., : 2 * latents : 2] + 256.0 * _signed(patches[..., 1 : 2 * latents : 2])
    share = -(-hyper_latents // PATCHES)
    hyper = _signed(patches[..., 2 * latents : 2 * latents + share])
    hyper = hyper.reshape(count, rows // HYPER_FACTOR, HYPER_FACTOR, columns // HYPER_FACTOR, HYPER_FACTOR, share)
    hyper = hyper.swapaxes(2, 3).reshape(count, rows // HYPER_FACTOR, columns // HYPER_FACTOR, PATCHES * share)
    return symbols, hyper[..., :hyper_latents], patches[:, 0, 0, 2 * latents + share]


def _signed(values: Any) -> Any:
    """Bytes, as floats, as the numbers -128..127 that they stand for."""
    return values - 256.0 * (values // 128.0)


def _size(entry: Entry) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(entry.read())) as picture:
            return (SIDE, SIDE) if picture.size == (SIDE, 2 * SIDE) else None
    except UNREADABLE:
        return None


def _decode(entry: Entry) -> Pixels | None:
    """uint8 [SIDE, SIDE, 6], or ``None`` where the file is damaged."""
    try:
        with Image.open(io.BytesIO(entry.read())) as picture:
            stacked = np.asarray(picture.convert("RGB"))
    except UNREADABLE:
        return None
    if stacked.shape != (2 * SIDE, SIDE, COLOURS):
        return None
    return np.asarray(np.concatenate([stacked[:SIDE], stacked[SIDE:]], axis=2))


CODED = Kind("coded crop", CHANNELS, frozenset({SUFFIX}), _size, _decode, origin_of, rescales=False, whole=True)
