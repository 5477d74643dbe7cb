"""Checks a model file that came from anywhere, before it codes anything.

FORMAT.md, "Model file". Its networks hold nothing but the listed operators, take and give what the codec expects and
grow what they are given within bounds; those of the decoder are proven exact for whatever a stream says.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.errors import CorruptError, UnsupportedError
from vaecompress.format import (
    DIFFERENCE_LIMIT,
    ENERGY_LIMIT,
    HYPER_FACTOR,
    HYPER_LATENT_LIMIT,
    HYPER_PATCH,
    LATENT_LIMIT,
    MEAN_LIMIT,
    PATCH,
    PREDICTION_CHANNELS,
    SCALE_LIMIT,
)
from vaecompress.models.loaded import CONDITIONING, PREDICTED, LoadedModel
from vaecompress.networks.engines import Network
from vaecompress.networks.exactness_proof import output_limits
from vaecompress.networks.onnx_graph import Graph, parse
from vaecompress.networks.size_bound import check_growth

Array = npt.NDArray[Any]

FEATURE_LIMIT = 2047
"""Largest magnitude of features."""

GAIN_BITS, GAIN_EXPONENT = 11, 32
"""Of an element of a gain: significant bits, and the largest power of two above and below 1."""

TRIAL_GRID = (1, 2)
"""Rows and columns of hyper-latents on which every network runs once."""


@dataclass(frozen=True)
class Port:
    """An input or output: its channels, positions for each hyper-latent along a side, and largest magnitude."""

    channels: int
    factor: int
    limit: int | tuple[int, ...] = 0

    def any_size(self) -> tuple[int | None, ...]:
        """[1, C, H, W] with free height and width."""
        return (1, self.channels, None, None)

    def shape(self) -> tuple[int, int, int, int]:
        """[1, C, H, W] of a trial."""
        rows, columns = TRIAL_GRID
        return (1, self.channels, rows * self.factor, columns * self.factor)


PREDICTION = Port(PREDICTION_CHANNELS, HYPER_PATCH, (*3 * (MEAN_LIMIT,), *3 * (DIFFERENCE_LIMIT,), ENERGY_LIMIT))
"""What the networks of predicted frames see of a prediction."""

ANALYSIS_GAINS = {"feature_gain": "analysis_feature", "latent_gain": "encoder_latent"}


class Verifier:
    """Checks the networks of one model, each on its own."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model

    def graph(self, name: str) -> Graph:
        """Network ``name``. Raises as :func:`verify`."""
        if name not in self._model.file.networks:
            raise CorruptError(f"model file: it has no network '{name}'")
        with _naming(name):
            return parse(self._model.file.networks[name])

    def check(
        self,
        name: str,
        inputs: Mapping[str, Port],
        outputs: Mapping[str, Port],
        gains: Mapping[str, str],
        halo: int | None = None,
    ) -> None:
        """Check network ``name``; ``gains`` names the array behind each gain input. Raises as :func:`verify`.

        A network of the decoder must be exact and see no further than its ``halo``, in positions of its inputs.
        """
        graph = self.graph(name)
        gain_shapes = {key: (1, self._model.gains[array].shape[1], 1, 1) for key, array in gains.items()}
        with _naming(name):
            if graph.input_shapes != {**{key: port.any_size() for key, port in inputs.items()}, **gain_shapes}:
                raise CorruptError("its inputs are not those that the codec gives")
            if graph.outputs != tuple(outputs):
                raise CorruptError("its outputs are not those that the codec takes")
            if not all(np.isfinite(array).all() for array in graph.initialisers.values()):
                raise CorruptError("it holds weights that are not finite")
            steps = {key: HYPER_PATCH // port.factor for key, port in inputs.items()}
            reach = check_growth(graph, steps)
            if halo is not None:
                _check_limits(graph, inputs, outputs, gains)
                if reach > halo * max(PATCH, *steps.values()):
                    raise CorruptError(f"it sees {reach} pixels far, further than the halo on its card")
            shapes = {**{key: port.shape() for key, port in inputs.items()}, **gain_shapes}
            zeros = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}
            results = _run(self._model.network(name), zeros)
            for (key, port), result in zip(outputs.items(), results, strict=True):
                _check_result(key, port, result)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except (CorruptError, UnsupportedError) as error:
        raise type(error)(f"model file: network '{name}': {error}") from error


def verify(model: LoadedModel) -> None:
    """Check all of a model file that decoding and encoding rely on.

    Raises CorruptError or UnsupportedError that names the network or array and what is wrong with it.
    """
    _verify_part(model, told=False)
    if PREDICTED in model.file.card:
        _verify_part(model.predicted, told=True)


