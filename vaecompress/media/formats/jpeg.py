"""What a JPEG file holds besides its picture and what Pillow hands on of it, and damage that Pillow keeps to itself."""

from collections.abc import Iterator
from typing import BinaryIO

import PIL.ImageFile

from vaecompress.limits import Limits

_ARITHMETIC = {0xC9, 0xCA, 0xCB}
"""Markers of frames that libav does not know: their data are coded arithmetically."""

DAMAGED = "its data is damaged: parts of the picture may be wrong"

_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_IPTC_RESOURCE = 0x0404
_TAIL_BYTES = 64


def left_out_of_jpeg(image: PIL.ImageFile.ImageFile, file: BinaryIO) -> list[str]:
    """Name what is not carried: a comment, IPTC, the second part of a long XMP packet, data after the picture."""
    segments = [body for name, body in getattr(image, "applist", []) if name == "APP1"]
    resources = image.info.get("photoshop")
    tail_bytes = 0 if image.format == "MPO" else _tail_bytes(file)
    found = {
        "the JPEG comment is left out": "comment" in image.info,
        "IPTC (captions, keywords) is left out": isinstance(resources, dict) and _IPTC_RESOURCE in resources,
        "the extended part of the XMP is left out": any(body.startswith(_EXTENDED_XMP) for body in segments),
        f"{tail_bytes:,} bytes after the picture are left out, such as a motion photo's film": tail_bytes > _TAIL_BYTES,
    }
    return [note for note, is_so in found.items() if is_so]


def is_damaged_jpeg(file: BinaryIO, limits: Limits) -> bool:
    """Whether libav, told to be strict, finds data that no encoder writes; kinds that it does not know are none."""
    import av

    file.seek(0)
    if _ARITHMETIC & {marker for marker, _ in _markers(file.read())}:
        return False
    file.seek(0)
    try:
        with av.open(file, format="jpeg_pipe") as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(limits.max_pixels)}
            next(container.decode(stream), None)
    except av.InvalidDataError:
        return True
    except av.FFmpegError:
        return False
    return False


def _tail_bytes(file: BinaryIO) -> int:
    """Return how many bytes follow the end of the picture."""
    file.seek(0)
    data = file.read()
    return next((len(data) - at - 2 for marker, at in _markers(data) if marker == 0xD9), 0)


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers of a JPEG file and where they are, to the end of the picture."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        yield marker, at
        if marker == 0xD9:
            return
        if marker in range(0xD0, 0xD9):
            at += 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            at = _end_of_scan(data, at)


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the next marker after entropy-coded data is; restart markers and stuffed bytes belong to it."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (0, *range(0xD0, 0xD8)):
            return at
        at += 2
    return len(data)
