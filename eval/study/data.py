"""The training pictures of the study's rows: clean, noisy, through JPEG, or without reduced copies."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.train.data.resident import Resident

from .rows import Data
from .start import Batches

Crops = npt.NDArray[np.uint8]

NOISE_LEVELS = 4.0
JPEG_QUALITIES = (30, 90)


class TrainingPictures:
    """The pictures of ``sources`` but those named in ``exclude``, held in memory in the form last asked for."""

    def __init__(self, sources: Sequence[Path], exclude: frozenset[str]) -> None:
        self._sources, self._exclude = sources, exclude
        self._held: tuple[bool, Resident] | None = None

    def batches(self, data: Data, seed: int) -> Batches:
        """Crops of one kind, a function of seed and step. Raises :class:`InputError` where there are no pictures."""
        reduced = data != "no reduced"
        if self._held is None or self._held[0] != reduced:
            self._held = None  # before the others take as much memory
            self._held = reduced, Resident.load(self._sources, self._exclude, rescale=reduced)
        clean = replace(self._held[1], seed=seed)
        return Corrupted(clean, data, seed) if data in ("noise", "jpeg") else clean


@dataclass(frozen=True)
class Corrupted:
    """Crops of ``clean`` with noise on them, or coded as JPEG and decoded; the loss sees them as the originals."""

    clean: Batches
    data: Data
    seed: int

    def batch(self, step: int, batch_size: int, crop: int) -> Crops:
        """As :meth:`Resident.batch`."""
        crops = self.clean.batch(step, batch_size, crop)
        random = np.random.default_rng([self.seed, step, 1])
        if self.data == "jpeg":
            return np.stack([_through_jpeg(one, int(random.integers(*JPEG_QUALITIES))) for one in crops])
        noisy: npt.NDArray[Any] = crops + NOISE_LEVELS * random.standard_normal(crops.shape, np.float32)
        return noisy.round().clip(0, 255).astype(np.uint8)


def _through_jpeg(crop: Crops, quality: int) -> Crops:
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
