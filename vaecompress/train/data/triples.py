"""Triples, what models of predicted frames are trained on: a frame and its two predictions, as one picture.

A triple lies in a file of its own, a PNG: the frame over its prediction from the past over that from the future, and
in text chunks the quality that the frame is coded at and how far away the references are. In memory it has ten
channels: the three pictures, and a tag that is the same everywhere.
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vaecompress.format import MAX_QUALITY, MIN_QUALITY
from vaecompress.train.data.made import origin_of
from vaecompress.train.data.sources import UNREADABLE, Entry, Kind

Pixels = npt.NDArray[np.uint8]

SUFFIX = ".triple"
CHANNELS = 10
TAG = 9
"""Channels of a triple in memory, and the place of its tag."""

ONE_SIDED = 128
"""What a tag has besides the quality where there is no future."""


@dataclass(frozen=True, eq=False)
class Triple:
    """``pictures`` uint8 [3, H, W, 3]: a frame and its predictions from the past and the future.

    It is coded at ``quality`` 1..100. ``distances`` to the past and the future in frames; without a future, 0, both
    predictions are the same.
    """

    pictures: Pixels
    quality: int
    distances: tuple[int, int]

    @property
    def one_sided(self) -> bool:
        """Whether there is no future."""
        return self.distances[1] == 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pictures.shape[2], self.pictures.shape[1]

    def window(self, top: int, left: int, side: int) -> "Triple":
        """At most ``side`` x ``side`` pixels of it."""
        return Triple(self.pictures[:, top : top + side, left : left + side], self.quality, self.distances)

    def to_bytes(self) -> bytes:
        """The file."""
        facts = PngInfo()
        for name, value in zip(("quality", "past", "future"), (self.quality, *self.distances), strict=True):
            facts.add_text(name, str(value))
        buffer = io.BytesIO()
        Image.fromarray(np.concatenate(self.pictures)).save(buffer, "PNG", pnginfo=facts)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Triple":
        """The inverse of :meth:`to_bytes`. Raises ValueError, or what Pillow raises, where it is no triple."""
        with Image.open(io.BytesIO(data)) as picture:
            quality, past, future = (int(picture.info.get(name, 0)) for name in ("quality", "past", "future"))
            stacked = np.asarray(picture.convert("RGB"))
        if len(stacked) % 3 or not MIN_QUALITY <= quality <= MAX_QUALITY:
            raise ValueError("no triple")
        return cls(stacked.reshape(3, -1, *stacked.shape[1:]), quality, (past, future))


def _size(entry: Entry) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(entry.read())) as picture:
            return picture.width, picture.height // 3
    except UNREADABLE:
        return None


def _decode(entry: Entry) -> Pixels | None:
    """uint8 [H, W, 10], or ``None`` where the file is damaged."""
    try:
        triple = Triple.from_bytes(entry.read())
    except UNREADABLE:
        return None
    tag = np.full((*triple.pictures.shape[1:3], 1), triple.quality + ONE_SIDED * triple.one_sided, np.uint8)
    return np.asarray(np.concatenate([*triple.pictures, tag], axis=2))


TRIPLES = Kind("triple", CHANNELS, frozenset({SUFFIX}), _size, _decode, origin_of, rescales=False)
