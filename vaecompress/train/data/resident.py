"""Training pictures decoded once and held in memory, and random crops of them. Needs neither tensorflow nor jax."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.errors import InputError
from vaecompress.train.data.sources import (
    PICTURES,
    RESCALE_RANGE,
    Entry,
    Kind,
    drawable,
    measured,
)

RESCALED_MIN_SIDE = 192

DeviceArrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class _Slot:
    """Where one decoded picture goes: ``height`` x ``width`` pixels from pixel ``offset`` of the flat buffer."""

    offset: int
    height: int
    width: int


@dataclass(frozen=True)
class Resident:
    """Decoded pictures in one flat buffer.

    ``pixels`` is uint8 [total_pixels, C]; picture i is ``heights[i]`` rows of ``widths[i]`` pixels from row
    ``offsets[i]`` on. ``skipped`` counts what was left out, by reason. ``whole``: they are not turned.
    """

    pixels: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int32]
    widths: npt.NDArray[np.int32]
    seed: int
    skipped: dict[str, int] = field(default_factory=dict)
    whole: bool = False

    @staticmethod
    def load(
        sources: Sequence[Path],
        exclude: frozenset[str] = frozenset(),
        rescale: bool = True,
        seed: int = 0,
        kind: Kind = PICTURES,
    ) -> "Resident":
        """Decode every picture of ``sources`` (files, folders, tar shards) except names in ``exclude``.

        ``rescale`` adds one copy of each picture, reduced by a random factor of 0.5 to 0.9 (which averages coding
        noise of the source away), where it stays at least 192 pixels on its short side. Raises :class:`InputError`
        when a source is missing or no usable picture is found.
        """
        skipped: Counter[str] = Counter()
        entries = kind.entries(sources, exclude, skipped)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sizes = pool.map(kind.size, entries)
            plan, total = _plan(measured(entries, sizes, skipped), rescale, seed)
            pixels = np.empty((total, kind.channels), np.uint8)
            done = list(pool.map(lambda item: _fill(pixels, kind, *item), plan))
        slots = [slot for (_, slots), good in zip(plan, done, strict=True) if good for slot in slots]
        skipped["corrupt"] += done.count(False)
        if not slots:
            named = ", ".join(map(str, sources))
            raise InputError(f"no usable training {kind.noun} in {named} (skipped: {dict(+skipped)})")
        return Resident(
            pixels,
            np.array([slot.offset for slot in slots], np.int64),
            np.array([slot.height for slot in slots], np.int32),
            np.array([slot.width for slot in slots], np.int32),
            seed,
            dict(+skipped),
            kind.whole,
        )

    @property
    def picture_count(self) -> int:
        """Pictures held, reduced copies included."""
        return len(self.offsets)

    def picture(self, index: int) -> npt.NDArray[np.uint8]:
        """A view of picture ``index``, uint8 [H, W, C]."""
        height, width, start = int(self.heights[index]), int(self.widths[index]), int(self.offsets[index])
        return self.pixels[start : start + height * width].reshape(height, width, -1)

    def batch(self, step: int, batch_size: int, crop: int) -> npt.NDArray[np.uint8]:
        """Random crops, uint8 [batch_size, crop, crop, C], a function of (seed, step) alone.

        A picture is drawn with probability proportional to its area among those at least ``crop`` on both sides;
        each crop, unless ``whole``, is turned by one of the eight symmetries of the square. Raises :class:`InputError`
        when no picture is large enough.
        """
        usable, cumulative = drawable(self.heights, self.widths, crop)
        random = np.random.default_rng([self.seed, step])
        drawn = usable[np.searchsorted(cumulative, random.random(batch_size), side="right")]
        tops = random.integers(0, self.heights[drawn] - crop + 1)
        lefts = random.integers(0, self.widths[drawn] - crop + 1)
        turns = random.integers(0, 1 if self.whole else 8, batch_size)
        out = np.empty((batch_size, crop, crop, self.pixels.shape[1]), np.uint8)
        for i in range(batch_size):
            top, left = tops[i], lefts[i]
            out[i] = turned(self.picture(drawn[i])[top : top + crop, left : left + crop], int(turns[i]))
        return out

    def device_arrays(self) -> DeviceArrays:
        """What ``device_crops.device_batch`` draws from, to be put on a device once.

        ``pixels`` uint8 [total_pixels, C]; ``offsets``, ``heights``, ``widths`` int32 [n]. Raises
        :class:`InputError` at 2^31 pixels, where 32-bit indexes end.
        """
        if len(self.pixels) >= 1 << 31:
            raise InputError("the pictures have 2^31 pixels or more: too many to hold on a device, train on fewer")
        offsets = self.offsets.astype(np.int32)
        return {"pixels": self.pixels, "offsets": offsets, "heights": self.heights, "widths": self.widths}


def turned(pixels: npt.NDArray[np.uint8], turn: int) -> npt.NDArray[np.uint8]:
    """A view of ``pixels`` [H, W, C] under symmetry ``turn`` (0..7) of the square: bit 2 transposes, 1 and 0 flip."""
    if turn & 4:
        pixels = pixels.swapaxes(0, 1)
    if turn & 2:
        pixels = pixels[::-1]
    return pixels[:, ::-1] if turn & 1 else pixels


def _plan(
    sized: Iterable[tuple[Entry, int, int]], rescale: bool, seed: int
) -> tuple[list[tuple[Entry, list[_Slot]]], int]:
    """Slots for every picture (and its reduced copy), and the pixels they take together."""
    random = np.random.default_rng(seed)
    plan = []
    total = 0
    for entry, width, height in sized:
        shapes = [(height, width)]
        factor = random.uniform(*RESCALE_RANGE)
        reduced = round(height * factor), round(width * factor)
        if rescale and min(reduced) >= RESCALED_MIN_SIDE:
            shapes.append(reduced)
        slots = []
        for rows, columns in shapes:
            slots.append(_Slot(total, rows, columns))
            total += rows * columns
        plan.append((entry, slots))
    return plan, total


def _fill(pixels: npt.NDArray[np.uint8], kind: Kind, entry: Entry, slots: Sequence[_Slot]) -> bool:
    """Decode ``entry`` into its slots; ``False`` when it is damaged."""
    whole = kind.decode(entry)
    if whole is None:
        return False
    for slot in slots:
        sized = whole
        if whole.shape[:2] != (slot.height, slot.width):
            sized = np.asarray(Image.fromarray(whole).resize((slot.width, slot.height), Image.Resampling.LANCZOS))
        pixels[slot.offset : slot.offset + slot.height * slot.width] = sized.reshape(-1, kind.channels)
    return True
