"""A still picture in memory: 8-bit samples, an optional alpha plane, metadata as opaque bytes."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import InputError
from vaecompress.media.colour import Colour

if TYPE_CHECKING:
    import PIL.Image

_ROWS_AT_ONCE = 256

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Image:
    """One picture.

    ``pixels``: uint8 [height, width, channels], channels 1 (grey) or 3 (RGB). ``alpha``: uint8 [height, width], not
    premultiplied, or None for an opaque picture. ``icc``: ICC profile, or None. ``exif``: EXIF data from its TIFF
    header on (no ``Exif\\0\\0`` in front), or None. ``xmp``: XMP packet, or None. ``colour``: primaries and transfer of
    a picture whose colours no ICC profile can say (HDR), or None. Raises InputError (a shape, type or size that no
    picture has).
    """

    pixels: UInt8Array
    alpha: UInt8Array | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    colour: Colour | None = None

    def __post_init__(self) -> None:
        pixels, alpha = self.pixels, self.alpha
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
            raise InputError(f"pixels are {pixels.dtype} {list(pixels.shape)}: expected uint8 [height, width, 1 or 3]")
        if 0 in pixels.shape:
            raise InputError(f"picture is {self.width}x{self.height}: it has no pixels")
        if alpha is not None and (alpha.dtype != np.uint8 or alpha.shape != pixels.shape[:2]):
            raise InputError(
                f"alpha is {alpha.dtype} {list(alpha.shape)}: expected uint8 {list(pixels.shape[:2])}, as the pixels"
            )

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB; alpha not counted."""
        return int(self.pixels.shape[2])

    @property
    def metadata_bytes(self) -> int:
        """Size of ICC, EXIF and XMP together."""
        return sum(len(part) for part in (self.icc, self.exif, self.xmp) if part is not None)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Samples [height, width, 1 to 4], alpha last: what ``np.asarray(image)`` gives."""
        samples = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        return np.array(samples, dtype) if copy else samples.astype(dtype or samples.dtype, copy=False)

    def to_pil(self) -> "PIL.Image.Image":
        """A Pillow picture of mode L, LA, RGB or RGBA, with the metadata in its ``info``."""
        from vaecompress.media.formats.pillow import to_pillow

        return to_pillow(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a picture file whose format the suffix says; what it cannot hold is warned of.

        Raises UsageError for a suffix or picture that is not written, OutputError where the file cannot be written.
        """
        from vaecompress.media.image_write import format_of, write_image

        for note in write_image(self, Path(path), format_of(Path(path))):
            warnings.warn(note, stacklevel=2)

    @classmethod
    def from_array(cls, array: npt.NDArray[Any]) -> "Image":
        """Make an image of an array [height, width] or [height, width, 1 to 4]; 2 and 4 channels end with alpha.

        uint8 is taken as it is, bool becomes 0 and 255, uint16 is reduced to 8 bits with a warning.

        Raises InputError (another shape or type).
        """
        if array.ndim == 2:
            array = array[:, :, np.newaxis]
        if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
            raise InputError(f"array is {list(array.shape)}: expected [height, width] or [height, width, 1 to 4]")
        if array.dtype == np.uint16:
            warnings.warn("16-bit samples are reduced to 8 bits", stacklevel=2)
        samples = to_8_bit(array)
        channels = 1 if samples.shape[2] <= 2 else 3
        alpha = None if samples.shape[2] == channels else np.ascontiguousarray(samples[:, :, -1])
        return cls(np.ascontiguousarray(samples[:, :, :channels]), alpha)


def to_8_bit(samples: npt.NDArray[Any]) -> UInt8Array:
    """Bring unsigned samples to 8 bits: 16-bit ones as round(v / 257), bool as 0 and 255, uint8 untouched.

    Raises InputError (any other type).
    """
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype.kind == "u" and samples.dtype.itemsize == 2:
        reduced = np.empty(samples.shape, np.uint8)
        for top in range(0, len(samples), _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            reduced[rows] = (samples[rows].astype(np.uint32) + 128) // 257
        return reduced
    raise InputError(f"samples are {samples.dtype}: expected uint8, uint16 or bool")
