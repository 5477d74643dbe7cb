"""The file around the payload of a still picture: header, alpha, metadata."""

import io
from dataclasses import astuple, dataclass, field
from functools import cached_property

import numpy as np

from vaecompress import bitstream
from vaecompress.bitstream import Chunk, Header, PicturePayload, Tool, chunks, write
from vaecompress.codec.picture import Pixels
from vaecompress.codec.still import METADATA
from vaecompress.codec.tools.webp import has_alpha
from vaecompress.media.image import Image
from vaecompress.media.image_write import write_image
from vaecompress.media.padding import fill_hidden


@dataclass(frozen=True)
class Encoded:
    """An encoded image: the file, and what it cost and kept.

    ``bpp`` counts the whole file; ``model`` is None where none was needed; ``notes`` say what is unusual.
    """

    data: bytes
    quality: int
    bpp: float
    psnr_db: float
    model: str | None
    tool: Tool
    notes: tuple[str, ...] = field(default=(), kw_only=True)


class StillFile:
    """Makes files of one image. ``pixels`` is what is to be coded: one channel where three are equal.

    ``seen_pixels`` is the same for tools that lose something: what alpha hides is filled, unless ``exact_alpha``.
    """

    def __init__(self, image: Image, exact_alpha: bool = True) -> None:
        self.image = image
        self._grey = equal_channels(image.pixels)
        self.pixels = np.ascontiguousarray(image.pixels[:, :, :1]) if self._grey else image.pixels
        kept = image.alpha is None or exact_alpha
        self.seen_pixels = self.pixels if kept else fill_hidden(self.pixels, np.asarray(image.alpha) > 0)

    @property
    def area(self) -> int:
        """Pixels."""
        return self.image.width * self.image.height

    def of(self, quality: int, payload: PicturePayload, model_id: bytes) -> bytes:
        """The whole file."""
        image = self.image
        channels = self.pixels.shape[2]
        header = Header(
            "image", image.width, image.height, channels, image.alpha is not None, quality, model_id, self._grey
        )
        joint = payload.tool is Tool.WEBP_LOSSLESS and has_alpha(payload.coded)
        alpha = [Chunk(chunks.ALPHA, b"")] if joint else self._alpha
        return write(header, [Chunk(chunks.PICTURE, payload.to_body()), *alpha, *self._metadata])

    def encoded(
        self, quality: int, payload: PicturePayload, model_id: bytes, model: str | None, psnr_db: float
    ) -> Encoded:
        """The whole file, and what is to be said of it."""
        data = self.of(quality, payload, model_id)
        return Encoded(data, quality, 8 * len(data) / self.area, psnr_db, model, payload.tool)

    @cached_property
    def _alpha(self) -> list[Chunk]:
        if self.image.alpha is None:
            return []
        plane = io.BytesIO()
        write_image(Image(np.ascontiguousarray(self.image.alpha[:, :, None])), plane, "png")
        return [Chunk(chunks.ALPHA, plane.getvalue())]

    @cached_property
    def _metadata(self) -> list[Chunk]:
        blocks = {kind: getattr(self.image, name) for name, kind in METADATA.items()}
        found = [Chunk(kind, body) for kind, body in blocks.items() if body]
        if self.image.colour is not None:
            found.append(Chunk(chunks.COLOUR, bitstream.Colour(*astuple(self.image.colour)).to_body()))
        return found


def equal_channels(pixels: Pixels) -> bool:
    """Whether RGB pixels [H, W, 3] are all grey."""
    return pixels.shape[2] == 3 and bool((pixels == pixels[:, :, :1]).all())
