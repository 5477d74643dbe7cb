"""Multiply-accumulates per pixel: the networks run on a signal that only counts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax

from vaecompress.format import HYPER_PATCH, PATCH, PREDICTION_CHANNELS
from vaecompress.transforms import exact
from vaecompress.transforms.config import AnyConfig, ModelConfig, VideoConfig
from vaecompress.transforms.exact import Grid
from vaecompress.transforms.signal import Weights
from vaecompress.transforms.temporal import Condition
from vaecompress.transforms.vae import HyperpriorVAE
from vaecompress.transforms.video_vae import PredictedVAE

ENCODER_ONLY = ("analysis", "hyper_analysis")
NO_GAIN: Any = None


@dataclass(frozen=True)
class CountedSignal:
    """An activation without values, one position for ``side`` x ``side`` pixels; ``macs`` lists products per pixel."""

    channels: int
    side: float
    macs: list[float]

    def dense(self, weights: Weights, activation: str, grid: Grid, splits: int) -> "CountedSignal":
        """As :meth:`Signal.dense`."""
        return self._convolved(weights)

    def depthwise(self, weights: Weights, grid: Grid) -> "CountedSignal":
        """As :meth:`Signal.depthwise`."""
        return self._convolved(weights)

    def _convolved(self, weights: Weights) -> "CountedSignal":
        self.macs.append(weights.kernel.size / self.side**2)
        return replace(self, channels=weights.kernel.shape[-1])

    def gain(self, gain: jax.Array, name: str, grid: Grid | None = None) -> "CountedSignal":
        """As :meth:`Signal.gain`."""
        return self

    def add(self, other: "CountedSignal", limit: int = exact.ACTIVATION_LIMIT) -> "CountedSignal":
        """As :meth:`Signal.add`."""
        return self

    def plus(self, other: "CountedSignal") -> "CountedSignal":
        """As :meth:`Signal.plus`."""
        return self

    def multiply(self, gate: "CountedSignal") -> "CountedSignal":
        """As :meth:`Signal.multiply`."""
        return self

    def coarser(self, bits: int) -> "CountedSignal":
        """As :meth:`Signal.coarser`."""
        return self

    def beside(self, other: "CountedSignal") -> "CountedSignal":
        """As :meth:`Signal.beside`."""
        return replace(self, channels=self.channels + other.channels)

    def depth_to_space(self, block: int) -> "CountedSignal":
        """As :meth:`Signal.depth_to_space`."""
        return replace(self, channels=self.channels // block**2, side=self.side / block)

    def space_to_depth(self, block: int) -> "CountedSignal":
        """As :meth:`Signal.space_to_depth`."""
        return replace(self, channels=self.channels * block**2, side=self.side * block)

    def fitted(self, exponent: jax.Array, bits: int) -> jax.Array:
        """As :meth:`Signal.fitted`."""
        return exponent


class _Counts:
    """Multiply-accumulates per pixel of networks by name."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    def add(self, name: str, network: Any, inputs: Sequence[tuple[int, int]], gains: int) -> None:
        """Count ``network`` on inputs of (channels, pixels a side of a position)."""
        macs: list[float] = []
        network(*(CountedSignal(channels, side, macs) for channels, side in inputs), *[NO_GAIN] * gains)
        self.of[name] = self.of.get(name, 0.0) + sum(macs)

    def add_contexts(self, config: ModelConfig, contexts: Sequence[Any]) -> None:
        """Count every context step."""
        latents = config.latent_channels
        inputs = [(width, PATCH) for width in (config.entropy_width, 2 * latents, latents, latents)]
        for context in contexts:
            self.add("contexts", context, inputs, 0)


@cache
def macs_per_pixel(config: ModelConfig) -> dict[str, float]:
    """Multiply-accumulates per pixel of every network; all context steps are one, ``contexts``."""
    counts, latents = _Counts(), config.latent_channels

    def run(model: HyperpriorVAE) -> None:
        counts.add("analysis", model.analysis, [(3, 1)], 2)
        counts.add("hyper_analysis", model.hyper_analysis, [(latents, PATCH)], 0)
        counts.add("hyper_synthesis", model.hyper_synthesis, [(config.hyper_latent_channels, HYPER_PATCH)], 1)
        counts.add_contexts(config, model.contexts)
        counts.add("synthesis", model.synthesis, [(latents, PATCH)], 2)

    jax.eval_shape(lambda: HyperpriorVAE(config).init(jax.random.key(0), method=run))
    return counts.of


@cache
def predicted_macs_per_pixel(config: VideoConfig) -> dict[str, float]:
    """As :func:`macs_per_pixel`, of a predicted frame; what prediction itself takes is not counted."""
    counts, inner = _Counts(), config.latents
    prediction, at8, at16 = (PREDICTION_CHANNELS, 1), (config.condition_width8, 8), (config.condition_width16, PATCH)

    def run(model: PredictedVAE) -> None:
        counts.add("conditioning", model.conditioning, [prediction], 1)
        counts.add("analysis", model.analysis, [(3, 1), prediction], 2)
        counts.add("hyper_analysis", model.hyper_analysis, [(inner.latent_channels, PATCH)], 0)
        hyper = [(inner.hyper_latent_channels, HYPER_PATCH), at16]
        counts.add("hyper_synthesis", model.hyper_synthesis, hyper, 1)
        counts.add_contexts(inner, model.contexts)

        def synthesis(y: Any, *condition_and_gains: Any) -> None:
            model.synthesis(y, Condition(*condition_and_gains[:3]), *condition_and_gains[3:])

        counts.add("synthesis", synthesis, [(inner.latent_channels, PATCH), prediction, at8, at16], 2)

    jax.eval_shape(lambda: PredictedVAE(config).init(jax.random.key(0), method=run))
    return counts.of


def decoder_kmac_per_pixel(config: ModelConfig) -> float:
    """Thousands of multiply-accumulates per pixel of hyper-synthesis, every context step and synthesis together."""
    return _decoder_kmac(macs_per_pixel(config))


def predicted_kmac_per_pixel(config: VideoConfig) -> float:
    """As :func:`decoder_kmac_per_pixel`, of a predicted frame, its conditioning counted."""
    return _decoder_kmac(predicted_macs_per_pixel(config))


def _decoder_kmac(counts: Mapping[str, float]) -> float:
    return round(sum(count for name, count in counts.items() if name not in ENCODER_ONLY) / 1000, 2)


def training_flop_per_pixel(config: AnyConfig) -> float:
    """Floating-point operations per pixel of one training step: forward, twice that backward, two per product."""
    counts = predicted_macs_per_pixel(config) if isinstance(config, VideoConfig) else macs_per_pixel(config)
    return 3 * 2 * sum(counts.values())
