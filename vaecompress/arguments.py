"""What the functions of the package's face are given: checked, and brought to one form."""

import math
import numbers
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from vaecompress.errors import InputError, UsageError
from vaecompress.media.image import Image


def check_integers(**values: Any) -> None:
    """Raise UsageError unless each value is an integer above zero, or None."""
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise UsageError(f"{name} is {value!r}: must be an integer")
        if value < 1:
            raise UsageError(f"{name} is {value}: must be above zero")


def check_numbers(**values: Any) -> None:
    """Raise UsageError unless each value is a finite number above zero, or None."""
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value) or value <= 0:
            raise UsageError(f"{name} is {value!r}: must be a finite number above zero")


def check_tools(tools: Any, lossless: bool, goal: tuple[Any, ...]) -> None:
    """Raise UsageError unless ``tools`` is "all" or "learned", and without loss neither that nor a goal is given."""
    if tools not in ("all", "learned"):
        raise UsageError(f"tools is {tools!r}: must be 'all' or 'learned'")
    if lossless and tools == "learned":
        raise UsageError("networks cannot code without loss: leave tools or lossless out")
    if lossless and any(value is not None for value in goal):
        raise UsageError("lossless goes with no quality, size, bpp, psnr, mask or denoising")


def file_of(source: Any) -> Path | bytes:
    """Return a path or the bytes of a file. Raises UsageError for what is no path, no bytes and no binary file."""
    if isinstance(source, str | os.PathLike):
        return Path(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    data = source.read() if hasattr(source, "read") else None
    if not isinstance(data, bytes):
        raise UsageError(f"{type(source).__name__} is no file: give a path, bytes or a file opened in binary mode")
    return data


def image_of(picture: Any, exact: bool = False) -> Image:
    """Return a picture of any form as an Image; what is reduced or left out is warned of.

    Raises InputError for what is no picture, or one of a kind that is not carried, and UsageError for samples of more
    than 8 bits where ``exact`` says that none may be reduced.
    """
    import PIL.Image

    if isinstance(picture, Image):
        return picture
    if isinstance(picture, PIL.Image.Image):
        from vaecompress.media.formats.pillow import from_pillow

        return from_pillow(picture, exact)
    if isinstance(picture, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(picture, "read"):
        from vaecompress.media.image_read import read_image

        image, notes = read_image(file_of(picture), exact=exact)
        for note in notes:
            warnings.warn(note, stacklevel=3)
        return image
    try:
        array = np.asarray(picture)
    except (ValueError, TypeError) as error:
        raise InputError(f"{type(picture).__name__} is no picture: give an array or a file") from error
    if exact and array.dtype == np.uint16:
        raise UsageError("picture has 16-bit samples: lossless keeps those of 8 bits; leave it out")
    return Image.from_array(array)
