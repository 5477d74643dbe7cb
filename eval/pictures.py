"""The source pictures of a benchmark."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vaecompress.errors import InputError

from .peers import Pixels

PICTURE_SUFFIXES = (".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", ".avif")


@dataclass(frozen=True)
class Picture:
    """A source picture: RGB, uint8 [H, W, 3], and the SHA-256 of its file."""

    name: str
    sha256: str
    pixels: Pixels


def find_pictures(source: Path) -> list[Path]:
    """The picture files of a folder, sorted, or ``source`` itself; raises InputError when there is none."""
    found = [source] if source.is_file() else sorted(source.glob("*"))
    pictures = [path for path in found if path.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        raise InputError(f"{source}: holds no picture ({', '.join(PICTURE_SUFFIXES)})")
    return pictures


def load_picture(path: Path) -> Picture:
    """Read a picture as every peer can take it, 8-bit RGB: alpha is left out and grey becomes RGB.

    Raises :class:`InputError` when it cannot be read.
    """
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return Picture(path.name, hashlib.sha256(data).hexdigest(), pixels)
