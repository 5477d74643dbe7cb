"""Flax parameters to a model file."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.entropy.tables import TableSet, symmetric_tables
from vaecompress.export import unfitted
from vaecompress.export.graph_signal import FloatGraph, IntegerGraph
from vaecompress.export.graph_writer import GraphWriter
from vaecompress.files import write_atomically
from vaecompress.format import (
    HYPER_LATENT_LIMIT,
    HYPER_PATCH,
    LATENT_LIMIT,
    PATCH,
    QUALITIES,
    RESIDUAL_LIMIT,
    SCALE_LIMIT,
    STEP_BITS,
    quality_position,
)
from vaecompress.models import file as model_file
from vaecompress.models.plane_tables import PlaneTables
from vaecompress.networks.onnx_graph import parse
from vaecompress.networks.size_bound import check_growth
from vaecompress.transforms import exact, likelihoods
from vaecompress.transforms.complexity import decoder_kmac_per_pixel
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.hyperprior import SCALE_EXPONENT
from vaecompress.transforms.synthesis import PIXEL_EXPONENT
from vaecompress.transforms.vae import HyperpriorVAE

Array = npt.NDArray[Any]
Variables = Mapping[str, Any]
Write = Callable[[Any, GraphWriter], bytes]
DISPLAY_BITS = 8
INPUT_SIDES = {"x": 1, "missed": 1, "prediction": 1, "at8": PATCH // 2, "z": HYPER_PATCH}
"""Pixels from one position of an input to the next; PATCH of all others."""

FROM_INPUT: Any = None
"""A gain that a graph takes as an input."""

DECODER_GAINS = {
    "hyper_feature": ("hyper_synthesis", "feature_gain"),
    "decoder_latent": ("synthesis", "latent_gain"),
    "synthesis_feature": ("synthesis", "feature_gain"),
    "condition_feature": ("conditioning", "feature_gain"),
    "condition_past": ("conditioning", "feature_gain"),
}
"""The network and input that each gain of the decoder goes to."""


class Frozen(NamedTuple):
    """Networks as graphs, arrays, and the largest sum of each exact layer."""

    networks: dict[str, bytes]
    arrays: dict[str, Array]
    proof: dict[str, Any]


def freeze(config: ModelConfig, variables: Variables, card: Mapping[str, Any]) -> bytes:
    """The bytes of a model file of ``variables`` (params and calibrated ranges) in their exact form.

    ``card`` is what the file tells about itself (name, licence, training). Raises ValueError when a layer cannot be
    proven to stay below 2**24.
    """
    frozen = freeze_networks(HyperpriorVAE(config), config, variables, _writers(config), config.plane_channels)
    facts = {
        "codec": codec_shape(config, frozen.networks, config.plane_channels),
        "config": config.to_dict(),
        "proof": frozen.proof,
        "decoder_kmac_per_pixel": decoder_kmac_per_pixel(config),
    }
    return model_file.serialise({**card, **facts}, frozen.networks, frozen.arrays | unfitted.unfitted_filter())


def freeze_networks(
    model: Any, config: ModelConfig, variables: Variables, writers: Mapping[str, Write], planes: Sequence[int]
) -> Frozen:
    """Every network of ``model``, by its writer, and what else a model file holds of ``variables``."""
    graphs = {name: GraphWriter(name) for name in writers}
    networks = {name: write(model.bind(dict(variables)), graphs[name]) for name, write in writers.items()}
    arrays: dict[str, Array] = {}
    for graph in graphs.values():
        arrays |= graph.arrays
    arrays |= _gain_rows(model, variables, graphs)
    arrays |= {f"tables/{k}": v for k, v in _tables(model, variables, planes).to_arrays().items()}
    arrays |= _planes(model, config, variables, planes).to_arrays()
    arrays |= _plain_parameters(variables)
    sums = {path: bound for graph in graphs.values() for path, bound in graph.bounds.items()}
    return Frozen(networks, arrays, {"bound": 1 << exact.BOUND_BITS, "largest_sums": sums})


def freeze_to(path: Path, config: ModelConfig, variables: Variables, card: Mapping[str, Any]) -> None:
    """Write :func:`freeze`'s model file. Raises OutputError when it cannot be written."""
    write_atomically(path, freeze(config, variables, card))


