"""Models by name, path or id, and a model made ready to run."""

import os
from collections.abc import Container, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec import model_file, runtime
from vaecompress.codec.choice import SUFFIX, default_model
from vaecompress.codec.model_file import DIGEST_BYTES, MODEL_ID_BYTES, ModelFile
from vaecompress.entropy.tables import TableSet
from vaecompress.errors import CorruptError, InputError, UnsupportedError, UsageError

Array = npt.NDArray[Any]
SHIPPED = Path(__file__).parent.parent / "models"
FOLDER_VARIABLE = "VAECOMPRESS_MODELS"
"""Environment variable: a folder of further model files."""

QUALITY_ROWS = 100
NUMBERS: dict[str, Container[int]] = {
    "latent_channels": range(1, 4097),
    "hyper_latent_channels": range(1, 4097),
    "context_steps": (1, 2, 4),
    "prior_sets": range(1, QUALITY_ROWS + 1),
    "scale_count": range(1, 4097),
    "scale_steps_per_octave": range(1, 4097),
}
HALO_LIMITS = {"analysis": 32, "hyper_synthesis": 8, "context": 32, "synthesis": 32}
GAINS = ("analysis_feature", "encoder_latent", "hyper_feature", "decoder_latent", "synthesis_feature")


@dataclass(frozen=True)
class Shape:
    """What the codec needs to know of a model, from its card.

    ``halos`` is the reach of each network: ``analysis``, ``context`` and ``synthesis`` in latent positions,
    ``hyper_synthesis`` in hyper-latent positions.
    """

    latent_channels: int
    hyper_latent_channels: int
    context_steps: int
    prior_sets: int
    scale_count: int
    min_log2_scale: float
    scale_steps_per_octave: int
    halos: dict[str, int]

    def __post_init__(self) -> None:
        """Raises CorruptError where a number is none, or out of bounds."""
        if self.halos.keys() != HALO_LIMITS.keys():
            raise CorruptError("model file: its card lacks the reach of a network")
        numbers = [(getattr(self, name), allowed) for name, allowed in NUMBERS.items()]
        numbers += [(self.halos[name], range(limit + 1)) for name, limit in HALO_LIMITS.items()]
        fits = all(isinstance(number, int) and number in allowed for number, allowed in numbers)
        if not fits or -self.min_log2_scale * self.scale_steps_per_octave not in range(self.scale_count):
            raise CorruptError("model file: a number on its card is out of bounds")


class LoadedModel:
    """A model file with its tables and gains, and networks prepared when first asked for."""

    def __init__(self, file: ModelFile, engine: str = "onnxruntime", threads: int | None = None) -> None:
        """Raises CorruptError when the file lacks a part or a part has the wrong shape."""
        self.file, self.engine, self.threads = file, engine, threads
        try:
            self.name = str(file.card["name"])
            self.shape = Shape(**file.card["codec"])
            self.gains = {name: file.arrays[f"gains/{name}"] for name in GAINS}
        except (AttributeError, KeyError, TypeError) as error:
            raise CorruptError("model file: a part is missing from its card or arrays") from error
        if any(rows.ndim != 2 or len(rows) != QUALITY_ROWS for rows in self.gains.values()):
            raise CorruptError(f"model file: gains must have {QUALITY_ROWS} rows")
        prefix = "tables/"
        arrays = {k.removeprefix(prefix): v for k, v in file.arrays.items() if k.startswith(prefix)}
        self.tables = TableSet.from_arrays(arrays)
        shape = self.shape
        if len(self.tables) != shape.scale_count + shape.prior_sets * shape.hyper_latent_channels:
            raise CorruptError("model file: the number of tables does not fit the model's shape")
        self._networks: dict[str, Future[runtime.Network]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(2)

    @property
    def model_id(self) -> bytes:
        """The eight bytes by which a stream names this model."""
        return self.file.model_id

    def prepare(self, *names: str) -> None:
        """Start to prepare networks in the background, in the order they will be needed."""
        for name in names:
            self._prepared(name)

    def network(self, name: str) -> runtime.Network:
        """The network called ``name``. Raises CorruptError when the file has none."""
        return self._prepared(name).result()

    def decoder_networks(self) -> tuple[str, ...]:
        """The networks that decoding runs, in order."""
        contexts = (f"context{step}" for step in range(1, self.shape.context_steps))
        return ("hyper_synthesis", *contexts, "synthesis")

    def make_network(self, graph: bytes) -> runtime.Network:
        """A graph under this model's engine."""
        return runtime.network(graph, self.engine, self.threads)

    def _prepared(self, name: str) -> Future[runtime.Network]:
        with self._lock:
            if name not in self._networks:
                if name not in self.file.networks:
                    raise CorruptError(f"model file: it has no network '{name}'")
                self._networks[name] = self._pool.submit(self.make_network, self.file.networks[name])
            return self._networks[name]

    def gain(self, name: str, quality: int) -> Array:
        """Gains [1, C, 1, 1] of ``quality`` 1..100, as the graphs take them."""
        return np.asarray(self.gains[name][quality - 1], np.float32)[None, :, None, None]

    def prior_set(self, quality: int) -> int:
        """Which set of hyper-latent tables ``quality`` uses."""
        return min((quality - 1) * self.shape.prior_sets // (QUALITY_ROWS - 1), self.shape.prior_sets - 1)


def paths() -> Iterator[Path]:
    """Every model file at hand: those shipped, then those of the folder in ``VAECOMPRESS_MODELS``."""
    yield from sorted(SHIPPED.glob(f"*{SUFFIX}"))
    if folder := os.environ.get(FOLDER_VARIABLE):
        yield from sorted(Path(folder).glob(f"*{SUFFIX}"))


def load(model: str | Path | None = None, engine: str = "onnxruntime", threads: int | None = None) -> LoadedModel:
    """A model by name (default: :func:`choice.default_model`), by its id in hex, or by the path of a model file.

    Raises UsageError when there is none, CorruptError when it is damaged; what was not shipped is verified first, and
    UnsupportedError says what is not one of our networks.
    """
    wanted = str(model or default_model(SHIPPED))
    if Path(wanted).suffix == SUFFIX:
        return _loaded(Path(wanted), engine, threads)
    for path in paths():
        if wanted in (path.stem, file_id(path).hex()):
            return _loaded(path, engine, threads)
    known = ", ".join(path.stem for path in paths()) or "none"
    raise UsageError(f"no model '{wanted}'; installed: {known}; or give the path of a {SUFFIX} file")


def find(model_id: bytes, engine: str = "onnxruntime", threads: int | None = None) -> LoadedModel:
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
            file.seek(max(0, file.seek(0, os.SEEK_END) - DIGEST_BYTES))
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
        from vaecompress.codec.verify import verify

        verify(model)
    return model
