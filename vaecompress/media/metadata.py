"""What a picture file says besides its pixels: ICC, EXIF, XMP and colour, and what of it is left out."""

import math
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import PIL.ExifTags
import PIL.Image
import PIL.ImageFile

from vaecompress.media.colour import HDR_TRANSFERS, IDENTITY, Colour
from vaecompress.media.formats.boxes import Box, code_points_of
from vaecompress.media.formats.icc import profile_of_code_points
from vaecompress.media.formats.jpeg import left_out_of_jpeg
from vaecompress.media.formats.png import PngChunks, read_chunks

EXIF_PREFIX = b"Exif\0\0"

_DESCRIPTIVE_TAGS = ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright")
_SCREEN_DPI = (0, 1, 72, 96)


@dataclass(frozen=True)
class Metadata:
    """Blocks as a file holds them, EXIF without prefix; ``colour`` where no profile can say it (PQ and HLG)."""

    icc: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    colour: Colour | None = None
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Size of ICC, EXIF and XMP together."""
        return sum(len(part) for part in (self.icc, self.exif, self.xmp) if part is not None)


def read_metadata(image: PIL.ImageFile.ImageFile, file: BinaryIO, properties: list[Box], max_bytes: int) -> Metadata:
    """Collect the metadata of an opened picture; ``properties`` are those that its boxes give it, of AVIF."""
    info = image.info
    chunks = read_chunks(file, max_bytes) if image.format == "PNG" else None
    icc = info.get("icc_profile") or (chunks.raw_icc if chunks else None)
    code_points = _code_points(image, chunks, properties)
    colour = None
    if code_points is not None and code_points[1] in HDR_TRANSFERS:
        colour = Colour(*code_points, matrix=IDENTITY, full_range=True)
    elif icc is None and code_points is not None:
        icc = profile_of_code_points(*code_points)
    elif icc is None and chunks is not None:
        icc = chunks.colour_profile
    exif = _exif(image, chunks)
    xmp = info.get("xmp") or (chunks.xmp if chunks else None)
    return Metadata(icc, exif, xmp or None, colour, tuple(_left_out(image, file, chunks, colour, exif)))


def _exif(image: PIL.ImageFile.ImageFile, chunks: PngChunks | None) -> bytes | None:
    if image.format == "TIFF":
        return _tiff_exif(image)
    exif: bytes = image.info.get("exif") or (chunks.exif if chunks else None) or b""
    return exif.removeprefix(EXIF_PREFIX) or None


def _code_points(
    image: PIL.ImageFile.ImageFile, chunks: PngChunks | None, properties: list[Box]
) -> tuple[int, int] | None:
    """Return primaries and transfer characteristics where a file names them as ITU-T H.273 does."""
    if chunks is not None:
        return chunks.code_points
    if image.format == "AVIF":
        return code_points_of(properties)
    nclx: dict[str, Any] | None = image.info.get("nclx_profile")
    return (nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None


def _left_out(
    image: PIL.ImageFile.ImageFile, file: BinaryIO, chunks: PngChunks | None, colour: Colour | None, exif: bytes | None
) -> list[str]:
    notes = left_out_of_jpeg(image, file) if image.format in ("JPEG", "MPO") else []
    if chunks is not None and chunks.other_texts:
        notes.append(f"the PNG's texts are left out: {', '.join(chunks.other_texts[:8])}")
    if colour is not None:
        notes.append(f"its colours are {colour.transfer_name} (HDR): of pictures, only .png can say so when decoded")
    dpi = float((image.info.get("dpi") or (0,))[0])  # of TIFF, a fraction that may be 0/0
    if exif is None and math.isfinite(dpi) and round(dpi) not in _SCREEN_DPI:
        notes.append(f"the resolution of {dpi:.0f} dpi is left out")
    return notes


def _tiff_exif(image: PIL.Image.Image) -> bytes | None:
    """Collect the descriptive tags of a TIFF file, whose directory mixes them with the layout of its pixels.

    The orientation is not among them: Pillow applies it to the pixels of a TIFF file.
    """
    source = image.getexif()
    kept = PIL.Image.Exif()
    for tag in (PIL.ExifTags.Base[name] for name in _DESCRIPTIVE_TAGS):
        if tag in source:
            kept[tag] = source[tag]
    for directory in (PIL.ExifTags.IFD.Exif, PIL.ExifTags.IFD.GPSInfo):
        if entries := source.get_ifd(directory):
            kept[directory] = entries
    return kept.tobytes().removeprefix(EXIF_PREFIX) if kept else None