def _verify_part(model: LoadedModel, told: bool) -> None:
    """Check one part of a model file; ``told``: that of predicted frames, whose networks are told of a prediction."""
    _check_gains(model)
    shape, verifier = model.shape, Verifier(model)
    latents = shape.latent_channels
    mean, scale = Port(latents, HYPER_FACTOR, LATENT_LIMIT), Port(latents, HYPER_FACTOR, SCALE_LIMIT)
    hyper = Port(shape.hyper_latent_channels, 1, HYPER_LATENT_LIMIT)
    features = Port(_feature_channels(model, verifier), HYPER_FACTOR, FEATURE_LIMIT)
    first = {"features": features, "mean": mean, "scale": scale}
    halos = shape.halos
    at8, at16 = _check_conditioning(model, verifier) if told else ({}, {})
    gains = {"feature_gain": "hyper_feature"}
    verifier.check("hyper_synthesis", {"z": hyper, **at16}, first, gains, halos["hyper_synthesis"])
    for step in range(1, shape.context_steps):
        inputs = {"features": features, "residual": scale, "mean": mean, "scale": scale}
        verifier.check(f"context{step}", inputs, {"mean_out": mean, "scale_out": scale}, {}, halos["context"])
    pixels = {"added" if told else "levels": Port(3, HYPER_PATCH, 255)}
    seen = {"prediction": PREDICTION} if told else {}
    gains = {"latent_gain": "decoder_latent", "feature_gain": "synthesis_feature"}
    verifier.check("synthesis", {"y": mean, **seen, **at8, **at16}, pixels, gains, halos["synthesis"])
    if "analysis" not in model.file.networks:
        return
    picture, gains = {"missed" if told else "x": Port(3, HYPER_PATCH), **seen}, ANALYSIS_GAINS
    verifier.check("analysis", picture, {"y": mean}, gains)
    verifier.check("hyper_analysis", {"y": mean}, {"z": hyper}, {})


def _check_conditioning(model: LoadedModel, verifier: Verifier) -> tuple[dict[str, Port], dict[str, Port]]:
    """Check the network that tells the others of a prediction; its outputs at 1/8 and 1/16, as inputs of others."""
    features = {
        name: Port(_channels(verifier, "synthesis", name), factor, FEATURE_LIMIT)
        for name, factor in (("at8", 2 * HYPER_FACTOR), ("at16", HYPER_FACTOR))
    }
    gains, reach = {"feature_gain": "condition_feature"}, model.shape.halos.get(CONDITIONING, 0)
    verifier.check(CONDITIONING, {"prediction": PREDICTION}, features, gains, reach)
    if model.gains["condition_past"].shape != model.gains["condition_feature"].shape:
        raise CorruptError("model file: the gains of its conditioning differ in width")
    return {"at8": features["at8"]}, {"at16": features["at16"]}


def _channels(verifier: Verifier, network: str, name: str) -> int:
    """Channels of an input of a network; 0 where it has none of that name."""
    _, channels, *_ = (*verifier.graph(network).input_shapes.get(name, ()), None, None)
    return channels or 0


def _feature_channels(model: LoadedModel, verifier: Verifier) -> int:
    """Channels of the features, as the first context step takes them; without one, nobody does."""
    if model.shape.context_steps == 1:
        return int(model.gains["hyper_feature"].shape[1])
    return _channels(verifier, "context1", "features")


def _check_limits(
    graph: Graph, inputs: Mapping[str, Port], outputs: Mapping[str, Port], gains: Mapping[str, str]
) -> None:
    reached = output_limits(
        graph, {key: np.asarray(port.limit) for key, port in inputs.items()}, dict.fromkeys(gains, 1 << GAIN_BITS)
    )
    for key, port in outputs.items():
        if reached[key] > np.max(port.limit):
            raise CorruptError(f"output {key} can reach {reached[key]:g}, beyond {port.limit}")


def _run(network: Network, inputs: Mapping[str, Array]) -> list[Array]:
    try:
        return network.run(inputs)
    except CorruptError:
        raise
    except Exception as error:
        raise CorruptError("it cannot run: its parts do not fit one another") from error


def _check_result(key: str, port: Port, result: Array) -> None:
    batch, channels, height, width = port.shape()
    pixels = key == "levels"
    if result.shape != ((batch, height, width, channels) if pixels else (batch, channels, height, width)):
        raise CorruptError(f"output {key} has the shape {list(result.shape)}")
    if result.dtype != (np.uint8 if pixels else np.float32):
        raise CorruptError(f"output {key} is {result.dtype}")


def _check_gains(model: LoadedModel) -> None:
    """All finite; those of the decoder whole numbers of at most 2**11 times a power of two that is not extreme."""
    for name, rows in model.gains.items():
        if rows.dtype != np.float32 or not np.isfinite(rows).all():
            raise CorruptError(f"model file: gains '{name}' are not finite float32 numbers")
        if name in ("analysis_feature", "encoder_latent"):
            continue
        significands, exponents = np.frexp(rows)
        significands = np.ldexp(significands, GAIN_BITS)
        if (significands != np.rint(significands)).any() or np.abs(exponents).max(initial=0) > GAIN_EXPONENT:
            raise CorruptError(f"model file: gains '{name}' need more than {GAIN_BITS} bits, or are extreme")
