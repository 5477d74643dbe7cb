"""A made-up photograph."""

import numpy as np
import numpy.typing as npt


def photo(height: int = 70, width: int = 120, channels: int = 3) -> npt.NDArray[np.uint8]:
    """Slopes, an edge and a little noise, uint8 [height, width, channels]."""
    rng = np.random.default_rng(0)
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    smooth = 120 + 60 * np.sin(rows / (11 + channel)) * np.cos(columns / 17) + 50 * (rows > columns)
    return np.clip(smooth + rng.normal(0, 4, (height, width, channels)), 0, 255).astype(np.uint8)
