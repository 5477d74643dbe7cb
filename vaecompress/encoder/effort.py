"""How hard the encoder searches for a better file of the same format, for the same decoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vaecompress.errors import UsageError

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]
"""Told the steps done and their number."""


ErrorWeights = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Pixels [H, W, C] to what an error counts in each 16x16 patch [h, w], their geometric mean 1."""


class Refiner(Protocol):
    """Searches for better latents with gradients. Safe to call from several threads."""

    def __call__(
        self,
        pixels: npt.NDArray[np.uint8],
        y: Array,
        z: Array,
        quality: int,
        steps: int,
        weights: Array | None = None,
        progress: Progress | None = None,
    ) -> tuple[Array, Array]:
        """Better latents y [1, M, h, w] (int16, in 1/64 of a step) and hyper-latents z [1, Z, h/4, w/4] (float32).

        ``pixels`` [height, width, 1 or 3] is the picture they are to become, ``y`` and ``z`` where to start;
        ``weights`` [h, w] what an error counts in each patch.
        """
        ...


@dataclass(frozen=True)
class Effort:
    """``rounds`` of comparing the decoded picture with the original, then ``steps`` of gradients by ``refiner``.

    ``weights``: what an error counts where; everywhere alike without. Without a ``dead_zone`` latents become the
    nearest integers.
    """

    rounds: int = 0
    steps: int = 0
    refiner: Refiner | None = None
    weights: ErrorWeights | None = None
    dead_zone: bool = True


EFFORTS = {
    0: Effort(dead_zone=False),
    1: Effort(),
    2: Effort(1),
    3: Effort(2),
    4: Effort(4),
    5: Effort(8),
    6: Effort(4, 80),
    7: Effort(4, 120),
    8: Effort(4, 160),
    9: Effort(4, 200),
}
MIN_EFFORT, MAX_EFFORT = min(EFFORTS), max(EFFORTS)


def effort_of(level: int) -> Effort:
    """The effort of a level 0..9, without a refiner. Raises UsageError for any other."""
    if level not in EFFORTS:
        raise UsageError(f"effort is {level}: must be an integer from {MIN_EFFORT} to {MAX_EFFORT}")
    return EFFORTS[level]
