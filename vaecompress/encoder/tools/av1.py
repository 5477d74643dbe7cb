"""Pictures coded as monochrome AV1 stills, one a plane, by the AV1 encoder of Pillow's AVIF."""

import io
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from vaecompress.bitstream import PicturePayload, Tool, pixel_checksum
from vaecompress.codec.picture import Pixels, Reconstruction, psnr_db
from vaecompress.codec.tools.av1 import decode_av1, join
from vaecompress.codec.tools.avif import from_avif
from vaecompress.codec.tools.colour import to_planes
from vaecompress.codec.tools.obu import units
from vaecompress.encoder.effort import Effort, Progress

Array = npt.NDArray[Any]

_SETTINGS: dict[str, Any] = {"speed": 6, "max_threads": 1, "range": "full", "advanced": {"tune": "psnr"}}
"""With several threads libaom writes other files. Speed 5 makes them 7 % smaller and takes four times as long."""

_LOWER = (0, 8, 4)
"""By how much the quality of Y, Co and Cg is lower: an error of Co counts two thirds in RGB, and edges of both are
those of Y."""


class Av1Trials:
    """Of pixels [height, width, 1 or 3] coded as AV1 planes."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._planes = np.moveaxis(pixels, 2, 0) if pixels.shape[2] == 1 else to_planes(pixels)

    def __call__(self, quality: int, effort: Effort, progress: Progress | None) -> "Av1Trial":
        """See :class:`vaecompress.encoder.quality_search.Trials`; takes no effort."""
        return Av1Trial(self._pixels, self._planes, quality)


class Av1Trial:
    """A :class:`vaecompress.encoder.quality_search.Trial` of AV1 planes."""

    def __init__(self, pixels: Pixels, planes: Array, quality: int) -> None:
        self.quality, self._pixels = quality, pixels
        at = avif_quality(quality)
        stills = [encode_plane(plane, max(1, at - lower)) for plane, lower in zip(planes, _LOWER, strict=False)]
        self._coded = join(stills)

    @property
    def unchecked(self) -> PicturePayload:
        """The payload before its checksum is known."""
        return PicturePayload(0, self._coded, Tool.AV1_PLANES)

    @cached_property
    def result(self) -> Reconstruction:
        """The payload, and what decoding it gives."""
        height, width, channels = self._pixels.shape
        decoded = decode_av1(self._coded, (height, width, channels))
        return Reconstruction(PicturePayload(pixel_checksum(decoded.data), self._coded, Tool.AV1_PLANES), decoded)

    @cached_property
    def psnr_db(self) -> float:
        """Of what decoding gives."""
        return psnr_db(self._pixels, self.result.pixels)


def avif_quality(quality: int) -> int:
    """The quality of libavif whose files cost least, lambda D + R, at a quality of ours.

    A line through what was found of the pictures of ``python -m vaecompress_eval.drawn``.
    """
    return max(1, round(0.74 * quality - 2))


def encode_plane(plane: Array, quality: int) -> bytes:
    """The still of a plane uint8 [height, width] at a quality 0..100 of libavif. Raises OSError or ValueError where
    Pillow's AVIF cannot write it."""
    with io.BytesIO() as buffer:
        PIL.Image.fromarray(np.ascontiguousarray(plane)).save(buffer, "AVIF", quality=quality, **_SETTINGS)
        return units(from_avif(buffer.getvalue()))
