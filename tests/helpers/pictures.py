"""Test pictures whose pixels tell where they come from: red is the column, green the row, blue the picture."""

import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


def coordinate_picture(height: int, width: int, blue: int) -> npt.NDArray[np.uint8]:
    """uint8 [height, width, 3] with (column, row, blue) at each pixel; sides up to 256."""
    pixels = np.full((height, width, 3), blue, np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return pixels


def encoded(pixels: npt.NDArray[np.uint8], image_format: str = "PNG") -> bytes:
    """``pixels`` as a file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, quality=95)
    return buffer.getvalue()


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Write ``files`` (relative path to bytes) under ``folder`` and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_shard(path: Path, files: dict[str, bytes]) -> Path:
    """Write ``files`` as an uncompressed tar and return its path."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return path


def window_of(crop: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """``(picture, top, left, turn)`` of a crop of a coordinate picture; asserts that it is one whole window."""
    for turn in range(8):
        undone = crop[:, ::-1] if turn & 1 else crop
        undone = undone[::-1] if turn & 2 else undone
        undone = undone.swapaxes(0, 1) if turn & 4 else undone
        left, top, blue = (int(v) for v in undone[0, 0])
        height, width = undone.shape[:2]
        full = coordinate_picture(top + height, left + width, blue)
        if np.array_equal(full[top:, left:], undone):
            return blue, top, left, turn
    raise AssertionError("not a window of a test picture")
