"""Coded crops of pictures: what the encoder's search chooses, at random qualities, kept to train a decoder on."""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.video import shared
from vaecompress.encoder.latents import CodedLatents
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.format import HYPER_FACTOR, HYPER_PATCH, MAX_QUALITY, MIN_QUALITY
from vaecompress.models.loaded import LoadedModel
from vaecompress.train.data import coded
from vaecompress.train.data.coded import SUFFIX, CodedCrop
from vaecompress.train.data.made import Progress, pack_made
from vaecompress.train.data.pack import SHARD_BYTES, Shards, check_output
from vaecompress.train.data.resident import turned
from vaecompress.train.data.sources import PICTURES, Entry, decode_pixels, window

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

CROPS = 4
"""Of each picture."""


class CodedMaker:
    """Makes coded crops with one model. Safe to share between threads."""

    def __init__(self, model: LoadedModel) -> None:
        self._codec = PictureEncoder(model)

    def of(self, entry: Entry) -> list[CodedCrop] | None:
        """Coded crops of a picture, none where it is too small; ``None`` where it is damaged.

        Where they lie, how they are turned, reduced and coded depends on the entry's name and the model alone.
        """
        picture = decode_pixels(entry)
        if picture is None or min(picture.shape[:2]) < coded.SIDE:
            return None if picture is None else []
        random = np.random.default_rng([zlib.crc32(entry.name.encode()), *self._codec.model.model_id])
        return list(self._of_picture(picture, random))

    def _of_picture(self, picture: Pixels, random: np.random.Generator) -> Iterator[CodedCrop]:
        for _ in range(CROPS):
            crop = window(picture, coded.SIDE, random, rescale=True)
            crop = np.ascontiguousarray(turned(crop, int(random.integers(8))))
            yield self.code(crop, int(random.integers(MIN_QUALITY, MAX_QUALITY + 1)))

    def code(self, crop: Pixels, quality: int) -> CodedCrop:
        """A crop uint8 [S, S, 3], sides multiples of 64, as it is coded by default."""
        found = self._codec.search(crop, quality)
        source = _Kept(found, self._codec.model)
        rows, columns = (side // HYPER_PATCH for side in crop.shape[:2])
        latents = self._codec.latents.fill(source, rows, columns, quality)
        planes = self._codec.model.shape.plane_channels
        source.symbols[planes] = latents[0, planes]
        return CodedCrop(crop, source.symbols, source.z, quality)


class _Kept:
    """The symbols of coded latents in their order, kept by their places."""

    def __init__(self, found: CodedLatents, model: LoadedModel) -> None:
        _, count, height, width = found.latents.shape
        self.symbols = np.zeros((count, height, width), np.int16)
        self.z = np.zeros((model.shape.hyper_latent_channels, height // HYPER_FACTOR, width // HYPER_FACTOR), np.int8)
        self._groups = iter(found.groups)

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`SymbolSource`."""
        return next(self._groups)[0].reshape(index.shape)

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`SymbolSource`."""
        symbols = next(self._groups)[0].reshape(index.shape)
        one.grid(self.z)[:, one.mask] = symbols + mean
        return symbols

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`SymbolSource`."""
        symbols = next(self._groups)[0]
        self.symbols[:, rows][coded] = symbols
        return symbols


def pack_coded(
    sources: Sequence[Path],
    output: Path,
    model: LoadedModel,
    shard_bytes: int = SHARD_BYTES,
    exclude: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Code crops of pictures with ``model`` and pack them as :func:`pack` does.

    A coded crop is called after its picture, which is its ``source`` in the manifest. ``progress`` is told how many of
    the pictures are done, and their number. Raises as :func:`pack`, and UsageError where a model has too many latents.
    """
    check_output(output)
    workers = os.cpu_count() or 1
    maker, shards = CodedMaker(shared(model, workers)), Shards(output, shard_bytes)
    return pack_made(sources, PICTURES, exclude, maker.of, SUFFIX, shards, workers, progress)
