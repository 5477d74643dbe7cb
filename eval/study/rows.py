"""The rows of the training study: each changes one thing against the baseline.

The baseline is the shipped recipe with smaller crops, which make three times as many steps of the same minutes, and
without its exact phase, which costs every row the same and takes long to compile.
Sizes of models are those that fit the ``light`` preset.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vaecompress.train.presets import Preset, Recipe
from vaecompress.transforms.config import ModelConfig

Start = Literal["dct", "random", "klt", "rgb", "ycbcr"]
Method = Literal["soap", "adam", "adamw", "muon"]
Quantisation = Literal["mixed", "noise", "straight-through", "soft"]
Distortion = Literal["mse", "smooth-l1", "ms-ssim", "mix"]
PriorShape = Literal["two normals", "normal", "laplace", "logistic"]
Data = Literal["clean", "noise", "jpeg", "no reduced"]

SCREENING_CROP = 64
"""Side of the crops of all rows that do not say otherwise."""


@dataclass(frozen=True)
class Setup:
    """Everything a row may change. ``weight_power``: the loss is divided by lambda to it.

    ``mixed`` quantisation: rounding into the decoder and the context, noise for the rate. ``exact``: calibrated and
    validated in exact arithmetic, whether or not training had rounding in the loop.
    """

    preset: Preset[ModelConfig]
    start: Start = "dct"
    method: Method = "soap"
    quantisation: Quantisation = "mixed"
    distortion: Distortion = "mse"
    weight_power: float = 0.5
    prior: PriorShape = "two normals"
    data: Data = "clean"
    exact: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the study: fields of the model, of the recipe and of :class:`Setup` that differ."""

    name: str
    group: str
    change: str
    model: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)

    def setup(self, preset: Preset[ModelConfig], seed: int, steps: int | None = None) -> Setup:
        """What to train, from ``preset``, in ``steps`` instead of its own number of them."""
        shipped = preset.recipe
        crops = ((1.0, SCREENING_CROP),)
        common = {"exact_share": 0.0, "seed": seed, "steps": steps or shipped.steps, "crops": crops}
        recipe = replace(shipped, **{**common, **self.recipe})
        return Setup(Preset(replace(preset.model, **self.model), recipe), **self.parts)


BASELINE = Row("baseline", "baseline", "as shipped, but 16 crops of 64: DCT start, SOAP at 3e-3, cosine at last")

_SHAPES = {
    "deep": ("narrower and deeper", (112, 2), (72, 4), (28, 2)),
    "wide": ("wider, one block at 1/8", (160, 1), (128, 1), (40, 1)),
    "quarter": ("blocks at 1/4 only", (160, 0), (96, 0), (60, 2)),
    "eighth": ("blocks at 1/8 only", (160, 0), (124, 2), (40, 0)),
    "sixteenth": ("blocks at 1/16 only", (240, 2), (96, 0), (40, 0)),
}
"""Synthesis networks that cost as much as the baseline's: (width, blocks) at 1/16, 1/8 and 1/4."""


def _shape(name: str) -> Row:
    change, *stages = _SHAPES[name]
    sizes: dict[str, int] = {}
    for scale, (width, blocks) in zip((16, 8, 4), stages, strict=True):
        sizes |= {f"synthesis_width{scale}": width, f"synthesis_blocks{scale}": blocks}
    return Row(f"shape-{name}", "shape", f"decoder {change}", model=sizes)


def _latents(luma: int, chroma: tuple[int, int]) -> Row:
    count = luma + sum(chroma)
    return Row(f"latents-{count}", "latents", f"{count} latent channels", model={"luma": luma, "chroma": chroma})


def _analysis(name: str, width8: int, blocks8: int, width16: int, blocks16: int) -> Row:
    sizes = {"width8": width8, "blocks8": blocks8, "width16": width16, "blocks16": blocks16}
    change = f"{name} encoder: {blocks8} blocks of {width8} at 1/8, {blocks16} of {width16} at 1/16"
    return Row(f"analysis-{name}", "analysis", change, model={f"analysis_{key}": size for key, size in sizes.items()})


def _crop(side: int) -> Row:
    return Row(f"crop-{side}", "crop", f"crops of {side} throughout", recipe={"crops": ((1.0, side),)})


def _exact(percent: int) -> Row:
    recipe = {"exact_share": percent / 100}
    return Row(f"exact-{percent}", "exact", f"rounding for the last {percent} %", recipe=recipe, parts={"exact": True})


_WINNERS = {"crops": ((0.5, 64), (0.35, 128), (0.15, 192)), "basis_refresh": 100}
"""What won in short runs, put together for long ones, which profit from large crops at last."""

_THIRDS = {"luma": 104, "chroma": (104, 104)}

