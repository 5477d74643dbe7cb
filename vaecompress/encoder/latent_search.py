"""The encoder's search: decode, compare with the original, move the latents, and weigh every symbol's bits.

The latents that the analysis gives are a guess, made in one go and shrunk towards what is cheap. Where rounding left an
error, the transpose of the decoder's linear path says how far each latent is from where it should be; rounding that
weighs error against bits then decides anew. Every candidate is judged by lambda * D + R of what a decoder makes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.codec.picture import Pixels, to_grey
from vaecompress.encoder.distortion import ColourError, Distortion
from vaecompress.encoder.effort import Effort, Progress
from vaecompress.encoder.latents import TARGET_UNIT, CodedHyper, CodedLatents, LatentEncoder
from vaecompress.encoder.linear_path import Matrix, linear_path
from vaecompress.encoder.rounding import DeadZone, Nearest, Weighing
from vaecompress.entropy.coder import ideal_bits
from vaecompress.format import PATCH, STEP_BITS, quality_lambda
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.matrix_product import matrix_product

Array = npt.NDArray[Any]

BAND_ROWS = 16
RATE_WEIGHT, RATE_WEIGHT_STEP = 0.6, 0.003
"""What a bit counts for in rounding, and how much more with each step of quality, found by trying: context makes some
bits cheaper than their tables say."""

PLANE_WEIGHT = 1.3
"""What an error in the planes of lowest frequency counts there, found by trying: other symbols follow from them."""

RATES = (1.0, 0.7, 0.6, 0.5, 0.4)
"""How far each round moves towards what its error says; later rounds average over several."""

REFINED_START_WEIGHT, REFINED_RATE_WEIGHT, REFINED_RATES = 0.3, 0.5, (0.3, 0.3, 0.3)
"""The same after gradients, which have weighed bits already: for the first rounding, and for the rounds after it."""

LEAST_ENERGY = 1e-3
"""A latent that moves pixels less than this, in squared levels a step, is not corrected."""


class Subject(Protocol):
    """What is searched for latents: a still picture's codec, or a predicted frame."""

    model: LoadedModel
    latents: LatentEncoder
    hyper_zones: Sequence[float]
    """Ways to round hyper-latents, of which a search takes the one that costs fewer bits; 0: to the nearest."""

    def analyse(self, pixels: Pixels, quality: int) -> tuple[Array, Array]:
        """Latents y (int16, in 1/64 of a step) and hyper-latents z (float32) of pixels, [1, C, h, w] each."""
        ...

    def synthesise(self, latents: Array, shape: tuple[int, ...], quality: int) -> Pixels:
        """Latents int16 [1, M, h, w] in 1/16 of a step to pixels of ``shape`` (height, width, channels)."""
        ...

    def estimate(self, latents: Array, shape: tuple[int, ...], quality: int) -> Pixels:
        """About the same, sooner."""
        ...


