"""Models by name, path or id."""

from functools import lru_cache
from pathlib import Path

from vaecompress.errors import InputError, UnsupportedError, UsageError
from vaecompress.models import file as model_file
from vaecompress.models import installed
from vaecompress.models.default import STILL, default_model
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.engines import AUTO


def load(
    model: str | Path | None = None, engine: str = AUTO, threads: int | None = None, kind: str = STILL
) -> LoadedModel:
    """A model by name (default: :func:`default_model` of ``kind``), by its id in hex, or by the path of a model file.

    Raises UsageError when there is none, CorruptError when it is damaged; what was not shipped is verified first, and
    UnsupportedError says what is not one of our networks.
    """
    return _loaded(path_of(model or default_model(installed.SHIPPED, kind)), engine, threads)


def path_of(model: str | Path) -> Path:
    """The file of a model that is named as for :func:`load`. Raises UsageError when there is none."""
    wanted = str(model)
    if Path(wanted).suffix == installed.SUFFIX:
        return Path(wanted)
    for path in installed.paths():
        if wanted in (path.stem, installed.file_id(path).hex()):
            return path
    known = ", ".join(path.stem for path in installed.paths()) or "none"
    raise UsageError(f"no model '{wanted}'; installed: {known}; or give the path of a {installed.SUFFIX} file")


def find(model_id: bytes, engine: str = AUTO, threads: int | None = None) -> LoadedModel:
    """The model a stream names. Raises UnsupportedError when it is not at hand."""
    for path in installed.paths():
        if installed.file_id(path) == model_id:
            return _loaded(path, engine, threads)
    raise UnsupportedError(
        f"made with model {model_id.hex()}, which is not installed; update vaecompress or put its model file "
        f"into the folder that {installed.FOLDER_VARIABLE} names"
    )


def _loaded(path: Path, engine: str, threads: int | None) -> LoadedModel:
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f"{path}: cannot read the model file ({error.strerror})") from error
    return _cached(path.resolve(), stamp, engine, threads)


@lru_cache(maxsize=8)
def _cached(path: Path, _stamp: int, engine: str, threads: int | None) -> LoadedModel:
    model = LoadedModel(model_file.load(path), engine, threads)
    if path.parent != installed.SHIPPED.resolve():
        from vaecompress.models.verify import verify

        verify(model)
    return model
