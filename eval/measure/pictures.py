"""The source pictures of a benchmark."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaecompress.errors import InputError
from vaecompress.media.image import UInt8Array as Pixels
from vaecompress.media.image_read import read_image

PICTURE_SUFFIXES = (".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", ".avif")


SHOWN_OTHERS = 5


@dataclass(frozen=True)
class Picture:
    """A source picture: RGB, uint8 [H, W, 3], and the SHA-256 of its file; ``notes`` tell what was left out."""

    name: str
    sha256: str
    pixels: Pixels
    notes: tuple[str, ...]


def has_pictures(source: Path) -> bool:
    """Whether ``source`` is a picture or a folder with one."""
    return bool(_pictures(source))


def find_pictures(source: Path) -> list[Path]:
    """The picture files of a folder, sorted, or ``source`` itself; raises InputError when there is none."""
    pictures = _pictures(source)
    if not pictures:
        raise InputError(f"{source}: holds no picture ({', '.join(PICTURE_SUFFIXES)})")
    return pictures


def _pictures(source: Path) -> list[Path]:
    found = [source] if source.is_file() else sorted(source.glob("*"))
    return [path for path in found if path.suffix.lower() in PICTURE_SUFFIXES]


def left_out(source: Path, taken: Sequence[Path]) -> list[str]:
    """A line that names what lies in the folder ``source`` and is not among ``taken``."""
    others = sorted(set(source.glob("[!.]*")) - set(taken))
    if not others:
        return []
    more = f" and {len(others) - SHOWN_OTHERS} more" if len(others) > SHOWN_OTHERS else ""
    return [f"also in the folder and not measured: {', '.join(path.name for path in others[:SHOWN_OTHERS])}{more}"]


def load_picture(path: Path) -> Picture:
    """Read a picture as every peer can take it, 8-bit RGB: alpha is left out and grey becomes RGB.

    Raises :class:`InputError` when it cannot be read, :class:`LimitError` when it is too large.
    """
    image, notes = read_image(path)
    if image.alpha is not None:
        notes.append("alpha left out")
    pixels = np.ascontiguousarray(np.broadcast_to(image.pixels, (image.height, image.width, 3)))
    return Picture(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), pixels, tuple(notes))
