"""Pictures coded without loss, as WebP's lossless bitstream."""

import io
from typing import Any

import numpy as np
import PIL.Image

from vaecompress.bitstream import PicturePayload, Tool, pixel_checksum
from vaecompress.bitstream.directory import NO_MODEL
from vaecompress.codec.tools.decode import decode_with_tool
from vaecompress.codec.tools.webp import WEBP_MAX_SIDE, bitstream_of, has_alpha
from vaecompress.encoder.tools.file import Encoded, StillFile
from vaecompress.errors import UsageError
from vaecompress.format import MAX_QUALITY
from vaecompress.media.image import Image
from vaecompress.media.plain import plain

_SETTINGS: dict[str, Any] = {"lossless": True, "exact": True, "method": 6, "quality": 90}
"""``exact``: colours under transparent pixels, too. Quality 100 takes ten times as long, for half a percent."""

_HASTE: dict[str, Any] = _SETTINGS | {"method": 1, "quality": 20}
"""A tenth of the time or less; of pictures that are not drawn, files were up to a quarter larger."""


def encode_lossless(image: Image, strip: bool = False) -> Encoded:
    """Encode an image so that every sample comes back; ``strip`` leaves metadata out, as :func:`plain` does.

    Raises UsageError for a picture with a side that WebP does not carry.
    """
    if strip:
        image, _ = plain(image)
    if not fits_webp(image):
        raise UsageError(
            f"picture is {image.width}x{image.height}: lossless pictures have at most {WEBP_MAX_SIDE} pixels a side; "
            "leave lossless out"
        )
    return encode_webp(StillFile(image), MAX_QUALITY)


def fits_webp(image: Image) -> bool:
    """Whether the tool can carry an image."""
    return max(image.width, image.height) <= WEBP_MAX_SIDE


def encode_webp(file: StillFile, quality: int) -> Encoded:
    """Encode an image with this tool; ``quality`` is what the file shall say. Decoded and checked."""
    image, pixels, coded = file.image, file.pixels, _coded(file, _SETTINGS)
    payload = PicturePayload(pixel_checksum(np.ascontiguousarray(pixels).data), coded, Tool.WEBP_LOSSLESS)
    decode_with_tool(payload, (image.height, image.width, pixels.shape[2] + has_alpha(coded)))
    return file.encoded(quality, payload, NO_MODEL, None, float("inf"))


def hasty_bytes(file: StillFile) -> int:
    """About what this tool makes of an image, in a fraction of the time."""
    return len(_coded(file, _HASTE))


def _coded(file: StillFile, settings: dict[str, Any]) -> bytes:
    samples = np.broadcast_to(file.pixels, (*file.pixels.shape[:2], 3))
    if file.image.alpha is not None:
        samples = np.dstack([samples, file.image.alpha])
    with io.BytesIO() as buffer:
        PIL.Image.fromarray(np.ascontiguousarray(samples)).save(buffer, "WEBP", **settings)
        return bitstream_of(buffer.getvalue())
