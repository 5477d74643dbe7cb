"""Still images: a stream to pixels, alpha and metadata."""

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import numpy.typing as npt

from vaecompress import bitstream
from vaecompress.bitstream import Container, Header, PicturePayload, Tool, chunks
from vaecompress.codec.picture import PictureCodec
from vaecompress.codec.tools.decode import decode_with_tool
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.image import Image
from vaecompress.media.image_read import read_image
from vaecompress.models.loaded import LoadedModel

METADATA = {"icc": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP}
Plane = npt.NDArray[np.uint8]


def decode_image(container: Container, find: Callable[[bytes], LoadedModel]) -> Image:
    """Decode an image's container; ``find`` gives the model of an id, and is asked only where networks take part.

    Raises CorruptError when it is damaged, UnsupportedError when it is a video, and what ``find`` raises.
    """
    header, entry = container.header, container.find(chunks.PICTURE)
    if header.kind != "image" or entry is None:
        raise UnsupportedError("this stream is a video: decode it to a video file or a folder")
    payload = PicturePayload.from_body(container.read(entry))
    shape = (header.height, header.width, header.channels)
    if payload.tool is Tool.LEARNED:
        pixels = PictureCodec(find(header.model_id)).decode(payload, shape, header.quality)
        alpha = _alpha(container, header)
    elif _has_joint_alpha(container, payload):
        samples = decode_with_tool(payload, (header.height, header.width, header.channels + 1))
        pixels, alpha = np.ascontiguousarray(samples[:, :, :-1]), np.ascontiguousarray(samples[:, :, -1])
    else:
        pixels, alpha = decode_with_tool(payload, shape), _alpha(container, header)
    if header.grey_as_rgb:
        pixels = np.repeat(pixels, 3, axis=2)
    icc, exif, xmp = (_optional(container, kind) for kind in METADATA.values())
    return Image(pixels, alpha, icc, exif, xmp, _colour(container))


class ImageCodec:
    """Decodes still images with one model, whatever model they name."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.pictures = PictureCodec(model)

    def decode(self, container: Container) -> Image:
        """Decode an image's container. Raises CorruptError when it is damaged, UnsupportedError when it is a video."""
        return decode_image(container, lambda model_id: self.model)


def _has_joint_alpha(container: Container, payload: PicturePayload) -> bool:
    """Whether alpha is coded with the colours."""
    entry = container.find(chunks.ALPHA)
    return entry is not None and entry.length == 0 and payload.tool is Tool.WEBP_LOSSLESS


def _alpha(container: Container, header: Header) -> Plane | None:
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


def _colour(container: Container) -> Colour | None:
    body = _optional(container, chunks.COLOUR)
    return None if body is None else Colour(*astuple(bitstream.Colour.from_body(body)))


def _optional(container: Container, kind: str) -> bytes | None:
    entry = container.find(kind)
    return None if entry is None else container.read(entry)