class Search:
    """Looks for the latents of one picture at one quality; ``distortion`` is by default that over all samples.

    ``weights`` [h, w]: what an error counts in each patch, where the effort that was run says so.
    """

    def __init__(self, codec: Subject, pixels: Pixels, quality: int, distortion: Distortion | None = None) -> None:
        self._codec, self._pixels, self._quality = codec, pixels, quality
        self._distortion = distortion or ColourError(pixels.shape[2])
        self.weights: Array | None = None
        self._best: CodedLatents | None = None
        self._least_cost = np.inf

    def run(self, effort: Effort, progress: Progress | None = None) -> CodedLatents:
        """The best that ``effort`` finds: never worse, as lambda * D + R, than the analysis with a dead zone."""
        codec = self._codec
        self.weights = effort.weights(self._pixels) if effort.weights is not None else None
        y, z = codec.analyse(self._pixels, self._quality)
        rounding = DeadZone(codec.model.shape, self.weights) if effort.dead_zone else Nearest()
        starts = [
            (hyper, codec.latents.code(y, hyper, rounding))
            for zone in (codec.hyper_zones if effort.rounds else codec.hyper_zones[:1])
            for hyper in [codec.latents.code_hyper(z, self._quality, zone)]
        ]
        hyper, coded = min(starts, key=lambda start: self._bits(start[1]))
        if not effort.rounds:
            return coded
        rates = [RATES[min(count, len(RATES) - 1)] for count in range(effort.rounds)]
        y = self._rounds(coded, y, hyper, RATE_WEIGHT + RATE_WEIGHT_STEP * self._quality, rates)
        if effort.refiner is not None:
            y, z = effort.refiner(self._pixels, y, z, self._quality, effort.steps, self.weights, progress)
            hyper = codec.latents.code_hyper(z, self._quality)
            coded = codec.latents.code(y, hyper, self._weighing(y.shape, REFINED_START_WEIGHT))
            self._rounds(coded, y, hyper, REFINED_RATE_WEIGHT, REFINED_RATES)
        assert self._best is not None
        return self._best

    def _rounds(
        self,
        coded: CodedLatents,
        y: Array,
        hyper: CodedHyper,
        rate_weight: float,
        rates: Sequence[float],
    ) -> Array:
        """Judge ``coded``, then move ``y`` and code it anew, once for each of ``rates``; returns the latents moved."""
        rounding = self._weighing(y.shape, rate_weight)
        for rate in rates:
            y = self._moved(y, coded.latents, self._judge(coded, exactly=False), rate)
            coded = self._codec.latents.code(y, hyper, rounding)
        self._judge(coded, exactly=True)
        return y

    @cached_property
    def _steps(self) -> "Steps":
        return _steps_of(self._codec.model, self._quality, self._pixels.shape[2], self._distortion)

    def _judge(self, coded: CodedLatents, exactly: bool) -> Pixels:
        """What a decoder makes of ``coded``, or about that; ``coded`` is kept if it is the best so far."""
        height, width, channels = self._pixels.shape
        decode = self._codec.synthesise if exactly else self._codec.estimate
        colours = decode(coded.latents, (height, width, 3), self._quality)
        picture = colours if channels == 3 else to_grey(colours)
        error = self._distortion.total(self._pixels, picture, self.weights)
        cost = quality_lambda(self._quality) * error + self._bits(coded)
        if cost < self._least_cost:
            self._best, self._least_cost = replace(coded, pixels=colours if exactly else None), cost
        return picture

    def _bits(self, coded: CodedLatents) -> float:
        """The bits that ``coded`` takes."""
        return sum(ideal_bits(*group, self._codec.model.tables) for group in coded.groups)

    def _weighing(self, shape: tuple[int, ...], rate_weight: float) -> Weighing:
        model = self._codec.model
        weight = quality_lambda(self._quality) * self._steps.energy / rate_weight
        weight[model.shape.plane_channels] *= PLANE_WEIGHT
        down, across = (
            np.clip(side - PATCH * np.arange(count), 0, PATCH) / PATCH
            for side, count in zip(self._pixels.shape[:2], shape[2:], strict=True)
        )
        coverage = down[:, None] * across
        if self.weights is not None:
            coverage[: len(self.weights), : self.weights.shape[1]] *= self.weights
        return Weighing(model.tables, model.shape, weight, coverage)

    def _moved(self, y: Array, latents: Array, picture: Pixels, rate: float) -> Array:
        """``y`` moved by ``rate`` towards where the error of ``picture`` says that the latents should be."""
        moved, product = np.empty_like(y), matrix_product(self._codec.model.threads)
        for top in range(0, y.shape[2], BAND_ROWS):
            rows = slice(top, min(top + BAND_ROWS, y.shape[2]))
            error = self._distortion.map(self._error(picture, rows, y.shape[3]))
            correction = product(self._steps.transpose, error.reshape(len(error), -1)).reshape(-1, *error.shape[1:])
            wanted = latents[0, :, rows] * np.float32(1 / (1 << STEP_BITS)) + correction
            now = y[0, :, rows] * np.float32(1 / TARGET_UNIT)
            new = np.rint((now + np.float32(rate) * (wanted - now)) * np.float32(TARGET_UNIT))
            bounds = np.iinfo(y.dtype)
            moved[0, :, rows] = np.clip(new, bounds.min, bounds.max)
        return moved

    def _error(self, picture: Pixels, rows: slice, width: int) -> Array:
        """Original less ``picture`` as float32 patches [768, rows, w]; 0 outside the picture."""
        count = rows.stop - rows.start
        band = slice(PATCH * rows.start, PATCH * rows.stop)
        error = np.zeros((PATCH * count, PATCH * width, 3), np.float32)
        inside = self._pixels[band].astype(np.float32) - picture[band]
        error[: inside.shape[0], : inside.shape[1]] = inside
        patches = error.reshape(count, PATCH, width, PATCH, 3).transpose(1, 3, 4, 0, 2)
        return patches.reshape(-1, count, width)


@dataclass(frozen=True, eq=False)
class Steps:
    """What a step of each latent changes, squared and summed: ``energy`` [M].

    ``transpose`` [M, K]: how far an error of a patch says that each latent is from where it should be, in steps.
    """

    energy: Array
    transpose: Matrix


@lru_cache(maxsize=8)
def _steps_of(model: LoadedModel, quality: int, channels: int, distortion: Distortion) -> Steps:
    columns = distortion.map(linear_path(model).columns(quality, channels))
    energy = np.square(columns).sum(0)
    transpose = np.where(energy > LEAST_ENERGY, columns / np.maximum(energy, LEAST_ENERGY), 0).T
    return Steps(energy, np.ascontiguousarray(transpose))
