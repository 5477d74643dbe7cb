"""Models by name, path or id."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from vaecompress.errors import InputError, UnsupportedError, UsageError
from vaecompress.models import file as model_file
from vaecompress.models.default import STILL, SUFFIX, default_model
from vaecompress.models.file import MODEL_ID_BYTES, TAIL_BYTES
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.engines import AUTO

SHIPPED = Path(__file__).parent
FOLDER_VARIABLE = "VAECOMPRESS_MODELS"
"""Environment variable: a folder of further model files."""


def paths() -> Iterator[Path]:
    """Every model file at hand: those shipped, then those of the folder in ``VAECOMPRESS_MODELS``."""
    yield from sorted(SHIPPED.glob(f"*{SUFFIX}"))
    if folder := os.environ.get(FOLDER_VARIABLE):
        yield from sorted(Path(folder).glob(f"*{SUFFIX}"))


def load(
    model: str | Path | None = None, engine: str = AUTO, threads: int | None = None, kind: str = STILL
) -> LoadedModel:
    """A model by name (default: :func:`default_model` of ``kind``), by its id in hex, or by the path of a model file.

    Raises UsageError when there is none, CorruptError when it is damaged; what was not shipped is verified first, and
    UnsupportedError says what is not one of our networks.
    """
    return _loaded(path_of(model or default_model(SHIPPED, kind)), engine, threads)


def path_of(model: str | Path) -> Path:
    """The file of a model that is named as for :func:`load`. Raises UsageError when there is none."""
    wanted = str(model)
    if Path(wanted).suffix == SUFFIX:
        return Path(wanted)
    for path in paths():
        if wanted in (path.stem, file_id(path).hex()):
            return path
    known = ", ".join(path.stem for path in paths()) or "none"
    raise UsageError(f"no model '{wanted}'; installed: {known}; or give the path of a {SUFFIX} file")


def find(model_id: bytes, engine: str = AUTO, threads: int | None = None) -> LoadedModel:
    """The model a stream names. Raises UnsupportedError when it is not at hand."""
    for path in paths():
        if file_id(path) == model_id:
            return _loaded(path, engine, threads)
    raise UnsupportedError(
        f"made with model {model_id.hex()}, which is not installed; update vaecompress or put its model file "
        f"into the folder that {FOLDER_VARIABLE} names"
    )


def file_id(path: Path) -> bytes:
    """The model id of a file, from its last bytes, not yet verified."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read(MODEL_ID_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error


def _loaded(path: Path, engine: str, threads: int | None) -> LoadedModel:
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error
    return _cached(path.resolve(), stamp, engine, threads)


@lru_cache(maxsize=8)
def _cached(path: Path, _stamp: int, engine: str, threads: int | None) -> LoadedModel:
    model = LoadedModel(model_file.load(path), engine, threads)
    if path.parent != SHIPPED.resolve():
        from vaecompress.models.verify import verify

        verify(model)
    return model
