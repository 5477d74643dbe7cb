"""The payload of one picture to pixels: what still images and the frames of a video share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import PicturePayload, Tool, pixel_checksum
from vaecompress.codec.latents import TILE_LATENTS, LatentCoder
from vaecompress.codec.pixel_filter import filtered
from vaecompress.codec.tools.decode import decode_with_tool
from vaecompress.errors import CorruptError
from vaecompress.format import HYPER_PATCH, PATCH
from vaecompress.media.padding import padded_size
from vaecompress.media.tiling import tiles
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.engines import Network

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A payload, and the pixels [height, width, 1 or 3] that decoding it gives."""

    payload: PicturePayload
    pixels: Pixels


class PictureCodec:
    """Decodes pictures with one model."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.latents = LatentCoder(model)

    def decode(self, payload: PicturePayload, shape: tuple[int, ...], quality: int) -> Pixels:
        """Pixels of ``shape`` (height, width, 1 or 3). Raises CorruptError unless their checksum is the payload's.

        Raises UnsupportedError for a tool whose package is not here.
        """
        height, width, channels = shape
        if payload.tool is not Tool.LEARNED:
            return decode_with_tool(payload, (height, width, channels))
        if not payload.coded:
            raise CorruptError("picture payload is empty; fetch the file again")
        colours = self.decode_unfiltered(payload.coded[1:], (height, width, 3), quality)
        colours = filtered(colours, self.model.filter_weights[quality - 1], payload.coded[0])
        pixels = colours if channels == 3 else to_grey(colours)
        if pixel_checksum(pixels.data) != payload.checksum:
            raise CorruptError("the decoded picture does not match its checksum; the stream is damaged")
        return pixels

    def decode_unfiltered(self, coded: bytes, shape: tuple[int, ...], quality: int) -> Pixels:
        """What entropy-coded bytes give before the pixel filter."""
        return self.synthesise(self.decode_latents(coded, shape, quality), shape, quality)

    def decode_latents(self, coded: bytes, shape: tuple[int, ...], quality: int) -> Array:
        """Latents int16 [1, M, h, w] in 1/16 of a step of entropy-coded bytes."""
        self.model.prepare(*self.model.decoder_networks())
        rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in shape[:2])
        return self.latents.decode(coded, rows, columns, quality)

    def synthesise(
        self, latents: Array, shape: tuple[int, ...], quality: int, network: Network | None = None
    ) -> Pixels:
        """Latents int16 [1, M, h, w] in 1/16 of a step to pixels of ``shape`` (height, width, 1 or 3), tile by tile.

        ``network`` may stand in for the model's synthesis.
        """
        height, width, channels = shape
        model = self.model
        network, halo = network or model.network("synthesis"), model.shape.halos["synthesis"]
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