ROWS = (
    BASELINE,
    Row("start-random", "start", "linear path starts at random", parts={"start": "random"}),
    Row("start-klt", "start", "linear path starts as the KLT of training patches", parts={"start": "klt"}),
    Row("adam", "optimiser", "Adam, 1e-3", recipe={"learning_rate": 1e-3}, parts={"method": "adam"}),
    Row("adam-3e-3", "optimiser", "Adam, 3e-3", parts={"method": "adam"}),
    Row("adamw", "optimiser", "AdamW, 1e-3, decay 0.01", recipe={"learning_rate": 1e-3}, parts={"method": "adamw"}),
    Row("muon", "optimiser", "Muon, 0.02, on matrices", parts={"method": "muon"}),
    Row("soap-1", "optimiser", "SOAP's bases renewed every step", recipe={"basis_refresh": 1}),
    Row("soap-50", "optimiser", "SOAP's bases renewed every 50 steps", recipe={"basis_refresh": 50}),
    Row("soap-100", "optimiser", "SOAP's bases renewed every 100 steps", recipe={"basis_refresh": 100}),
    Row("cosine", "schedule", "cosine from the start", recipe={"decay_share": 1.0}),
    Row("no-warm-up", "schedule", "no warm-up", recipe={"warmup_steps": 0}),
    Row("constant", "schedule", "constant rate after the warm-up", recipe={"decay_share": 0.0}),
    Row("batch-8", "batch", "8 crops a step", recipe={"batch_size": 8}),
    Row("batch-32", "batch", "32 crops a step", recipe={"batch_size": 32}),
    *map(_crop, (96, 128, 192)),
    Row("crop-shipped", "crop", "crops of 128, the last quarter 192", recipe={"crops": Recipe().crops}),
    Row("winners", "winners", "crops of 64, 128 and 192, bases every 100 steps", recipe=_WINNERS),
    Row("noise", "quantisation", "noise everywhere", parts={"quantisation": "noise"}),
    Row("straight", "quantisation", "rounding everywhere, in the rate too", parts={"quantisation": "straight-through"}),
    Row("soft", "quantisation", "soft rounding, ever sharper", parts={"quantisation": "soft"}),
    Row("ema-0.99", "averaging", "average of 0.99 instead of 0.999", recipe={"ema_decay": 0.99}),
    Row("ema-0.9999", "averaging", "average of 0.9999", recipe={"ema_decay": 0.9999}),
    Row("ema-none", "averaging", "weights not averaged", recipe={"ema_decay": 0.0}),
    Row("weight-1", "weighting", "loss divided by lambda", parts={"weight_power": 1.0}),
    Row("weight-0", "weighting", "loss not divided", parts={"weight_power": 0.0}),
    Row("smooth-l1", "loss", "smooth L1, linear beyond 8 levels", parts={"distortion": "smooth-l1"}),
    Row("ms-ssim", "loss", "MS-SSIM", parts={"distortion": "ms-ssim"}),
    Row("mix", "loss", "half MSE, half MS-SSIM", parts={"distortion": "mix"}),
    Row("context-1", "context", "one context step", model={"context_steps": 1}),
    Row("context-4", "context", "four context steps", model={"context_steps": 4}),
    Row("rgb", "colour", "linear path starts in RGB", model=_THIRDS, parts={"start": "rgb"}),
    Row("ycbcr", "colour", "linear path starts in YCbCr", parts={"start": "ycbcr"}),
    *map(_shape, _SHAPES),
    _latents(176, (48, 32)),
    _latents(256, (76, 52)),
    _analysis("light", 64, 1, 128, 1),
    _analysis("heavy", 160, 3, 384, 3),
    Row("noisy-data", "data", "noise of 4 levels on the pictures", parts={"data": "noise"}),
    Row("jpeg-data", "data", "pictures through JPEG, quality 30 to 90", parts={"data": "jpeg"}),
    Row("no-reduced", "data", "no reduced pictures", parts={"data": "no reduced"}),
    Row("exact-0", "exact", "rounded after training", parts={"exact": True}),
    _exact(5),
    _exact(20),
    Row("clip-0.1", "clip", "gradients clipped at 0.1", recipe={"gradient_clip": 0.1}),
    Row("clip-none", "clip", "gradients not clipped", recipe={"gradient_clip": math.inf}),
    Row("rate-1e-3", "rate", "learning rate 1e-3", recipe={"learning_rate": 1e-3}),
    Row("rate-6e-3", "rate", "learning rate 6e-3", recipe={"learning_rate": 6e-3}),
    Row("one-z-prior", "z prior", "one prior of z for all rates", model={"prior_sets": 1}),
    Row("prior-normal", "prior", "residuals: one normal", parts={"prior": "normal"}),
    Row("prior-laplace", "prior", "residuals: Laplace", parts={"prior": "laplace"}),
    Row("prior-logistic", "prior", "residuals: logistic", parts={"prior": "logistic"}),
)
