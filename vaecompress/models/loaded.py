"""A model file made ready to run: its shape, tables, gains, and networks under an engine."""

from collections.abc import Container, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.entropy.tables import TableSet
from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.format import FILTER_BOUNDS, FILTER_DIRECTIONS, QUALITIES, prior_set
from vaecompress.models import file as model_file
from vaecompress.models.file import ModelFile
from vaecompress.models.plane_tables import HYPER_OFFSETS, PlaneTables
from vaecompress.networks import engines
from vaecompress.networks.without_rounding import without_rounding

Array = npt.NDArray[Any]

NUMBERS: dict[str, Container[int]] = {
    "latent_channels": range(1, 4097),
    "hyper_latent_channels": range(1, 4097),
    "context_steps": (1, 2, 4),
    "prior_sets": range(1, QUALITIES + 1),
    "scale_count": range(1, 4097),
    "scale_steps_per_octave": range(1, 4097),
    "plane_table_count": range(257),
    "hyper_scale_count": range(1, 257),
}
HALO_LIMITS = {"analysis": 32, "hyper_synthesis": 8, "context": 32, "synthesis": 32, "conditioning": 32}
DECODER_GAINS = ("hyper_feature", "decoder_latent", "synthesis_feature")
ENCODER_GAINS = ("analysis_feature", "encoder_latent")
ROUGH_SYNTHESIS = "rough synthesis"
"""What an encoder may run in place of the synthesis, where it only looks: the same without roundings."""

CONDITIONING = "conditioning"
"""The network that tells the others of a prediction; only models of predicted frames have it."""

CONDITION_GAINS = ("condition_feature", "condition_past")
"""Its gains: for frames with two references, and with one."""

PREDICTED = "predicted"
"""The part of a model for video that codes predicted frames."""


@dataclass(frozen=True)
class Shape:
    """What the codec needs to know of a model, from its card.

    ``plane_channels`` are the latent channels of lowest frequency, coded coarse to fine with ``plane_table_count``
    tables of their own; ``hyper_scale_count`` scales code the hyper-latents. ``halos`` is the reach of each network:
    ``analysis``, ``context`` and ``synthesis`` in latent positions, ``hyper_synthesis`` in hyper-latent positions.
    Models of predicted frames have that of ``conditioning`` too, in latent positions.
    """

    latent_channels: int
    hyper_latent_channels: int
    context_steps: int
    prior_sets: int
    scale_count: int
    min_log2_scale: int
    scale_steps_per_octave: int
    plane_channels: list[int]
    plane_table_count: int
    hyper_scale_count: int
    halos: dict[str, int]

    def __post_init__(self) -> None:
        """Raises CorruptError where a number is none, or out of bounds."""
        if self.halos.keys() | {CONDITIONING} != HALO_LIMITS.keys():
            raise CorruptError("model file: its card lacks the reach of a network")
        numbers = [(getattr(self, name), allowed) for name, allowed in NUMBERS.items()]
        numbers += [(reach, range(HALO_LIMITS[name] + 1)) for name, reach in self.halos.items()]
        fits = all(isinstance(number, int) and number in allowed for number, allowed in numbers)
        channels = self.plane_channels
        fits = fits and all(isinstance(channel, int) and channel in range(self.latent_channels) for channel in channels)
        fits = fits and len(set(channels)) == len(channels) and (self.plane_table_count > 0 or not channels)
        if not fits or -self.min_log2_scale * self.scale_steps_per_octave not in range(self.scale_count):
            raise CorruptError("model file: a number on its card is out of bounds")


