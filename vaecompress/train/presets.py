"""The models and how each is trained: stills in four sizes, and predicted frames.

kMAC/px (decoder, every graph that decoding runs) is printed by ``python -m vaecompress.train.presets``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from vaecompress.errors import UsageError
from vaecompress.format import PATCH
from vaecompress.train.data import coded
from vaecompress.transforms.complexity import decoder_kmac_per_pixel, predicted_kmac_per_pixel
from vaecompress.transforms.config import ModelConfig, VideoConfig

C = TypeVar("C", bound=ModelConfig | VideoConfig)


@dataclass(frozen=True)
class Recipe:
    """One training run.

    ``crops`` are (share of the steps, crop side in pixels) in order; the learning rate warms up over
    ``warmup_steps``, holds, and decays by a cosine over the last ``decay_share`` of the steps to ``final_rate`` of
    its peak; rounding enters the loop for the last ``exact_share``. ``coded``: on coded crops, where a decoder's
    networks are all that is trained.
    """

    steps: int = 20_000
    batch_size: int = 16
    crops: tuple[tuple[float, int], ...] = ((0.75, 128), (0.25, 192))
    learning_rate: float = 3e-3
    linear_rate: float = 0.1
    warmup_steps: int = 100
    decay_share: float = 0.5
    final_rate: float = 0.02
    exact_share: float = 0.08
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    basis_refresh: int = 10
    seed: int = 0
    coded: bool = False


@dataclass(frozen=True)
class Preset(Generic[C]):
    """A model's shape and its recipe."""

    model: C
    recipe: Recipe = field(default_factory=Recipe)


TINY = ModelConfig(
    luma=32,
    chroma=(8, 8),
    analysis_width8=16,
    analysis_blocks8=1,
    analysis_width16=32,
    analysis_blocks16=1,
    synthesis_width16=24,
    synthesis_width8=16,
    synthesis_blocks8=1,
    synthesis_width4=8,
    hyper_latent_channels=16,
    entropy_width=24,
)

LIGHT = ModelConfig(context_splits=4, coefficient_bits=11)

BASE = replace(
    LIGHT,
    analysis_width8=160,
    analysis_width16=320,
    synthesis_width16=256,
    synthesis_blocks16=2,
    synthesis_width8=208,
    synthesis_blocks8=3,
    synthesis_width4=64,
    entropy_width=192,
    linear_splits=8,
    context_splits=8,
)

LARGE = replace(
    BASE,
    analysis_width8=384,
    analysis_blocks8=4,
    analysis_width16=512,
    analysis_blocks16=4,
    synthesis_width16=512,
    synthesis_blocks16=4,
    synthesis_width8=448,
    synthesis_blocks8=5,
    synthesis_width4=96,
    synthesis_blocks4=2,
    entropy_width=384,
    entropy_blocks=2,
)

VIDEO = VideoConfig(replace(LIGHT, luma=200, chroma=(32, 24), analysis_blocks16=1))

TINY_VIDEO = VideoConfig(TINY, condition_width8=16, condition_width16=24)

PRESETS: dict[str, Preset[ModelConfig]] = {
    "tiny": Preset(TINY, Recipe(steps=200, batch_size=4, crops=((1.0, 64),), warmup_steps=10)),
    "light": Preset(LIGHT),
    "base": Preset(BASE, Recipe(learning_rate=1.5e-3)),
    "large": Preset(LARGE, Recipe(crops=((0.6, 192), (0.4, 256)), learning_rate=1.5e-3)),
}


VIDEO_PRESETS: dict[str, Preset[VideoConfig]] = {
    "tiny-video": Preset(TINY_VIDEO, PRESETS["tiny"].recipe),
    "video": Preset(VIDEO, Recipe(steps=10_000, learning_rate=1.5e-3)),
}

ALL: dict[str, Preset[Any]] = {**PRESETS, **VIDEO_PRESETS}


def with_latents(model: ModelConfig, channels: int) -> ModelConfig:
    """``model`` with so many latent channels, shared among colours as before.

    Raises UsageError where they cannot be split as the model splits them, or are too few or too many.
    """
    counts = [max(1, round(channels * count / model.latent_channels)) for count in model.chroma]
    luma = channels - sum(counts)
    if not 1 <= luma <= PATCH * PATCH or max(counts) > PATCH * PATCH:
        raise UsageError(f"{channels} latents: a colour has 1 to {PATCH * PATCH} of them, in the preset's shares")
    return replace(model, luma=luma, chroma=(counts[0], counts[1]))


def on_coded_crops(preset: Preset[ModelConfig]) -> Preset[ModelConfig]:
    """``preset`` for coded crops and weights that are good already: at a rate that only falls."""
    rate = preset.recipe.learning_rate / 10
    crops = ((1.0, coded.SIDE),)
    return replace(
        preset,
        recipe=replace(preset.recipe, coded=True, crops=crops, learning_rate=rate, decay_share=1.0, exact_share=0.7),
    )


def preset(name: str, among: Mapping[str, Preset[C]] = ALL) -> Preset[C]:
    """The preset called ``name``; raises :class:`UsageError` when there is none."""
    if name not in among:
        raise UsageError(f"no preset '{name}'; there are {', '.join(among)}")
    return among[name]


if __name__ == "__main__":
    costs = {name: decoder_kmac_per_pixel(each.model) for name, each in PRESETS.items()}
    costs |= {name: predicted_kmac_per_pixel(each.model) for name, each in VIDEO_PRESETS.items()}
    for name, cost in costs.items():
        print(f"{name:10} {cost:7.2f} kMAC/px to decode")
