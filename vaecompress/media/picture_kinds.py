"""What kind of picture a file is, by its first bytes; the kinds that are known and not read have names here too."""

from vaecompress.errors import InputError
from vaecompress.media.formats.tiff import DEVELOP_FIRST

READABLE = "PNG, JPEG, WebP, AVIF, HEIC, TIFF, BMP, GIF, PPM, PGM or PBM"

_MAGICS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
    **dict.fromkeys((b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"), "DIB"),
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
    **dict.fromkeys((b"mif1", b"mif2", b"mif3", b"msf1", b"miaf"), "HEIF"),
    **dict.fromkeys((b"avci", b"avcs", b"j2ki", b"j2is", b"jpeg", b"jpgs", b"vvic", b"vvis"), "HEIF"),
    **{b"crx ": "RAW", b"jxl ": "JPEG XL", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000"},
}
_BRANDS_OF_ANY_CODEC = (b"mif1", b"mif2", b"mif3", b"msf1", b"miaf")

# Known, and refused by name. Raw photographs in TIFF clothes are told apart in formats/tiff.py.
_REFUSED_MAGICS = {
    **{b"FUJIFILMCCD-RAW": "RAW", b"IIRO": "RAW", b"IIRS": "RAW", b"MMOR": "RAW", b"IIU\0": "RAW", b"FOVb": "RAW"},
    **{b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"\xff\x4f\xff\x51": "JPEG 2000"},
    **{b"\0\0\0\x0cjP  ": "JPEG 2000", b"8BPS": "Photoshop", b"v/1\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR"},
    **{b"%PDF": "PDF", b"\0\0\1\0": "Windows icon", b"qoif": "QOI", b"Pf": "PFM", b"PF": "PFM", b"P7": "PAM"},
    **{b"<svg": "SVG", b"DDS ": "DDS"},
}


def sniff(prefix: bytes) -> str | None:
    """Return the name of the format that a file starting with these (at least 16) bytes has, or None.

    The name is Pillow's, "HEIF", or that of a format that is known and not read: see :func:`check_readable`.
    """
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return "WEBP"
    if prefix[4:8] == b"ftyp":
        return _of_brands(prefix)
    if prefix[:1] == b"P" and prefix[1:2] in b"123456" and prefix[2:3].isspace():
        return "PPM"
    magics = {**_MAGICS, **_REFUSED_MAGICS}
    return next((name for magic, name in magics.items() if prefix.startswith(magic)), None)


def check_readable(name: str | None) -> str:
    """Return the name of a format that is read.

    Raises InputError (no format of pictures, or one that is not read).
    """
    if name == "RAW":
        raise InputError(f"is a raw photograph, which is not read: {DEVELOP_FIRST}")
    if name in {*_REFUSED_MAGICS.values(), *_BRANDS.values()} - {"AVIF", "HEIF"}:
        raise InputError(f"is a {name} file, which is not read: convert it to PNG or TIFF first")
    if name is None:
        raise InputError(f"is not a picture in a format that is read: {READABLE}")
    return name


def _of_brands(prefix: bytes) -> str | None:
    """Return the format of a file of ISO/IEC 23008-12 by its brands; those of any codec say the codec further on."""
    size = min(int.from_bytes(prefix[:4], "big"), len(prefix))
    brands = [prefix[8:12], *(prefix[at : at + 4] for at in range(16, size - 3, 4))]
    if brands[0] not in _BRANDS:
        return None
    if brands[0] in _BRANDS_OF_ANY_CODEC:
        return "AVIF" if {b"avif", b"avis"} & set(brands) else "HEIF"
    return _BRANDS[brands[0]]
