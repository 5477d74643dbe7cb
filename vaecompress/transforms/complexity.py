"""Multiply-accumulates per pixel: the networks run on a signal that only counts them."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax

from vaecompress.format import HYPER_PATCH, PATCH
from vaecompress.transforms import exact
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.exact import Grid
from vaecompress.transforms.signal import Weights
from vaecompress.transforms.vae import HyperpriorVAE

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


@cache
def macs_per_pixel(config: ModelConfig) -> dict[str, float]:
    """Multiply-accumulates per pixel of every network; all context steps are one, ``contexts``."""
    counts: dict[str, float] = {}

    def run(model: HyperpriorVAE) -> None:
        latents = CountedSignal(config.latent_channels, PATCH, [])

        def counted(name: str, channels: int, side: int, network: Any, *more: Any) -> None:
            macs: list[float] = []
            network(CountedSignal(channels, side, macs), *more)
            counts[name] = counts.get(name, 0.0) + sum(macs)

        counted("analysis", 3, 1, model.analysis, NO_GAIN, NO_GAIN)
        counted("hyper_analysis", config.latent_channels, PATCH, model.hyper_analysis)
        counted("hyper_synthesis", config.hyper_latent_channels, HYPER_PATCH, model.hyper_synthesis, NO_GAIN)
        pair = replace(latents, channels=2 * config.latent_channels)
        for context in model.contexts:
            counted("contexts", config.entropy_width, PATCH, context, pair, latents, latents)
        counted("synthesis", config.latent_channels, PATCH, model.synthesis, NO_GAIN, NO_GAIN)

    jax.eval_shape(lambda: HyperpriorVAE(config).init(jax.random.key(0), method=run))
    return counts


def decoder_kmac_per_pixel(config: ModelConfig) -> float:
    """Thousands of multiply-accumulates per pixel of hyper-synthesis, every context step and synthesis together."""
    return round(sum(n for name, n in macs_per_pixel(config).items() if name not in ENCODER_ONLY) / 1000, 2)


def training_flop_per_pixel(config: ModelConfig) -> float:
    """Floating-point operations per pixel of one training step: forward, twice that backward, two per product."""
    return 3 * 2 * sum(macs_per_pixel(config).values())