def _writers(config: ModelConfig) -> dict[str, Write]:
    names = {
        "analysis": _write_analysis,
        "hyper_analysis": hyper_analysis_writer(config),
        "hyper_synthesis": _write_hyper_synthesis,
        "synthesis": _write_synthesis,
    }
    return {**names, **context_writers(config)}


def context_writers(config: ModelConfig) -> dict[str, Write]:
    """Writers of every context step."""
    return {f"context{step}": _context_writer(config, step) for step in range(1, config.context_steps)}


def _write_analysis(model: HyperpriorVAE, writer: GraphWriter) -> bytes:
    y = model.analysis(FloatGraph(writer.input("x", 3)), FROM_INPUT, FROM_INPUT)
    return writer.serialise({"y": y.value})


def hyper_analysis_writer(config: ModelConfig) -> Write:
    """Writer of the hyper-analysis."""

    def write(model: Any, writer: GraphWriter) -> bytes:
        z = model.hyper_analysis(FloatGraph(writer.input("y", config.latent_channels)))
        return writer.serialise({"z": z.value})

    return write


def _write_hyper_synthesis(model: HyperpriorVAE, writer: GraphWriter) -> bytes:
    channels = model.config.hyper_latent_channels
    z = IntegerGraph.uniform(writer.input("z", channels), channels, 0, HYPER_LATENT_LIMIT)
    features, mean, scale = model.hyper_synthesis(z, FROM_INPUT)
    return writer.serialise({"features": features.value, "mean": mean.value, "scale": scale.value})


def _context_writer(config: ModelConfig, step: int) -> Write:
    def write(model: Any, writer: GraphWriter) -> bytes:
        width, latents = config.entropy_width, config.latent_channels
        exponent = model.variables["ranges"]["hyper_synthesis"]
        features = IntegerGraph(
            writer.input("features", width),
            _feature_exponent(config, exponent),
            np.full((width,), exact.ACTIVATION_LIMIT, np.int64),
        )
        residual = IntegerGraph.uniform(writer.input("residual", latents), latents, 0, RESIDUAL_LIMIT)
        pair = residual.beside(IntegerGraph.uniform(residual.value.absolute(), latents, 0, RESIDUAL_LIMIT))
        mean = IntegerGraph.uniform(writer.input("mean", latents), latents, STEP_BITS, LATENT_LIMIT)
        scale = IntegerGraph.uniform(writer.input("scale", latents), latents, SCALE_EXPONENT, SCALE_LIMIT)
        new_mean, new_scale = model.contexts[step - 1](features, pair, mean, scale)
        return writer.serialise({"mean_out": new_mean.value, "scale_out": new_scale.value})

    return write


def _feature_exponent(config: ModelConfig, ranges: Mapping[str, Any]) -> jax.Array:
    """Grid of the features that hyper-synthesis hands to the context steps."""
    if config.entropy_blocks:
        return jnp.asarray(ranges["stage16"][f"block{config.entropy_blocks - 1}"]["project_exponent"])
    return jnp.asarray(ranges["up16"]["exponent"])


def _write_synthesis(model: HyperpriorVAE, writer: GraphWriter) -> bytes:
    channels = model.config.latent_channels
    y = IntegerGraph.uniform(writer.input("y", channels), channels, STEP_BITS, LATENT_LIMIT)
    x = model.synthesis(y, FROM_INPUT, FROM_INPUT)
    return writer.serialise({"levels": x.value.levels(PIXEL_EXPONENT - DISPLAY_BITS)})


def _gain_rows(model: Any, variables: Variables, graphs: Mapping[str, GraphWriter]) -> dict[str, Array]:
    """One row of gains for each quality 1..100, as the graphs take them."""
    position = jnp.asarray([quality_position(q) for q in range(1, QUALITIES + 1)], jnp.float32)
    gains: Any = model.apply(variables, position, method="gains")
    rows = {}
    for name, value in gains._asdict().items():
        if name in DECODER_GAINS:
            network, port = DECODER_GAINS[name]
            value = np.asarray(exact.round_mantissa(value)) * np.exp2(graphs[network].gain_exponents[port])
        rows[f"gains/{name}"] = np.asarray(value, np.float32)
    return rows


