"""The model of stills and that of predicted frames to one model file for video."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from vaecompress.export.freeze import FROM_INPUT, Variables, Write, codec_shape, context_writers, freeze_networks, halo
from vaecompress.export.freeze import hyper_analysis_writer as write_hyper_analysis
from vaecompress.export.graph_signal import FloatGraph, IntegerGraph
from vaecompress.export.graph_writer import GraphTensor, GraphWriter
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, PREDICTION_CHANNELS, STEP_BITS
from vaecompress.models import file as model_file
from vaecompress.models.file import ModelFile
from vaecompress.models.loaded import PREDICTED
from vaecompress.transforms import exact
from vaecompress.transforms.complexity import predicted_kmac_per_pixel
from vaecompress.transforms.config import VideoConfig
from vaecompress.transforms.synthesis import PIXEL_EXPONENT
from vaecompress.transforms.temporal import PREDICTION_EXPONENT, PREDICTION_LIMITS, Condition
from vaecompress.transforms.video_vae import PredictedVAE

LEVEL_BITS = 8
NO_PLANES: tuple[int, ...] = ()
"""No latents of predicted frames are coded coarse to fine: the prediction tells their lowest frequencies."""


def freeze_video(still: ModelFile, config: VideoConfig, variables: Variables, card: Mapping[str, Any]) -> bytes:
    """The bytes of a model file with the networks of ``still`` as they are, and those of predicted frames.

    ``card`` is what the file tells about itself. Raises ValueError when a layer cannot be proven to stay below 2**24.
    """
    frozen = freeze_networks(PredictedVAE(config), config.latents, variables, _writers(config), NO_PLANES)
    shape = codec_shape(config.latents, frozen.networks, NO_PLANES)
    reach = halo(frozen.networks["conditioning"])
    predicted = {
        "codec": {**shape, "halos": {**shape["halos"], "conditioning": reach}},
        "config": config.to_dict(),
        "proof": frozen.proof,
        "decoder_kmac_per_pixel": predicted_kmac_per_pixel(config),
    }
    inherited = ("codec", "config", "proof", "decoder_kmac_per_pixel")
    facts = {**{name: still.card[name] for name in inherited}, "kind": "video", PREDICTED: predicted}
    networks = {f"{PREDICTED}/{name}": graph for name, graph in frozen.networks.items()}
    arrays = {f"{PREDICTED}/{name}": array for name, array in frozen.arrays.items()}
    return model_file.serialise({**card, **facts}, {**still.networks, **networks}, {**still.arrays, **arrays})


def _writers(config: VideoConfig) -> dict[str, Write]:
    return {
        "conditioning": _write_conditioning,
        "analysis": _write_analysis,
        "hyper_analysis": write_hyper_analysis(config.latents),
        "hyper_synthesis": _write_hyper_synthesis,
        "synthesis": _write_synthesis,
        **context_writers(config.latents),
    }


def _write_conditioning(model: PredictedVAE, writer: GraphWriter) -> bytes:
    at8, at16 = model.conditioning(_prediction(writer), FROM_INPUT)
    return writer.serialise({"at8": at8.value, "at16": at16.value})


def _write_analysis(model: PredictedVAE, writer: GraphWriter) -> bytes:
    missed, prediction = (
        FloatGraph(writer.input("missed", 3)),
        FloatGraph(writer.input("prediction", PREDICTION_CHANNELS)),
    )
    y = model.analysis(missed, prediction, FROM_INPUT, FROM_INPUT)
    return writer.serialise({"y": y.value})


def _write_hyper_synthesis(model: PredictedVAE, writer: GraphWriter) -> bytes:
    channels = model.config.latents.hyper_latent_channels
    z = IntegerGraph.uniform(writer.input("z", channels), channels, 0, HYPER_LATENT_LIMIT)
    features, mean, scale = model.hyper_synthesis(z, _feature(model, writer, 16), FROM_INPUT)
    return writer.serialise({"features": features.value, "mean": mean.value, "scale": scale.value})


def _write_synthesis(model: PredictedVAE, writer: GraphWriter) -> bytes:
    channels = model.config.latents.latent_channels
    y = IntegerGraph.uniform(writer.input("y", channels), channels, STEP_BITS, LATENT_LIMIT)
    condition = Condition(_prediction(writer), _feature(model, writer, 8), _feature(model, writer, 16))
    added = model.synthesis(y, condition, FROM_INPUT, FROM_INPUT)
    return writer.serialise({"added": added.value.whole_levels(PIXEL_EXPONENT - LEVEL_BITS)})


def _prediction(writer: GraphWriter) -> IntegerGraph:
    """The input ``prediction``."""
    exponents = jnp.full((PREDICTION_CHANNELS,), float(PREDICTION_EXPONENT))
    return IntegerGraph(writer.input("prediction", PREDICTION_CHANNELS), exponents, PREDICTION_LIMITS)


def _feature(model: PredictedVAE, writer: GraphWriter, factor: int) -> IntegerGraph:
    """The input ``at8`` or ``at16``, on the grid on which the conditioning network leaves it."""
    config, ranges = model.config, model.variables["ranges"]["conditioning"]
    widths = {8: config.condition_width8, 16: config.condition_width16}
    blocks = {8: config.condition_blocks8, 16: config.condition_blocks16}
    grid: Any = ranges["stem" if factor == 8 else "down"]["exponent"]
    if blocks[factor]:
        grid = ranges[f"stage{factor}"][f"block{blocks[factor] - 1}"]["project_exponent"]
    tensor: GraphTensor = writer.input(f"at{factor}", widths[factor])
    return IntegerGraph(tensor, jnp.asarray(grid), np.full((widths[factor],), exact.ACTIVATION_LIMIT, np.int64))
