"""Binary PGM and PPM whose largest sample is not 255: Pillow takes a step of Python for each sample of them."""

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import PIL.ImageFile

from vaecompress.errors import InputError


def is_scaled_netpbm(picture: PIL.ImageFile.ImageFile) -> bool:
    """Whether an opened PGM or PPM is binary and its samples are not plain bytes."""
    codec = picture.tile[0].codec_name if picture.tile else "ppm_plain"
    return codec == "ppm" or (codec != "ppm_plain" and picture.mode == "I")


def read_scaled_netpbm(picture: PIL.ImageFile.ImageFile, file: BinaryIO) -> npt.NDArray[Any]:
    """Return the samples of an opened binary PGM or PPM [height, width, 1 or 3], scaled to uint8 or uint16.

    Raises InputError (fewer samples than the header says, or one above its maximum).
    """
    tile = picture.tile[0]
    maximum = int(tile.args[-1]) if isinstance(tile.args, tuple) else 65535
    stored, full, wanted = ("u1", 255, np.uint8) if maximum < 256 else (">u2", 65535, np.uint16)
    shape = (picture.height, picture.width, 3 if picture.mode == "RGB" else 1)
    file.seek(tile.offset)
    size_bytes = shape[0] * shape[1] * shape[2] * np.dtype(stored).itemsize
    data = file.read(size_bytes)
    if len(data) != size_bytes:
        raise InputError("PPM data is damaged or incomplete: it ends inside the picture")
    samples = np.frombuffer(data, stored).reshape(shape)
    if samples.max() > maximum:
        raise InputError(f"PPM data is damaged: a sample is above {maximum}, the largest by its header")
    if maximum == full:
        return samples
    return ((samples.astype(np.uint32) * full + maximum // 2) // maximum).astype(wanted)