def _tables(model: Any, variables: Variables, planes: Sequence[int]) -> TableSet:
    """Tables of every scale of latents, then those of planes, then those of hyper-latents."""
    mixture: Any = model.apply(variables, method=lambda m: m.residual_prior.mixture())
    share, ratio = (float(value) for value in mixture)
    scales = 2.0 ** (
        likelihoods.MIN_LOG2_SCALE + np.arange(likelihoods.SCALE_COUNT) / likelihoods.SCALE_STEPS_PER_OCTAVE
    )
    error = np.vectorize(math.erfc)

    def cumulative(x: Array) -> Array:
        return np.asarray(0.5 * ((1 - share) * error(-x / math.sqrt(2)) + share * error(-x / ratio / math.sqrt(2))))

    coarse = unfitted.plane_table_list(cumulative) if planes else []
    lists = [symmetric_tables(cumulative, scales), coarse, unfitted.hyper_table_list()]
    return TableSet.from_tables([table for tables in lists for table in tables])


def _planes(model: Any, config: ModelConfig, variables: Variables, planes: Sequence[int]) -> PlaneTables:
    """Look-ups for what is coded coarse to fine, by the trained prior of the hyper-latents."""
    symbols = np.arange(-HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT + 1)
    grid = np.broadcast_to(symbols[None, :, None, None], (config.prior_sets, len(symbols), 1, 1))
    grid = np.repeat(grid, config.hyper_latent_channels, axis=3).astype(np.float32)
    mass = model.apply(variables, grid, jnp.arange(config.prior_sets), method=lambda m, z, sets: m.hyper_prior(z, sets))
    mass = np.asarray(mass, np.float64)[:, :, 0, :]
    mass /= mass.sum(1, keepdims=True)
    means = (mass * symbols[:, None]).sum(1)
    deviations = (mass * np.abs(symbols[:, None] - means[:, None])).sum(1)
    return unfitted.unfitted_planes(len(planes), means, deviations)


def _plain_parameters(variables: Variables) -> dict[str, Array]:
    """Parameters that no graph holds (gains, priors), and the grids, by path."""
    found = {}
    for collection, tree in variables.items():
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
            names = [entry.key for entry in path]
            if collection == "ranges":
                found["ranges/" + "/".join(names)] = np.asarray(leaf).astype(np.int8)
            elif names[-1] not in ("kernel", "bias"):
                found["params/" + "/".join(names)] = np.asarray(leaf, np.float32)
    return found


def codec_shape(config: ModelConfig, networks: Mapping[str, bytes], planes: Sequence[int]) -> dict[str, Any]:
    """The fields of :class:`vaecompress.models.loaded.Shape`; ``planes`` are coded coarse to fine."""
    return {
        "latent_channels": config.latent_channels,
        "hyper_latent_channels": config.hyper_latent_channels,
        "context_steps": config.context_steps,
        "prior_sets": config.prior_sets,
        "scale_count": likelihoods.SCALE_COUNT,
        "min_log2_scale": int(likelihoods.MIN_LOG2_SCALE),
        "scale_steps_per_octave": likelihoods.SCALE_STEPS_PER_OCTAVE,
        "plane_channels": list(planes),
        "plane_table_count": len(unfitted.PLANE_SCALES) if planes else 0,
        "hyper_scale_count": len(unfitted.HYPER_SCALES),
        "halos": {
            "analysis": halo(networks["analysis"]),
            "hyper_synthesis": halo(networks["hyper_synthesis"]),
            "context": max((halo(graph) for name, graph in networks.items() if name.startswith("context")), default=0),
            "synthesis": halo(networks["synthesis"]),
        },
    }


def halo(network: bytes) -> int:
    """How far a network sees beside a position of its input, in positions; of pixels, in those of latents."""
    graph = parse(network)
    sides = {name: INPUT_SIDES.get(name, PATCH) for name, shape in graph.input_shapes.items() if shape[2:] != (1, 1)}
    return math.ceil(check_growth(graph, sides) / max(PATCH, *sides.values()))
