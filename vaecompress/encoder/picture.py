"""A picture coded: the one way for stills, frames, tables and benchmarks."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import PicturePayload, pixel_checksum
from vaecompress.codec.picture import ROWS_AT_ONCE, Pixels, Reconstruction, to_grey
from vaecompress.codec.pixel_filter import apply_changes, filter_changes
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.analysis import Analysis
from vaecompress.encoder.effort import EFFORTS, Effort, Progress
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.latents import CodedLatents
from vaecompress.format import FILTER_MAX_STRENGTH, FILTER_STRENGTH_BITS, FILTER_WEIGHT_BITS
from vaecompress.models.loaded import ROUGH_SYNTHESIS

Array = npt.NDArray[Any]


class PictureEncoder(Analysis):
    """Codes pixels with one model."""

    def search(
        self, pixels: Pixels, quality: int, effort: Effort = EFFORTS[DEFAULT_EFFORT], progress: Progress | None = None
    ) -> CodedLatents:
        """What is to be coded of pixels [height, width, 1 or 3]: the best that ``effort`` finds.

        ``progress`` is told the steps of an effort that has some.
        """
        if effort.rounds:
            self.model.prepare("analysis", "hyper_analysis", "hyper_synthesis", ROUGH_SYNTHESIS)
        return Search(self, pixels, quality).run(effort, progress)

    def encode(
        self, pixels: Pixels, quality: int, effort: Effort = EFFORTS[DEFAULT_EFFORT], progress: Progress | None = None
    ) -> Reconstruction:
        """Code pixels [height, width, 1 or 3], decode the bytes and keep what they give."""
        found = self.search(pixels, quality, effort, progress)
        return self.finish(pixels, self.latents.encode(found), quality, found)

    def finish(self, pixels: Pixels, coded: bytes, quality: int, found: CodedLatents | None = None) -> Reconstruction:
        """The payload of ``pixels`` whose entropy-coded bytes these are, filtered as strongly as is best for them.

        The bytes are decoded. Where they give the symbols of ``found``, what the networks make of those is known.
        """
        height, width, channels = pixels.shape
        known = found if found is not None and self.latents.gives(coded, found) else None
        decoded = None if known is None else known.pixels
        if decoded is None:
            latents = self.decode_latents(coded, pixels.shape, quality) if known is None else known.latents
            decoded = self.synthesise(latents, (height, width, 3), quality)
        changes = filter_changes(decoded, self.model.filter_weights[quality - 1])
        strength = best_strength(pixels, decoded, changes)
        decoded = apply_changes(decoded, changes, strength) if strength else decoded
        decoded = decoded if channels == 3 else to_grey(decoded)
        return Reconstruction(PicturePayload(pixel_checksum(decoded.data), bytes([strength]) + coded), decoded)


def best_strength(pixels: Pixels, decoded: Pixels, changes: Array) -> int:
    """The filter strength, in quarters, at which ``decoded`` comes nearest to ``pixels`` before rounding."""
    gained = energy = 0.0
    for top in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        change = changes[rows].astype(np.float32)
        gained += float(np.sum((pixels[rows].astype(np.float32) - decoded[rows]) * change, dtype=np.float64))
        energy += float(np.sum(np.square(change), dtype=np.float64))
    if energy == 0:
        return 0
    quarters = (1 << (FILTER_WEIGHT_BITS + FILTER_STRENGTH_BITS)) * gained / energy
    return round(min(max(quarters, 0.0), FILTER_MAX_STRENGTH))
