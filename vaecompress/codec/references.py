"""Decoded frames that others are predicted from: which are held, and what their motion suggests.

FORMAT.md, "Predicted frames". A decoder holds the frames that were decoded or referred to last, so that its
memory does not grow with the video; encoders refer to nothing else.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from vaecompress.codec.motion import (
    FUTURE_COLUMN,
    FUTURE_ROW,
    LEVEL,
    MAX_VECTOR,
    MODE,
    PAST_COLUMN,
    PAST_ROW,
    UNKNOWN,
    no_blocks,
)
from vaecompress.codec.picture import Pixels
from vaecompress.codec.prediction import BLOCK, BOTH, PAST
from vaecompress.errors import CorruptError

Array = npt.NDArray[Any]
Held = TypeVar("Held")

HELD_FRAMES = 16
"""Decoded frames that are held."""


@dataclass(eq=False)
class DecodedFrame:
    """A frame with its motion ``blocks``; of a frame coded on its own they are unknown and ``past`` is 0.

    ``past`` is the distance to its past reference in frames. ``search`` is room for what an encoder computes of it.
    """

    pixels: Pixels
    blocks: Array
    past: int = 0
    search: Any = None

    @classmethod
    def alone(cls, pixels: Pixels) -> "DecodedFrame":
        """A frame that is coded on its own."""
        return cls(pixels, no_blocks(*block_grid(pixels.shape)))


class HeldFrames(Generic[Held]):
    """The last frames that were decoded or referred to, by their index; those that are disposable are not held."""

    def __init__(self) -> None:
        self._frames: OrderedDict[int, Held] = OrderedDict()

    def add(self, index: int, frame: Held) -> None:
        """Hold a frame that was just decoded, and let go of the one used longest ago."""
        self._frames[index] = frame
        if len(self._frames) > HELD_FRAMES:
            self._frames.popitem(last=False)

    def __contains__(self, index: int) -> bool:
        return index in self._frames

    def use(self, index: int) -> Held:
        """A held frame that another one refers to. Raises CorruptError where it is not held."""
        if index not in self._frames:
            raise CorruptError(f"it refers to frame {index}, which a decoder no longer holds; encode the video again")
        self._frames.move_to_end(index)
        return self._frames[index]

    def clear(self) -> None:
        """Forget all frames: a new group starts."""
        self._frames.clear()


def block_grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of motion blocks of a picture of ``shape`` (height, width, ...)."""
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)


def suggested_motion(past: DecodedFrame, future: DecodedFrame | None, distances: tuple[int, int]) -> Array:
    """What the references' own motion suggests, block by block: int32 [rows, columns, 6], unknown where nothing is.

    Things that moved from the future reference's own past to it move on the same line through this frame; without a
    future, those that moved to the past reference move on as they did. ``distances`` are those to past and future.
    """
    known = past if future is None else future
    found = no_blocks(*known.blocks.shape[:2])
    if known.past == 0:
        return found
    source = known.blocks
    usable = (source[:, :, MODE] == PAST) | (source[:, :, MODE] == BOTH)
    vector = source[:, :, PAST_ROW : PAST_COLUMN + 1].astype(np.int64)
    ahead = _scaled(vector, distances[0], known.past)
    found[:, :, PAST_ROW : PAST_COLUMN + 1] = ahead
    mode = PAST
    if future is not None:
        found[:, :, FUTURE_ROW : FUTURE_COLUMN + 1] = _scaled(-vector, distances[1], known.past)
        mode = BOTH
    found[:, :, MODE] = np.where(usable, mode, UNKNOWN)
    found[~usable, PAST_ROW:LEVEL] = 0
    return found


def _scaled(vector: Array, distance: int, own: int) -> Array:
    """Vectors of a distance of ``own`` frames at another distance; halves towards +infinity, within MAX_VECTOR."""
    return np.clip((2 * vector * distance + own) // (2 * own), -MAX_VECTOR, MAX_VECTOR).astype(np.int32)