class LoadedModel:
    """A model file with its tables and gains, and networks prepared when first asked for."""

    def __init__(self, file: ModelFile, engine: str = engines.AUTO, threads: int | None = None) -> None:
        """Raises CorruptError when the file lacks a part or a part has the wrong shape."""
        self.file, self.engine, self.threads = file, engine, threads
        try:
            self.name = str(file.card["name"])
            self.shape = Shape(**file.card["codec"])
            names = DECODER_GAINS + CONDITION_GAINS if CONDITIONING in file.networks else DECODER_GAINS
            self.gains = {name: file.arrays[f"gains/{name}"] for name in names}
            self.gains |= {
                name: rows for name in ENCODER_GAINS if (rows := file.arrays.get(f"gains/{name}")) is not None
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise CorruptError("model file: a part is missing from its card or arrays") from error
        if any(rows.ndim != 2 or len(rows) != QUALITIES for rows in self.gains.values()):
            raise CorruptError(f"model file: gains must have {QUALITIES} rows")
        prefix = "tables/"
        arrays = {k.removeprefix(prefix): v for k, v in file.arrays.items() if k.startswith(prefix)}
        self.tables = TableSet.from_arrays(arrays)
        shape = self.shape
        if len(self.tables) != shape.scale_count + shape.plane_table_count + HYPER_OFFSETS * shape.hyper_scale_count:
            raise CorruptError("model file: the number of tables does not fit the model's shape")
        self.planes = PlaneTables.from_arrays(file.arrays)
        self.planes.check(
            len(shape.plane_channels),
            shape.plane_table_count,
            shape.hyper_latent_channels,
            shape.prior_sets,
            shape.hyper_scale_count,
        )
        if CONDITIONING not in file.networks:
            self.filter_weights = filter_weights(file.arrays)
        self._networks: dict[str, Future[engines.Network]] = {}
        self._part: LoadedModel | None = None
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

    def network(self, name: str) -> engines.Network:
        """The network called ``name``. Raises CorruptError when the file has none."""
        return self._prepared(name).result()

    @property
    def predicted(self) -> "LoadedModel":
        """The model of predicted frames within this one. Raises UnsupportedError where this one is not for video."""
        if PREDICTED not in self.file.card:
            raise UnsupportedError(f"model '{self.name}' codes every frame on its own: it has no predicted frames")
        with self._lock:
            if self._part is None:
                self._part = LoadedModel(self.file.part(PREDICTED), self.engine, self.threads)
            return self._part

    @cached_property
    def one_thread(self) -> "LoadedModel":
        """This model with networks that take one thread each, for several threads to share."""
        return self if self.threads == 1 else LoadedModel(self.file, self.engine, threads=1)

    def decoder_networks(self) -> tuple[str, ...]:
        """The networks that decoding runs, in order."""
        condition = [CONDITIONING] if CONDITIONING in self.file.networks else []
        contexts = [f"context{step}" for step in range(1, self.shape.context_steps)]
        return (*condition, "hyper_synthesis", *contexts, "synthesis")

    def make_network(self, name: str) -> engines.Network:
        """The graph called ``name`` under this model's engine.

        What no decoder runs is no exact arithmetic: it stays with one engine, so that files do not depend on another.
        """
        if name == ROUGH_SYNTHESIS:
            return self._rough_synthesis()
        inexact = self.engine == engines.AUTO and name in model_file.ENCODER_MEMBERS
        engine = "onnxruntime" if inexact else self.engine
        return engines.network(self.file.networks[name], engine, self.threads)

    def _rough_synthesis(self) -> engines.Network:
        """The synthesis without its roundings; the exact one where the engine is for that."""
        graph = self.file.networks["synthesis"]
        if self.engine not in (engines.AUTO, "onnxruntime", "openvino"):
            return engines.network(graph, self.engine, self.threads)
        engine = "onnxruntime" if self.engine == engines.AUTO else self.engine
        return engines.network(without_rounding(graph), engine, self.threads)

    def _prepared(self, name: str) -> Future[engines.Network]:
        with self._lock:
            if name not in self._networks:
                if name in model_file.ENCODER_MEMBERS and name not in self.file.networks:
                    raise UnsupportedError(f"model '{self.name}' can only decode: take its whole file to encode")
                if name not in self.file.networks and name != ROUGH_SYNTHESIS:
                    raise CorruptError(f"model file: it has no network '{name}'")
                self._networks[name] = self._pool.submit(self.make_network, name)
            return self._networks[name]

    def gain(self, name: str, quality: int) -> Array:
        """Gains [1, C, 1, 1] of ``quality`` 1..100, as the graphs take them."""
        return np.asarray(self.gains[name][quality - 1], np.float32)[None, :, None, None]

    def prior_set(self, quality: int) -> int:
        """Which set of hyper-latent tables ``quality`` uses."""
        return prior_set(quality, self.shape.prior_sets)


FILTER_WEIGHTS = "filter/weights"


def filter_weights(arrays: Mapping[str, Array]) -> Array:
    """Weights of the pixel filter, int16 [100, 3, 3, 2]: for each quality, plane and direction, one for each bound.

    Raises CorruptError where they are missing or so large that a change could leave int16.
    """
    rows, bounds = arrays.get(FILTER_WEIGHTS), np.array(FILTER_BOUNDS)
    shape = (QUALITIES, len(bounds), len(FILTER_DIRECTIONS), bounds.shape[1])
    if rows is None or rows.shape != shape or rows.dtype != np.int16:
        raise CorruptError("model file: the weights of its pixel filter are missing or have the wrong shape")
    most = (4 * np.abs(rows.astype(np.int64)) * bounds[:, None, :]).sum((2, 3))
    if (most @ np.array([1, 1, 2])).max() > np.iinfo(np.int16).max:
        raise CorruptError("model file: the weights of its pixel filter are too large")
    return rows
