"""A picture coded: the one way for stills, frames, tables and benchmarks."""

from vaecompress.codec.picture import Pixels, Reconstruction
from vaecompress.encoder.analysis import Analysis
from vaecompress.encoder.effort import DEFAULT_EFFORT, EFFORTS, Effort, Progress
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.latents import CodedLatents


class PictureEncoder(Analysis):
    """Codes pixels with one model."""

    def search(
        self, pixels: Pixels, quality: int, effort: Effort = EFFORTS[DEFAULT_EFFORT], progress: Progress | None = None
    ) -> CodedLatents:
        """What is to be coded of pixels [height, width, 1 or 3]: the best that ``effort`` finds.

        ``progress`` is told the steps of an effort that has some.
        """
        return Search(self, pixels, quality).run(effort, progress)

    def encode(
        self, pixels: Pixels, quality: int, effort: Effort = EFFORTS[DEFAULT_EFFORT], progress: Progress | None = None
    ) -> Reconstruction:
        """Code pixels [height, width, 1 or 3], decode the bytes and keep what they give."""
        coded = self.latents.encode(self.search(pixels, quality, effort, progress))
        return self.reconstruct(coded, pixels.shape, quality)
