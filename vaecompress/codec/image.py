"""Still images: pixels, alpha and metadata to a stream and back, at a quality, a size or a PSNR."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Chunk, Container, Header, Picture, chunks, write
from vaecompress.codec.effort import DEFAULT_EFFORT, EFFORTS, Effort, Progress
from vaecompress.codec.goal import Goal
from vaecompress.codec.models import LoadedModel
from vaecompress.codec.picture import PictureCodec
from vaecompress.codec.reach import Reach
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.limits import Limits
from vaecompress.media.image import Image
from vaecompress.media.image_read import read_image
from vaecompress.media.image_write import write_image


@dataclass(frozen=True)
class Encoded:
    """An encoded image: the file, and what it cost and kept. ``bpp`` counts the whole file."""

    data: bytes
    quality: int
    bpp: float
    psnr_db: float
    model: str


class ImageCodec:
    """Codes still images with one model."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.pictures = PictureCodec(model)

    def encode(
        self,
        image: Image,
        goal: Goal,
        strip: bool = False,
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
        progress: Progress | None = None,
    ) -> Encoded:
        """Encode to a goal; ``strip`` leaves metadata out. What is returned has been decoded and checked.

        ``progress`` is told the steps of an effort that has some. Raises GoalError when a size, rate or PSNR is out of
        reach.
        """
        side_chunks = _side_chunks(image, strip)

        def file_of(quality: int, payload: Picture) -> bytes:
            return self._file(image, quality, payload, side_chunks)

        reach = Reach(self.pictures, image.pixels, goal, lambda *parts: len(file_of(*parts)))
        found = reach.find(effort, progress)
        data = file_of(found.quality, found.result.payload)
        bpp = 8 * len(data) / (image.width * image.height)
        return Encoded(data, found.quality, bpp, found.psnr_db, self.model.name)

    def decode(self, container: Container) -> Image:
        """Decode an image's container. Raises CorruptError when it is damaged, UnsupportedError when it is a video."""
        header = container.header
        entry = container.find(chunks.PICTURE)
        if header.kind != "image" or entry is None:
            raise UnsupportedError("this stream is a video: decode it to a video file or a folder")
        shape = (header.height, header.width, header.channels)
        pixels = self.pictures.decode(Picture.from_body(container.read(entry)), shape, header.quality)
        blocks = {name: _optional(container, kind) for name, kind in _METADATA.items()}
        return Image(pixels, _alpha(container, header), **blocks)

    def _file(self, image: Image, quality: int, payload: Picture, side_chunks: list[Chunk]) -> bytes:
        header = Header(
            "image", image.width, image.height, image.channels, image.alpha is not None, quality, self.model.model_id
        )
        return write(header, [Chunk(chunks.PICTURE, payload.to_body()), *side_chunks])


_METADATA = {"icc": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP}


def _side_chunks(image: Image, strip: bool) -> list[Chunk]:
    """Alpha and metadata."""
    found = []
    if image.alpha is not None:
        plane = io.BytesIO()
        write_image(Image(np.ascontiguousarray(image.alpha[:, :, None])), plane, "png")
        found.append(Chunk(chunks.ALPHA, plane.getvalue()))
    if not strip:
        for name, kind in _METADATA.items():
            if body := getattr(image, name):
                found.append(Chunk(kind, body))
    return found


def _alpha(container: Container, header: Header) -> npt.NDArray[np.uint8] | None:
    entry = container.find(chunks.ALPHA)
    if entry is None:
        return None
    limits = Limits(max_pixels=header.width * header.height, max_side=max(header.width, header.height))
    try:
        plane, _ = read_image(container.read(entry), limits)
    except CorruptError:
        raise
    except Exception as error:
        raise CorruptError("the alpha plane cannot be decoded; the stream is damaged") from error
    if plane.pixels.shape != (header.height, header.width, 1) or plane.alpha is not None:
        raise CorruptError("the alpha plane does not fit the picture; the stream is damaged")
    return plane.pixels[:, :, 0]


def _optional(container: Container, kind: str) -> bytes | None:
    entry = container.find(kind)
    return None if entry is None else container.read(entry)
