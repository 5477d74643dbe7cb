"""Reading picture files: 8-bit pixels, alpha and metadata, and a note on everything that was reduced.

Pillow decodes here by itself, not under imageio: pixel mode and size are needed before decoding, and imageio's
reader also parses the EXIF data and fails on sound pixels where those are damaged.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import InputError, LimitError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.formats import tiff
from vaecompress.media.formats.deep import read_deep
from vaecompress.media.formats.jpeg import DAMAGED, is_damaged_jpeg
from vaecompress.media.formats.netpbm import is_scaled_netpbm, read_scaled_netpbm
from vaecompress.media.formats.png import check_rows
from vaecompress.media.image import Image, to_8_bit
from vaecompress.media.image_header import Header, PictureFile, one_line
from vaecompress.media.source import open_source

_DEFAULT_LIMITS = Limits()


def read_image(
    source: Path | str | bytes, limits: Limits = _DEFAULT_LIMITS, exact: bool = False
) -> tuple[Image, list[str]]:
    """Read a picture from a file or from the bytes of one.

    Palettes become RGB, one bit becomes grey, transparency becomes alpha, 16 bits are rounded to 8. The EXIF
    orientation stays metadata and is not applied.

    Returns the picture, and notes on what was reduced or left out, each one line. Raises InputError (unreadable,
    damaged, or of a kind that is not carried, as CMYK and animations), LimitError (over a limit, found before
    anything is decoded), or UsageError for samples of more than 8 bits where ``exact`` says that none may be reduced.
    """
    with open_source(source, limits) as (name, file):
        try:
            opened = PictureFile(file)
            header = opened.header
            header.check(limits)
            if exact and header.bits > 8:
                raise UsageError(f"has {header.bits}-bit samples: lossless keeps those of 8 bits; leave it out")
            samples = _decode(opened)
            damage = [DAMAGED] if header.format in ("JPEG", "MPO") and is_damaged_jpeg(file, limits) else []
        except (InputError, LimitError, UsageError) as error:
            raise type(error)(f"{name}: {error}") from error
    opaque = Image.from_array(to_8_bit(samples))
    kept = header.metadata
    image = Image(opaque.pixels, opaque.alpha, icc=kept.icc, exif=kept.exif, xmp=kept.xmp, colour=kept.colour)
    return image, [*damage, *_notes(header), *kept.notes]


def _notes(header: Header) -> list[str]:
    notes = list(header.notes)
    if header.bits > 8:
        notes.append(f"{header.bits}-bit samples reduced to 8 bits")
    if header.pictures > 1:
        notes.append(f"only the first of {header.pictures} pictures in the file is kept, no gain map or preview")
    return notes


def _decode(opened: PictureFile) -> npt.NDArray[Any]:
    """Return samples [height, width] or [height, width, channels], alpha last; uint8, uint16 or bool."""
    header = opened.header
    try:
        samples = _samples(opened)
    except InputError:
        raise
    except MemoryError as error:
        raise LimitError(f"{header.width}x{header.height} pixels do not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise nearly everything
        why = re.sub(r"^decoder error -\d+$", "it cannot be decompressed", one_line(error))
        raise InputError(f"{header.format} data is damaged or incomplete: {why}") from error
    if header.crop is not None:
        left, top, right, bottom = header.crop
        samples = samples[top:bottom, left:right]
    if opened.directory is not None and tiff.white_is_zero(opened.directory):
        samples = 65535 - samples
    key = header.transparency
    if key is not None and header.format == "PNG" and header.mode != "P":
        return _with_transparent_colour(samples, key, 8 if header.mode == "1" else header.bits)
    return samples


def _samples(opened: PictureFile) -> npt.NDArray[Any]:
    header = opened.header
    if header.format == "PNG":
        check_rows(opened.file)
    picture = opened.open()
    if header.format == "PPM" and is_scaled_netpbm(picture):
        return read_scaled_netpbm(picture, opened.file)
    if header.bits == 16 and header.mode in ("RGB", "RGBA", "RGBX"):
        associated = opened.directory is not None and opened.directory.is_associated
        return read_deep(opened.open, "B" if opened.is_big_endian else "L", associated)
    mode = _target_mode(header)
    samples = np.asarray(picture if mode is None else picture.convert(mode))
    return samples.astype(np.uint16) if samples.dtype == np.int32 else samples  # of PGM in words of text


def _with_transparent_colour(samples: npt.NDArray[Any], key: Any, bits: int) -> npt.NDArray[Any]:
    """Add alpha to samples of which one colour is transparent: ``key``, in the depth of the file."""
    if samples.dtype == np.bool_:
        samples = to_8_bit(samples)
    channels = samples if samples.ndim == 3 else samples[:, :, np.newaxis]
    top = np.iinfo(samples.dtype).max
    colour = np.asarray(key) * top // ((1 << bits) - 1)
    alpha = np.where((channels == colour).all(axis=-1), 0, top).astype(samples.dtype)
    return np.dstack([channels, alpha])


def _target_mode(header: Header) -> str | None:
    """Return the Pillow mode to convert to, or None to take the pixels as they are (a copy saved)."""
    transparent = header.transparency is not None
    if header.mode in ("P", "PA"):
        return "RGBA" if transparent or header.mode == "PA" else "RGB"
    if header.mode == "RGBX":
        return "RGB"
    if header.mode == "La":
        return "LA"
    if transparent and header.mode in ("1", "L", "RGB") and header.format != "PNG":
        return "RGBA" if header.mode == "RGB" else "LA"
    return None
