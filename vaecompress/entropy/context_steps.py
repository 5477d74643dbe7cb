"""Which latents are coded in which context step."""

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.uint8]


def group_index(steps: int, rows: npt.ArrayLike, columns: npt.ArrayLike, channels: npt.ArrayLike) -> Index:
    """Context step 0..steps-1 of the latents at broadcastable ``rows``, ``columns`` and ``channels``.

    1 step: all at once. 2 steps: a checkerboard that alternates from channel to channel. 4 steps: the positions of
    each 2x2 square in turn, in an order that rotates with the channel (compare DCVC-DC, arXiv 2302.14402, 3.3).
    """
    row, column, channel = np.asarray(rows), np.asarray(columns), np.asarray(channels)
    square = np.array([[0, 2], [3, 1]])[row % 2, column % 2] if steps == 4 else row + column
    return np.asarray(((square % steps).astype(np.uint8) + (channel % steps).astype(np.uint8)) % np.uint8(steps))


def group_masks(steps: int, height: int, width: int, channels: int) -> npt.NDArray[np.bool_]:
    """[steps, height, width, channels]: the latents each context step codes."""
    group = group_index(steps, *np.ogrid[:height, :width, :channels])
    return np.stack([group == step for step in range(steps)])
