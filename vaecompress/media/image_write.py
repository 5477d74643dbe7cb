"""Writing picture files. All formats but JPEG are lossless."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
from PIL.PngImagePlugin import PngInfo

from vaecompress.errors import OutputError, UsageError
from vaecompress.media.colour import IDENTITY, Colour
from vaecompress.media.image import Image
from vaecompress.media.plain import in_srgb, turned_upright


@dataclass(frozen=True)
class _Format:
    """What a file format carries, and how it is written.

    ``name`` is Pillow's for the format, ``options`` are its own. (imageio would only pass them on, and takes a while to
    import.) ``metadata`` names the blocks that have room, with the largest size in bytes.
    """

    name: str
    suffixes: tuple[str, ...]
    alpha: bool = False
    grey_only: bool = False
    metadata: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


# A JPEG marker holds 65,533 bytes, names included; ICC profiles may take several. EXIF is left out of TIFF, where it
# would have to be taken apart and merged with the tags of the pixels.
_ALL = {"ICC profile": math.inf, "EXIF": math.inf, "XMP": math.inf}
_IN_JPEG = {"ICC profile": 255 * 65_000, "EXIF": 65_000, "XMP": 65_000}
_IN_TIFF = {"ICC profile": math.inf, "XMP": math.inf}

# PNG level 2 takes 29 ms for 768x512 and is 4 % larger than level 9, which takes 230 ms.
_FORMATS = {
    "png": _Format("PNG", (".png",), alpha=True, metadata=_ALL, options={"compress_level": 2}),
    "jpeg": _Format("JPEG", (".jpg", ".jpeg"), metadata=_IN_JPEG, options={"quality": 95, "subsampling": "4:4:4"}),
    "webp": _Format(
        "WEBP", (".webp",), alpha=True, metadata=_ALL, options={"lossless": True, "exact": True, "method": 2}
    ),
    "tiff": _Format(
        "TIFF", (".tiff", ".tif"), alpha=True, metadata=_IN_TIFF, options={"compression": "tiff_adobe_deflate"}
    ),
    "bmp": _Format("BMP", (".bmp",)),
    "ppm": _Format("PPM", (".ppm", ".pnm")),
    "pgm": _Format("PPM", (".pgm",), grey_only=True),
}

_XMP_TIFF_TAG = 700


def format_of(path: Path | str) -> str:
    """Return the name of the format that the suffix of ``path`` stands for.

    Raises UsageError (no picture format that is written has this suffix).
    """
    suffix = Path(path).suffix.lower()
    for name, kind in _FORMATS.items():
        if suffix in kind.suffixes:
            return name
    raise UsageError(f"{path}: no picture is written as {suffix or 'a file without suffix'}: use one of {_suffixes()}")


def write_image(image: Image, destination: Path | BinaryIO, format: str) -> list[str]:
    """Write a picture to a path or a binary file; ``format`` is a name that :func:`format_of` returns.

    Pixels are turned upright where the format has no room for their orientation, and converted to sRGB where it has
    none for their profile.

    Returns notes on metadata that the format does not carry, each one line. Raises UsageError (the format carries no
    alpha, or only grey, and the picture has more) or OutputError (the file cannot be written, or the format has no room
    for the picture).
    """
    kind = _FORMATS[format]
    _check_carried(image, format)
    metadata, notes = _metadata(image, format)
    if image.exif is not None and "exif" not in metadata:
        image, more = turned_upright(image)
        notes += more
    if image.icc is not None and "icc_profile" not in metadata:
        image, more = in_srgb(image)
        notes += more
    options = {**kind.options, **metadata}
    try:
        if isinstance(destination, Path):
            with destination.open("wb") as file:
                _encode(image, file, kind, options)
        else:
            buffer = io.BytesIO()  # pipes cannot seek, and some writers must
            _encode(image, buffer, kind, options)
            destination.write(buffer.getbuffer())
    except OSError as error:
        raise OutputError(f"{_name(destination)}: cannot be written: {error.strerror or error}") from error
    except ValueError as error:
        raise OutputError(f"{_name(destination)}: cannot be written as {format}: {error}") from error
    return notes


def _encode(image: Image, file: BinaryIO, kind: _Format, options: Mapping[str, Any]) -> None:
    samples = image.pixels
    if image.alpha is not None:
        samples = np.concatenate([samples, image.alpha[:, :, np.newaxis]], axis=2)
    if samples.shape[2] == 1:
        samples = samples[:, :, 0]
    PIL.Image.fromarray(samples).save(file, kind.name, **options)


def _check_carried(image: Image, format: str) -> None:
    kind = _FORMATS[format]
    if image.alpha is not None and not kind.alpha:
        raise UsageError(f"{format} carries no alpha, and the picture has it: write png, webp or tiff")
    if image.channels != 1 and kind.grey_only:
        raise UsageError(f"{format} carries grey only, and the picture is RGB: write ppm")


def _metadata(image: Image, format: str) -> tuple[dict[str, Any], list[str]]:
    """Return Pillow's options for the metadata that the format carries, and notes on what it does not."""
    kind = _FORMATS[format]
    options: dict[str, Any] = {}
    notes = []
    for name, block in (("ICC profile", image.icc), ("EXIF", image.exif), ("XMP", image.xmp)):
        if block is None:
            continue
        if name not in kind.metadata or len(block) > kind.metadata[name]:
            notes.append(f"{name} ({len(block)} bytes) left out: {format} has no room for it")
        elif name == "ICC profile":
            options["icc_profile"] = block
        elif name == "EXIF":
            options["exif"] = b"Exif\0\0" + block
        else:
            options.update({"tiffinfo": {_XMP_TIFF_TAG: block}} if format == "tiff" else {"xmp": block})
    if image.colour is not None and format != "png":
        notes.append(f"{image.colour.transfer_name} (HDR) cannot be said in {format}: players will show other colours")
    if format == "png":
        options["pnginfo"] = _png_chunks(options.pop("xmp", None), image.colour)
    return options, notes


def _png_chunks(xmp: bytes | None, colour: Colour | None) -> PngInfo:
    chunks = PngInfo()
    if xmp is not None:
        chunks.add_itxt("XML:com.adobe.xmp", xmp)
    if colour is not None:
        chunks.add(b"cICP", bytes([colour.primaries, colour.transfer, IDENTITY, 1]))
    return chunks


def _suffixes() -> str:
    return " ".join(suffix for kind in _FORMATS.values() for suffix in kind.suffixes)


def _name(destination: Path | BinaryIO) -> str:
    return str(destination) if isinstance(destination, Path) else "output"
