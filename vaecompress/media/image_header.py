"""What a picture file says of itself, read and checked before a single pixel is decoded."""

import threading
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import PIL.ExifTags
import PIL.Image
import PIL.ImageFile
from PIL import PngImagePlugin

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.formats import tiff
from vaecompress.media.formats.boxes import Box, bits_of, crop_of, properties_of_main_picture
from vaecompress.media.formats.heif import enable_heif
from vaecompress.media.metadata import Metadata, read_metadata
from vaecompress.media.picture_kinds import check_readable, sniff

# Pixels of these Pillow modes are carried; each other one is refused by the name it has here, or by its mode.
_CARRIED_MODES = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "I;16", "I;16L", "I;16B"}
_MODE_NAMES = {"CMYK": "CMYK", "LAB": "CIE Lab", "F": "floating point", "I": "32-bit", "YCbCr": "YCbCr", "HSV": "HSV"}

_MAX_METADATA_BYTES = Limits().max_metadata_bytes
_pillow_limit_lock = threading.Lock()


@dataclass(frozen=True)
class Header:
    """What is known of a picture before decoding.

    ``format`` is Pillow's name, ``mode`` Pillow's pixel mode, ``bits`` the depth of one sample in the file,
    ``pictures`` how many the file holds, ``transparency`` the colour or palette entries without alpha, ``crop`` left,
    top, right and bottom of what is to be shown of an AVIF picture.
    """

    format: str
    mode: str
    width: int
    height: int
    bits: int
    pictures: int
    transparency: Any = field(repr=False)
    metadata: Metadata
    crop: tuple[int, int, int, int] | None = None
    notes: tuple[str, ...] = ()

    def check(self, limits: Limits) -> None:
        """Refuse what is over a limit and what is not carried.

        Raises LimitError (too many pixels, too long a side, too much metadata) or InputError (CMYK, CIE Lab, floating
        point, more than 16 bits, an animation, several pages).
        """
        limits.check_size(self.width, self.height)
        limits.check_metadata(self.metadata.size_bytes)
        deep_netpbm = self.format == "PPM" and self.mode == "I"
        if self.mode not in _CARRIED_MODES and not deep_netpbm:
            kind = _MODE_NAMES.get(self.mode, self.mode)
            raise InputError(f"{kind} pictures are not carried: convert to 8-bit or 16-bit grey or RGB first")
        if self.bits > 8 and self.bits != 16 and self.format not in ("AVIF", "HEIF"):
            raise InputError(f"{self.bits}-bit samples are not carried: convert to 8 or 16 bits first")
        if self.pictures > 1 and self.format not in ("MPO", "HEIF"):
            kind = "pages" if self.format == "TIFF" else "frames of an animation"
            raise InputError(f"{self.pictures} {kind} in one picture file are not carried: extract the one you want")


class PictureFile:
    """An open picture file whose header has been read.

    ``header``: what the file says of itself. ``file``: the file, or a copy in memory that Pillow reads right.
    ``directory``: the tags of a TIFF file's picture, else None.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the header of a file in one of the formats of :data:`vaecompress.media.picture_kinds.READABLE`.

        Raises InputError (another format, a kind that nothing here reads right, or a damaged header).
        """
        self.file = file
        self.directory: tiff.Directory | None = None
        self._page = 0
        file.seek(0)
        prefix = file.read(1 << 16)
        self._name = check_readable(sniff(prefix))
        if self._name == "HEIF":
            enable_heif()
        try:
            pages = self._choose_page() if self._name == "TIFF" else None
            properties = properties_of_main_picture(self.file) if self._name == "AVIF" else []
            image = self.open()
            metadata = read_metadata(image, self.file, properties, _MAX_METADATA_BYTES)
            self.header = _describe(image, prefix, properties, pages, metadata)
        except InputError:
            raise
        except PIL.UnidentifiedImageError as error:
            if self.directory is not None:
                raise tiff.refused_kind(self.directory) from error
            raise InputError(f"is a damaged {self._name} file, or of a kind that is not read") from error
        except Exception as error:  # decoders of damaged files raise nearly everything
            raise InputError(f"is not a sound {self._name} file: {one_line(error)}") from error

    @property
    def is_big_endian(self) -> bool:
        """Whether a TIFF file says that its numbers are."""
        self.file.seek(0)
        return self.file.read(1) == b"M"

    def open(self) -> PIL.ImageFile.ImageFile:
        """Open the picture anew with Pillow; no pixel is decoded."""
        self.file.seek(0)
        image = _open_of_any_size(self.file, self._name)
        if self._page:
            image.seek(self._page)
        return image

    def _choose_page(self) -> tiff.Pages:
        pages = tiff.read_pages(self.file)
        self._page, self.directory = pages.index, pages.directory
        if pages.count == 1:
            tiff.check_kind(pages.directory)
        if tiff.white_is_zero(pages.directory):
            self.file = tiff.with_black_as_zero(self.file, pages.directory)
        return pages


def _open_of_any_size(file: BinaryIO, name: str) -> PIL.ImageFile.ImageFile:
    """Open with Pillow's own limits lifted, on pixels and (1 MiB) on compressed metadata: ours come with each call.

    They are global numbers, checked when a file is opened, so they are lifted for that moment, one thread at a time.
    """
    with _pillow_limit_lock:
        pixels, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        text, PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_CHUNK, _MAX_METADATA_BYTES
        try:
            return PIL.Image.open(file, formats=[name])
        finally:
            PIL.Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = pixels, text


def one_line(error: Exception) -> str:
    """Return the message of an exception as one line, its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _describe(
    image: PIL.ImageFile.ImageFile, prefix: bytes, properties: list[Box], pages: tiff.Pages | None, metadata: Metadata
) -> Header:
    name = image.format or "unknown"
    crop, crop_is_wrong = None, False
    try:
        crop = crop_of(properties, image.width, image.height)
    except ValueError:
        crop_is_wrong = True
    found = {
        "the file's thumbnail is left out": pages is not None and pages.has_thumbnail,
        "samples of no named meaning are left out": pages is not None and pages.directory.has_unnamed_samples,
        "its crop makes no sense: the whole picture is taken": crop_is_wrong,
    }
    return Header(
        format=name,
        mode=image.mode,
        width=image.width,
        height=image.height,
        bits=_bits(name, image, prefix, properties),
        pictures=getattr(image, "n_frames", 1) if pages is None else pages.count,
        transparency=image.info.get("transparency"),
        metadata=metadata,
        crop=crop,
        notes=tuple(note for note, is_so in found.items() if is_so),
    )


def _bits(name: str, image: PIL.ImageFile.ImageFile, prefix: bytes, properties: list[Box]) -> int:
    """Return the depth of a sample in the file, which Pillow's modes hide: 16-bit RGB opens as "RGB"."""
    if name == "PNG":
        return prefix[24]
    if name == "TIFF":
        depths = image.getexif().get(PIL.ExifTags.Base.BitsPerSample, 1)
        return max(depths) if isinstance(depths, tuple) else int(depths)
    if name == "AVIF":
        return bits_of(properties)
    if name == "HEIF":
        return int(image.info.get("bit_depth", 8))
    if name == "PPM":
        return 16 if _netpbm_maximum(prefix) > 255 else 8
    return 8


def _netpbm_maximum(prefix: bytes) -> int:
    """Return the largest sample value that a PGM or PPM header declares; PBM has none."""
    if prefix[1:2] in b"14":
        return 1
    without_comments = b"\n".join(line.split(b"#")[0] for line in prefix[:4096].splitlines())
    return int(without_comments.split()[3])
