"""Which model files are at hand: their places and ids, without reading more of them, and without numpy."""

import os
from collections.abc import Iterator
from pathlib import Path

from vaecompress.errors import InputError
from vaecompress.format import MODEL_ID_BYTES, MODEL_TAIL_BYTES

SHIPPED = Path(__file__).parent
SUFFIX = ".vcm"
FOLDER_VARIABLE = "VAECOMPRESS_MODELS"
"""Environment variable: a folder of further model files."""


def paths() -> Iterator[Path]:
    """Every model file at hand: those shipped, then those of the folder in ``VAECOMPRESS_MODELS``."""
    yield from sorted(SHIPPED.glob(f"*{SUFFIX}"))
    if folder := os.environ.get(FOLDER_VARIABLE):
        yield from sorted(Path(folder).glob(f"*{SUFFIX}"))


def file_id(path: Path) -> bytes:
    """The model id of a file, from its last bytes, not yet verified."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MODEL_TAIL_BYTES))
            return file.read(MODEL_ID_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error
