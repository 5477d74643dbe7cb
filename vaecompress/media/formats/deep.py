"""16-bit colour through Pillow, which keeps the upper eight bits of a sample: each file is decoded twice.

Pillow's unpackers take the upper byte of a sample by the byte order that they are told. Told the other order, they take
the lower one. So every kind of compression, tiling and interlacing that Pillow reads comes out with all its bits.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.ImageFile

UInt16Array = npt.NDArray[np.uint16]

_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER = {"L": "B", "B": "L"}


def read_deep(reopen: Callable[[], PIL.ImageFile.ImageFile], byte_order: str, associated: bool) -> UInt16Array:
    """Return the samples of a 16-bit colour file, uint16 [height, width, 2 to 4], alpha last, not premultiplied.

    ``reopen``: opens the file at its picture, nothing decoded yet. ``byte_order``: "L" or "B", of the samples in the
    file where nothing else says so. ``associated``: whether colours are stored multiplied with alpha.
    """
    picture = reopen()
    if picture.mode == "RGBA" and _raw_mode(picture.tile[0]) == "LA;16B":  # PNG's grey and alpha: four plain bytes
        grey_alpha = _decode(picture, lambda raw_mode: "RGBA")
        return _joined(grey_alpha[:, :, 0::2], grey_alpha[:, :, 1::2])
    upper = _decode(picture, lambda raw_mode: _ordered(raw_mode, byte_order))
    lower = _decode(reopen(), lambda raw_mode: _swapped(_ordered(raw_mode, byte_order)))
    samples = _joined(upper, lower)
    return _unassociated(samples) if associated and picture.mode == "RGBA" else samples


def _joined(upper: npt.NDArray[np.uint8], lower: npt.NDArray[np.uint8]) -> UInt16Array:
    return upper.astype(np.uint16) * np.uint16(256) + lower


def _decode(picture: PIL.ImageFile.ImageFile, change: Callable[[str], str]) -> npt.NDArray[np.uint8]:
    """Decode with other raw modes than those that Pillow chose."""
    picture.tile = [tile._replace(args=_with_raw_mode(tile.args, change(_raw_mode(tile)))) for tile in picture.tile]
    return np.asarray(picture)


def _raw_mode(tile: Any) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _with_raw_mode(args: Any, raw_mode: str) -> Any:
    return (raw_mode, *args[1:]) if isinstance(args, tuple) else raw_mode


def _ordered(raw_mode: str, byte_order: str) -> str:
    """Return a raw mode that names the byte order: planes of TIFF come as "R", compressed ones as "RGB;16N"."""
    raw_mode = raw_mode.replace("a", "A")
    return raw_mode.replace("16N", f"16{_NATIVE}") if ";" in raw_mode else f"{raw_mode};16{byte_order}"


def _swapped(raw_mode: str) -> str:
    return raw_mode[:-1] + _OTHER[raw_mode[-1]]


def _unassociated(samples: UInt16Array) -> UInt16Array:
    """Divide colours by alpha, that they were multiplied with in the file."""
    alpha = np.maximum(samples[:, :, 3:], 1).astype(np.uint64)
    colours = (samples[:, :, :3].astype(np.uint64) * 65535 + alpha // 2) // alpha
    return np.dstack([np.minimum(colours, 65535).astype(np.uint16), samples[:, :, 3]])
