"""Small pictures and hand-made files for the tests of this folder."""

import io
import struct
import zlib

import numpy as np
import PIL.Image


def samples(height=23, width=31, channels=3, dtype=np.uint8):
    """A gradient with some noise: every channel different, every value in reach."""
    rng = np.random.default_rng(7)
    top = np.iinfo(dtype).max
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [(rows * (c + 1) / height / 4 + columns / width / 2) * top for c in range(channels)]
    return np.clip(np.stack(planes, -1) + rng.integers(0, top // 8, (height, width, channels)), 0, top).astype(dtype)


def saved(image, format, **options):
    """The bytes of a Pillow image saved in a format."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def pillow(array, mode=None):
    """A Pillow image of an array, converted to a mode."""
    image = PIL.Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    return image if mode is None else image.convert(mode)


def png_chunk(kind, body):
    """One PNG chunk with length and CRC."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(array, colour_type, depth=16, transparency=None, size=None, interlaced=False, more=()):
    """A PNG file of samples [height, width, channels], written by hand.

    ``size`` lies about the size, ``interlaced`` orders the samples as Adam7 does, ``more`` are chunks (kind, body).
    """
    height, width = array.shape[:2]
    rows = array.astype(">u2" if depth == 16 else "u1")
    passes = [rows[y::dy, x::dx] for y, x, dy, dx in _ADAM7] if interlaced else [rows]
    body = b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, colour_type, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *more, (b"tRNS", transparency), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, part) for kind, part in chunks if part is not None)


# First row and column, steps down and across, of each pass.
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def tiff_16_bit(array):
    """An uncompressed little-endian 16-bit RGB TIFF file of [height, width, 3], written by hand."""
    height, width = array.shape[:2]
    data = array.astype("<u2").tobytes()
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 14), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(data)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<2sHIHHH", b"II", 42, 14 + len(data), 16, 16, 16) + data + directory + bytes(4)
