"""Pixels to the payload of one picture and back: what still images and the frames of a video share."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Picture, pixel_checksum
from vaecompress.codec.latents import HYPER_FACTOR, TARGET_UNIT, TILE_LATENTS, LatentCoder
from vaecompress.codec.linear_path import LinearPath
from vaecompress.codec.models import LoadedModel
from vaecompress.codec.rounding import DeadZone
from vaecompress.codec.tiled import Output, run_tiled
from vaecompress.errors import CorruptError
from vaecompress.media.padding import padded_size
from vaecompress.media.tiling import tiles

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

PATCH = 16
"""Pixels a latent position has along each side."""

HYPER_PATCH = PATCH * HYPER_FACTOR
ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class CodedPicture:
    """A payload, and the pixels [height, width, 1 or 3] that decoding it gives."""

    payload: Picture
    pixels: Pixels


class PictureCodec:
    """Codes pixels with one model."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.latents = LatentCoder(model)

    def compress(self, pixels: Pixels, quality: int) -> bytes:
        """Entropy-coded bytes of pixels [height, width, 1 or 3] without any search, not yet decoded again."""
        y, z = self.analyse(pixels, quality)
        return self.latents.encode(self.latents.code(y, z, quality, DeadZone(self.model.shape)))

    def encode(self, pixels: Pixels, quality: int) -> CodedPicture:
        """Code pixels [height, width, 1 or 3] without any search, decode the bytes and keep what they give."""
        return self.reconstruct(self.compress(pixels, quality), pixels.shape, quality)

    def reconstruct(self, coded: bytes, shape: tuple[int, ...], quality: int) -> CodedPicture:
        """The picture of entropy-coded bytes, with its checksum."""
        pixels = self._decode(coded, shape, quality)
        return CodedPicture(Picture(pixel_checksum(pixels.data), coded), pixels)

    def decode(self, payload: Picture, shape: tuple[int, ...], quality: int) -> Pixels:
        """Pixels of ``shape`` (height, width, 1 or 3). Raises CorruptError unless their checksum is the payload's."""
        pixels = self._decode(payload.coded, shape, quality)
        if pixel_checksum(pixels.data) != payload.checksum:
            raise CorruptError("the decoded picture does not match its checksum; the stream is damaged")
        return pixels

    def _decode(self, coded: bytes, shape: tuple[int, ...], quality: int) -> Pixels:
        self.model.prepare(*self.model.decoder_networks())
        rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in shape[:2])
        latents = self.latents.decode(coded, rows, columns, quality)
        return self.synthesise(latents, shape, quality)

    def analyse(self, pixels: Pixels, quality: int) -> tuple[Array, Array]:
        """Latents y (int16, in 1/64 of a step) and hyper-latents z (float32) of pixels, [1, C, h, w] each."""
        model = self.model
        model.prepare("analysis", "hyper_analysis", *model.decoder_networks())
        (y,) = run_tiled(
            model.network("analysis"),
            {"x": (_PaddedPicture(pixels), PATCH)},
            {
                "feature_gain": model.gain("analysis_feature", quality),
                "latent_gain": model.gain("encoder_latent", quality),
            },
            [Output(np.int16, unit=TARGET_UNIT)],
            TILE_LATENTS,
            model.shape.halos["analysis"],
        )
        grid, output, core = {"y": (_Scaled(y), HYPER_FACTOR)}, [Output(np.float32)], TILE_LATENTS // HYPER_FACTOR
        (z,) = run_tiled(model.network("hyper_analysis"), grid, {}, output, core, 0)
        return y, z

    def synthesise(self, latents: Array, shape: tuple[int, ...], quality: int) -> Pixels:
        """Latents int16 [1, M, h, w] in 1/16 of a step to pixels of ``shape`` (height, width, 1 or 3), tile by tile."""
        height, width, channels = shape
        model = self.model
        network, halo = model.network("synthesis"), model.shape.halos["synthesis"]
        gains = {
            "latent_gain": model.gain("decoder_latent", quality),
            "feature_gain": model.gain("synthesis_feature", quality),
        }
        pixels = np.empty((height, width, 3), np.uint8)
        _, _, grid_height, grid_width = latents.shape
        for tile in tiles(grid_height, grid_width, TILE_LATENTS, halo):
            rows, columns = tile.padded.slices
            (levels,) = network.run({"y": latents[:, :, rows, columns].astype(np.float32), **gains})
            rows, columns = tile.core.scaled(PATCH).slices
            place = pixels[rows, columns]
            top, left = (tile.core.top - tile.padded.top) * PATCH, (tile.core.left - tile.padded.left) * PATCH
            place[:] = levels[0, top : top + place.shape[0], left : left + place.shape[1]]
        return pixels if channels == 3 else to_grey(pixels)

    @cached_property
    def linear_path(self) -> LinearPath:
        """The linear path of the model's synthesis."""
        return LinearPath(self.model)


class _Scaled:
    """Latents in 1/64 of a step, cut as float32 in steps."""

    def __init__(self, y: Array) -> None:
        self._y = y
        self.shape = y.shape

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        return np.asarray(self._y[window] * np.float32(1 / TARGET_UNIT))


class _PaddedPicture:
    """Pixels as the analysis sees them, float32 [1, 3, H, W] centred, edge-padded to a multiple of 64; cut lazily."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.shape = (1, 3, *(padded_size(side, HYPER_PATCH) for side in pixels.shape[:2]))

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        rows, columns = (
            np.minimum(np.arange(span.start, span.stop), side - 1)
            for span, side in zip(window[2:], self._pixels.shape[:2], strict=True)
        )
        cut = self._pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        missing = (len(rows) - cut.shape[0], len(columns) - cut.shape[1])
        cut = np.pad(cut, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        centred = (cut.astype(np.float32) - np.float32(128)) * np.float32(1 / 256)
        return np.broadcast_to(centred.transpose(2, 0, 1)[None], (1, 3, *cut.shape[:2]))


def to_grey(pixels: Pixels) -> Pixels:
    """Decoded RGB of a grey picture to grey: the mean of the three, rounded half up."""
    total = pixels[:, :, 0].astype(np.uint16) + pixels[:, :, 1] + pixels[:, :, 2]
    return np.asarray((2 * total + 3) // 6, np.uint8)[:, :, None]


def psnr_db(a: Pixels, b: Pixels) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures over all samples; infinity where they are equal."""
    error = squared_error(a, b)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 * a.size / error))


def squared_error(a: Pixels, b: Pixels) -> int:
    """Sum of the squared differences of two pictures over all samples."""
    spans = (slice(top, top + ROWS_AT_ONCE) for top in range(0, len(a), ROWS_AT_ONCE))
    return sum(int(np.sum(np.square(a[rows].astype(np.int32) - b[rows]), dtype=np.int64)) for rows in spans)
