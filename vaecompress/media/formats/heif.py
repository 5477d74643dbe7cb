"""HEIC pictures, read with pillow-heif where it is installed.

libav takes a phone's picture for a video and gives the first of its tiles.
"""

import importlib

from vaecompress.errors import InputError

INSTALL = "install pillow-heif to read it (pip install 'vaecompress[heif]'), or convert it to JPEG or PNG first"


def enable_heif() -> None:
    """Teach Pillow to open HEIC.

    Raises InputError (pillow-heif is not installed).
    """
    try:
        pillow_heif = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise InputError(f"is a HEIC picture: {INSTALL}") from error
    pillow_heif.register_heif_opener(thumbnails=False)
