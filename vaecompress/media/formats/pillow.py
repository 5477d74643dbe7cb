"""Between Pillow's pictures in memory and ours: by mode, with metadata, by the rules for files."""

import dataclasses
import warnings
from typing import Any

import numpy as np
import PIL.Image

from vaecompress.errors import InputError, UsageError
from vaecompress.media.image import Image

# What each mode is converted to; None: its samples are taken as they are.
_CONVERTED = {
    **dict.fromkeys(("L", "LA", "RGB", "RGBA", "1", "I;16", "I;16L", "I;16B", "I;16N"), None),
    **{"La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "PA": "RGBA", "YCbCr": "RGB", "HSV": "RGB"},
}
_EXIF_PREFIX = b"Exif\0\0"


def from_pillow(picture: PIL.Image.Image, exact: bool = False) -> Image:
    """Return a Pillow picture as ours, with ICC profile, EXIF and XMP; the first frame of an animation, with a warning.

    Raises InputError for a mode that is not carried (CMYK, CIE Lab, 32-bit, floating point) and for damaged data, and
    UsageError for samples of more than 8 bits where ``exact`` says that none may be reduced.
    """
    mode, transparent = picture.mode, "transparency" in picture.info
    if exact and mode.startswith("I;16"):
        raise UsageError("picture has 16-bit samples: lossless keeps those of 8 bits; leave it out")
    if mode not in _CONVERTED and mode != "P":
        raise InputError(f"Pillow pictures of mode {mode} are not carried: convert to L, LA, RGB or RGBA first")
    wanted = _CONVERTED.get(mode)
    if mode == "P":
        wanted = "RGBA" if transparent or (picture.palette is not None and picture.palette.mode == "RGBA") else "RGB"
    elif transparent and mode in ("1", "L", "RGB"):
        wanted = "RGBA" if mode == "RGB" else "LA"
    if getattr(picture, "n_frames", 1) > 1:
        warnings.warn("one frame of an animation is encoded: give the file's path to the command line", stacklevel=3)
    try:
        samples = np.asarray(picture if wanted is None else picture.convert(wanted))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"the Pillow picture cannot be decoded: {' '.join(str(error).split())}") from error
    image, info = Image.from_array(samples), picture.info
    exif = _bytes(info.get("exif")) or b""
    return Image(
        image.pixels,
        image.alpha,
        icc=_bytes(info.get("icc_profile")),
        exif=exif.removeprefix(_EXIF_PREFIX) or None,
        xmp=_bytes(info.get("xmp")),
    )


def to_pillow(image: Image) -> PIL.Image.Image:
    """Return a Pillow picture of mode L, LA, RGB or RGBA, its metadata in ``info``, where Pillow's writers look."""
    samples = np.asarray(image)
    picture = PIL.Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    exif = None if image.exif is None else _EXIF_PREFIX + image.exif
    blocks = {"icc_profile": image.icc, "exif": exif, "xmp": image.xmp}
    picture.info.update({name: block for name, block in blocks.items() if block is not None})
    return picture


def fit(image: Image, side: int) -> Image:
    """Return ``image`` with no side longer than ``side`` pixels, its shape and metadata kept; never enlarged."""
    scale = side / max(image.width, image.height)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = to_pillow(image).resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    plain = Image.from_array(np.asarray(small))
    return dataclasses.replace(image, pixels=plain.pixels, alpha=plain.alpha)


def _bytes(block: Any) -> bytes | None:
    if isinstance(block, str):
        return block.encode()
    return bytes(block) if block else None
