"""What a picture file says of itself, read and checked before a single pixel is decoded."""

import threading
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import PIL.ExifTags
import PIL.Image
from PIL import PngImagePlugin

from vaecompress.errors import InputError
from vaecompress.limits import Limits

READABLE = "PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF, PPM, PGM or PBM"

# Pixels of these Pillow modes are carried; each other one is refused by the name it has here, or by its mode.
_CARRIED_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I;16", "I;16L", "I;16B"}
_MODE_NAMES = {"CMYK": "CMYK", "LAB": "CIE Lab", "F": "floating point", "I": "32-bit", "YCbCr": "YCbCr", "HSV": "HSV"}

_DESCRIPTIVE_TAGS = ("ImageDescription", "Make", "Model", "Software", "DateTime", "Artist", "Copyright")
_EXIF_PREFIX = b"Exif\0\0"

_MAX_PNG_METADATA_BYTES = Limits().max_metadata_bytes
_pillow_limit_lock = threading.Lock()


@dataclass(frozen=True)
class Header:
    """What is known of a picture before decoding.

    ``format`` is Pillow's name, ``mode`` Pillow's pixel mode, ``bits`` the depth of one sample in the file,
    ``orientation`` the tag of a TIFF file (1 elsewhere), ``transparency`` the colour or palette entries without alpha.
    """

    format: str
    mode: str
    width: int
    height: int
    bits: int
    pictures: int
    orientation: int
    transparency: Any = field(repr=False)
    icc: bytes | None = field(repr=False)
    exif: bytes | None = field(repr=False)
    xmp: bytes | None = field(repr=False)

    @property
    def metadata_bytes(self) -> int:
        """Size of ICC, EXIF and XMP together."""
        return sum(len(part) for part in (self.icc, self.exif, self.xmp) if part is not None)

    def check(self, limits: Limits) -> None:
        """Refuse what is over a limit and what is not carried.

        Raises:
            LimitError: too many pixels, too long a side, too much metadata.
            InputError: CMYK, CIE Lab, floating point, more than 16 bits, an animation, several pages.
        """
        limits.check_size(self.width, self.height)
        limits.check_metadata(self.metadata_bytes)
        deep_netpbm = self.format == "PPM" and self.mode == "I"
        if self.mode not in _CARRIED_MODES and not deep_netpbm:
            kind = _MODE_NAMES.get(self.mode, self.mode)
            raise InputError(f"{kind} pictures are not carried: convert to 8-bit or 16-bit grey or RGB first")
        if self.bits > 8 and self.bits != 16 and self.format != "AVIF":
            raise InputError(f"{self.bits}-bit samples are not carried: convert to 8 or 16 bits first")
        if self.bits == 16 and self.mode == "RGB" and self.orientation != 1:
            raise InputError("16-bit colour TIFF with an orientation tag is not carried: rotate its pixels first")
        if self.pictures > 1 and self.format != "MPO":
            kind = "pages" if self.format == "TIFF" else "frames of an animation"
            raise InputError(f"{self.pictures} {kind} in one picture file are not carried: extract the one you want")


def sniff(prefix: bytes) -> str | None:
    """Return Pillow's name of the format that a file starting with these (at least 16) bytes has, or None."""
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WEBP"
    if prefix[4:8] == b"ftyp" and prefix[8:12] in (b"avif", b"avis", b"mif1", b"msf1"):
        return "AVIF"
    if prefix[:1] == b"P" and prefix[1:2] in b"123456" and prefix[2:3].isspace():
        return "PPM"
    magics = {
        b"\x89PNG\r\n\x1a\n": "PNG",
        b"\xff\xd8\xff": "JPEG",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"BM": "BMP",
        b"GIF8": "GIF",
    }
    return next((name for magic, name in magics.items() if prefix.startswith(magic)), None)


def open_picture(file: BinaryIO) -> tuple[PIL.Image.Image, Header]:
    """Open a picture in one of the formats of :data:`READABLE` and read its header; no pixel is decoded.

    Raises:
        InputError: another format, or a damaged header.
    """
    file.seek(0)
    prefix = file.read(1 << 16)
    name = sniff(prefix)
    if name is None:
        raise InputError(f"is not a picture in a format that is read: {READABLE}")
    try:
        image = _open_of_any_size(file, name)
        return image, _describe(image, prefix)
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise InputError(f"is not a sound {name} file: {one_line(error)}") from error


def _open_of_any_size(file: BinaryIO, name: str) -> PIL.Image.Image:
    """Open with Pillow's own limits lifted, on pixels and (1 MiB) on compressed metadata: ours come with each call.

    They are global numbers, checked when a file is opened, so they are lifted for that moment, one thread at a time.
    """
    with _pillow_limit_lock:
        pixels, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        text, PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_CHUNK, _MAX_PNG_METADATA_BYTES
        try:
            return PIL.Image.open(file, formats=[name])
        finally:
            PIL.Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = pixels, text


def one_line(error: Exception) -> str:
    """Return the message of an exception as one line, its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _describe(image: PIL.Image.Image, prefix: bytes) -> Header:
    name = image.format or "unknown"
    info = image.info
    return Header(
        format=name,
        mode=image.mode,
        width=image.width,
        height=image.height,
        bits=_bits(name, image, prefix),
        pictures=getattr(image, "n_frames", 1),
        orientation=image.getexif().get(PIL.ExifTags.Base.Orientation, 1) if name == "TIFF" else 1,
        transparency=info.get("transparency"),
        icc=info.get("icc_profile") or None,
        exif=_tiff_exif(image) if name == "TIFF" else info.get("exif", b"").removeprefix(_EXIF_PREFIX) or None,
        xmp=info.get("xmp") or None,
    )


def _bits(name: str, image: PIL.Image.Image, prefix: bytes) -> int:
    """Return the depth of a sample in the file, which Pillow's modes hide: 16-bit RGB opens as "RGB"."""
    if name == "PNG":
        return prefix[24]
    if name == "TIFF":
        depths = image.getexif().get(PIL.ExifTags.Base.BitsPerSample, 1)
        return max(depths) if isinstance(depths, tuple) else int(depths)
    if name == "AVIF":
        pixel_information = prefix.find(b"pixi")  # ISO/IEC 23008-12, 6.5.6: version, count, one depth a channel
        return prefix[pixel_information + 9] if pixel_information > 0 else 8
    if name == "PPM":
        return 16 if _netpbm_maximum(prefix) > 255 else 8
    return 8


def _netpbm_maximum(prefix: bytes) -> int:
    """Return the largest sample value that a PGM or PPM header declares; PBM has none."""
    if prefix[1:2] in b"14":
        return 1
    without_comments = b"\n".join(line.split(b"#")[0] for line in prefix[:4096].splitlines())
    return int(without_comments.split()[3])


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
    return kept.tobytes().removeprefix(_EXIF_PREFIX) if kept else None
