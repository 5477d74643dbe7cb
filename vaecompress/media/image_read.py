"""Reading picture files: 8-bit pixels, alpha and metadata, and a note on everything that was reduced.

Pillow decodes here by itself, not under imageio: pixel mode and size are needed before decoding, and imageio's
reader also parses the EXIF data and fails on sound pixels where those are damaged.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import PIL.Image

from vaecompress.errors import InputError, LimitError
from vaecompress.limits import Limits
from vaecompress.media.image import Image, to_8_bit
from vaecompress.media.image_header import Header, one_line, open_picture
from vaecompress.media.source import open_source

_DEFAULT_LIMITS = Limits()


def read_image(source: Path | str | bytes, limits: Limits = _DEFAULT_LIMITS) -> tuple[Image, list[str]]:
    """Read a picture from a file or from the bytes of one.

    Palettes become RGB, one bit becomes grey, transparency becomes alpha, 16 bits are rounded to 8. The EXIF
    orientation stays metadata and is not applied.

    Returns:
        The picture, and notes on what was reduced or left out, each one line.

    Raises:
        InputError: unreadable, damaged, or of a kind that is not carried (CMYK, animation).
        LimitError: over a limit; found before anything is decoded.
    """
    with open_source(source, limits) as (name, file):
        try:
            picture, header = open_picture(file)
            header.check(limits)
            samples = _decode(picture, file, header)
        except (InputError, LimitError) as error:
            raise type(error)(f"{name}: {error}") from error
    opaque = Image.from_array(to_8_bit(samples))
    image = Image(opaque.pixels, opaque.alpha, icc=header.icc, exif=header.exif, xmp=header.xmp)
    return image, _notes(header)


def _notes(header: Header) -> list[str]:
    notes = []
    if header.bits > 8:
        notes.append(f"{header.bits}-bit samples reduced to 8 bits")
    if header.pictures > 1:
        notes.append(f"only the first of {header.pictures} pictures in the file is kept, no gain map or preview")
    return notes


def _decode(picture: PIL.Image.Image, file: BinaryIO, header: Header) -> npt.NDArray[Any]:
    """Return samples [height, width] or [height, width, channels], alpha last; uint8, uint16 or bool."""
    try:
        if header.bits == 16 and not header.mode.startswith("I;16"):
            return _decode_deep(file, header)
        mode = _target_mode(header)
        samples = np.asarray(picture if mode is None else picture.convert(mode))
    except InputError:
        raise
    except MemoryError as error:
        raise LimitError(f"{header.width}x{header.height} pixels do not fit into memory") from error
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise InputError(f"{header.format} data is damaged or incomplete: {one_line(error)}") from error
    if header.mode.startswith("I;16") and isinstance(header.transparency, int):
        alpha = np.where(samples == header.transparency, 0, 65535).astype(np.uint16)
        return np.stack([samples, alpha], axis=-1)
    return samples


def _target_mode(header: Header) -> str | None:
    """Return the Pillow mode to convert to, or None to take the pixels as they are (a copy saved)."""
    transparent = header.transparency is not None
    if header.mode in ("P", "PA"):
        return "RGBA" if transparent or header.mode == "PA" else "RGB"
    if header.mode == "RGBX":
        return "RGB"
    if transparent and header.mode in ("1", "L"):
        return "LA"
    if transparent and header.mode == "RGB":
        return "RGBA"
    return None


def _decode_deep(file: BinaryIO, header: Header) -> npt.NDArray[Any]:
    """Decode 16-bit colour with imageio's PyAV plugin: Pillow silently gives the upper 8 bits only."""
    import imageio.v3 as iio

    file.seek(0)
    data = file.read()
    if header.format == "PNG":
        pixel_format = {0: "gray16le", 2: "rgb48le", 4: "ya16le", 6: "rgba64le"}[data[25]]
    else:
        pixel_format = {"I": "gray16le", "RGB": "rgb48le", "RGBA": "rgba64le"}[header.mode]
    if header.transparency is not None:
        pixel_format = "rgba64le"
    samples: npt.NDArray[Any] = iio.imread(data, plugin="pyav", index=0, format=pixel_format)
    if samples.shape[:2] != (header.height, header.width):
        raise InputError(f"decodes to {samples.shape[1]}x{samples.shape[0]}, the header says another size")
    return samples
