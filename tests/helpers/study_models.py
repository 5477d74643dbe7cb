"""A minimal model and crops for the tests of the training study."""

from dataclasses import replace

import numpy as np
from small_model import SMALL

from vaecompress.train.presets import Preset, Recipe

MODEL = replace(SMALL, luma=8, chroma=(2, 2))
PRESET = Preset(MODEL, Recipe(steps=5, batch_size=2, crops=((1.0, 64),), warmup_steps=2, basis_refresh=2))


class Crops:
    """Waves of a random direction and colour, by the step alone."""

    def batch(self, step, batch_size, crop):
        rng = np.random.default_rng(step)
        rows, columns, _ = np.ogrid[:crop, :crop, :3]
        slope = rng.normal(0, 0.2, (batch_size, 3, 3))[:, None, None]
        waves = np.sin(rows * slope[..., 0, :] + columns * slope[..., 1, :] + slope[..., 2, :])
        return (128 + 100 * waves).astype(np.uint8)
