"""A minimal model and crops for the tests of the training study."""

import numpy as np

from vaecompress.train.presets import Preset, Recipe
from vaecompress.transforms.config import ModelConfig

MODEL = ModelConfig(
    luma=8,
    chroma=(2, 2),
    analysis_width8=8,
    analysis_blocks8=0,
    analysis_width16=8,
    analysis_blocks16=0,
    synthesis_width16=8,
    synthesis_blocks16=0,
    synthesis_width8=8,
    synthesis_blocks8=1,
    synthesis_width4=8,
    synthesis_blocks4=0,
    hyper_latent_channels=8,
    entropy_width=8,
    entropy_blocks=0,
    quality_anchors=2,
    prior_sets=2,
    linear_splits=1,
)
PRESET = Preset(MODEL, Recipe(steps=5, batch_size=2, crops=((1.0, 64),), warmup_steps=2, basis_refresh=2))


class Crops:
    """Waves of a random direction and colour, by the step alone."""

    def batch(self, step, batch_size, crop):
        rng = np.random.default_rng(step)
        rows, columns, _ = np.ogrid[:crop, :crop, :3]
        slope = rng.normal(0, 0.2, (batch_size, 3, 3))[:, None, None]
        waves = np.sin(rows * slope[..., 0, :] + columns * slope[..., 1, :] + slope[..., 2, :])
        return (128 + 100 * waves).astype(np.uint8)
