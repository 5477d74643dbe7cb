"""Still images to streams: pixels, alpha and metadata, at a quality, a size or a PSNR."""

import io
from dataclasses import astuple, dataclass

import numpy as np

from vaecompress import bitstream
from vaecompress.bitstream import Chunk, Header, PicturePayload, chunks, write
from vaecompress.codec.picture import Pixels
from vaecompress.codec.still import METADATA, ImageCodec
from vaecompress.encoder.effort import DEFAULT_EFFORT, EFFORTS, Effort, Progress
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.quality_search import QualitySearch
from vaecompress.media.image import Image
from vaecompress.media.image_write import write_image
from vaecompress.media.plain import plain
from vaecompress.models.loaded import LoadedModel


@dataclass(frozen=True)
class Encoded:
    """An encoded image: the file, and what it cost and kept. ``bpp`` counts the whole file."""

    data: bytes
    quality: int
    bpp: float
    psnr_db: float
    model: str


class ImageEncoder(ImageCodec):
    """Codes still images with one model."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        self.pictures: PictureEncoder = PictureEncoder(model)

    def encode(
        self,
        image: Image,
        goal: Goal,
        strip: bool = False,
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
        progress: Progress | None = None,
    ) -> Encoded:
        """Encode to a goal; ``strip`` leaves metadata out, as :func:`plain` does. What is returned has been
        decoded and checked.

        ``progress`` is told the steps of an effort that has some. Raises GoalError when a size, rate or PSNR is out of
        reach.
        """
        if strip:
            image, _ = plain(image)
        side_chunks = _side_chunks(image)
        grey = equal_channels(image.pixels)
        pixels = np.ascontiguousarray(image.pixels[:, :, :1]) if grey else image.pixels

        def file_of(quality: int, payload: PicturePayload) -> bytes:
            return self._file(image, grey, quality, payload, side_chunks)

        search = QualitySearch(self.pictures, pixels, goal, lambda *parts: len(file_of(*parts)))
        found = search.find(effort, progress)
        data = file_of(found.quality, found.result.payload)
        bpp = 8 * len(data) / (image.width * image.height)
        return Encoded(data, found.quality, bpp, found.psnr_db, self.model.name)

    def _file(self, image: Image, grey: bool, quality: int, payload: PicturePayload, side_chunks: list[Chunk]) -> bytes:
        channels = 1 if grey else image.channels
        header = Header(
            "image", image.width, image.height, channels, image.alpha is not None, quality, self.model.model_id, grey
        )
        return write(header, [Chunk(chunks.PICTURE, payload.to_body()), *side_chunks])


def equal_channels(pixels: Pixels) -> bool:
    """Whether RGB pixels [H, W, 3] are all grey."""
    return pixels.shape[2] == 3 and bool((pixels == pixels[:, :, :1]).all())


def _side_chunks(image: Image) -> list[Chunk]:
    """Alpha, metadata and colour."""
    found = []
    if image.alpha is not None:
        plane = io.BytesIO()
        write_image(Image(np.ascontiguousarray(image.alpha[:, :, None])), plane, "png")
        found.append(Chunk(chunks.ALPHA, plane.getvalue()))
    for name, kind in METADATA.items():
        if body := getattr(image, name):
            found.append(Chunk(kind, body))
    if image.colour is not None:
        found.append(Chunk(chunks.COLOUR, bitstream.Colour(*astuple(image.colour)).to_body()))
    return found
