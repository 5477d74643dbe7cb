"""Pictures that need no metadata: turned upright, with colours as sRGB has them."""

import functools
import io
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import ImageCms

from vaecompress.errors import InputError
from vaecompress.media.formats.tiff import Directory, first_directory
from vaecompress.media.image import Image, UInt8Array

_ORIENTATION = 274
_PROBE = np.stack(np.meshgrid(*[np.linspace(0, 255, 9)] * 3), -1).reshape(1, -1, 3).astype(np.uint8)


def plain(image: Image) -> tuple[Image, list[str]]:
    """Return a picture without metadata that looks as the given one does, and notes on what was done to its pixels."""
    upright, notes = turned_upright(image)
    converted, more = in_srgb(upright)
    return Image(converted.pixels, converted.alpha, colour=image.colour), notes + more


def turned_upright(image: Image) -> tuple[Image, list[str]]:
    """Turn the pixels as the EXIF orientation asks players to, and set it to 1; notes say so."""
    orientation, at = _orientation(image.exif)
    if orientation not in range(2, 9) or image.exif is None:
        return image, []
    turned = replace(
        image,
        pixels=oriented(image.pixels, orientation),
        alpha=None if image.alpha is None else oriented(image.alpha, orientation),
        exif=image.exif[:at] + _one(image.exif) + image.exif[at + 2 :],
    )
    return turned, ["its pixels are turned upright, as its EXIF orientation asks"]


def oriented(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn and mirror [height, width, ...] by an EXIF orientation (TIFF 6.0, tag 274): 1 leaves it as it is."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def in_srgb(image: Image) -> tuple[Image, list[str]]:
    """Convert the pixels from their ICC profile to sRGB, without the profile; notes say so, or why that fails."""
    if image.icc is None:
        return image, []
    without = replace(image, icc=None)
    try:
        if _is_srgb(image.icc, image.channels):
            return without, []
        pixels = _converted(image.pixels, image.icc)
    except (ImageCms.PyCMSError, OSError, ValueError, InputError):
        return without, ["its ICC profile cannot be used: its colours are taken as sRGB"]
    return replace(without, pixels=pixels), ["its colours are converted to sRGB"]


def _converted(pixels: UInt8Array, icc: bytes) -> UInt8Array:
    """Return RGB pixels of any pixels and their profile; grey stays grey."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    grey = profile.profile.xcolor_space.strip() == "GRAY"
    source = pixels[:, :, 0] if grey else np.repeat(pixels, 3 // pixels.shape[2], axis=2)
    if grey and pixels.shape[2] != 1:
        raise InputError("a profile for grey with colours")
    result = ImageCms.profileToProfile(
        PIL.Image.fromarray(np.ascontiguousarray(source)),
        profile,
        _srgb(),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    converted = np.asarray(result)
    return np.ascontiguousarray(converted[:, :, 1:2]) if pixels.shape[2] == 1 else converted


def _is_srgb(icc: bytes, channels: int) -> bool:
    """Whether a profile says what sRGB says, so that converting would only add rounding errors."""
    probe = _PROBE[:, :, :1] if channels == 1 else _PROBE
    return int(np.abs(_converted(probe, icc).astype(int) - probe).max()) <= 1


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _orientation(exif: bytes | None) -> tuple[int, int]:
    """Return the orientation of an EXIF block, 1 where there is none, and where its number stands."""
    directory = _directory(exif)
    if directory is None or not directory.tags.get(_ORIENTATION):
        return 1, 0
    return directory.first(_ORIENTATION, 1), directory.places[_ORIENTATION]


def _directory(exif: bytes | None) -> Directory | None:
    try:
        return None if exif is None else first_directory(io.BytesIO(exif))
    except Exception:  # damaged EXIF raises nearly everything, and does not cost the picture
        return None


def _one(exif: bytes) -> bytes:
    return b"\1\0" if exif[:2] == b"II" else b"\0\1"
