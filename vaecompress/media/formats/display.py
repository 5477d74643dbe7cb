"""How a video file asks players to turn and mirror its frames: the display matrix of ISO/IEC 14496-12, 6.2.2."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from vaecompress.media.image import UInt8Array

_ONE = 1 << 16


@dataclass(frozen=True)
class Display:
    """A transposition, then mirrorings left to right and top to bottom; ``is_exact`` where the matrix says no more."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False
    is_exact: bool = True

    def applied(self, frame: UInt8Array) -> UInt8Array:
        """Turn a frame [height, width, 3] as players show it."""
        if self.transposed:
            frame = frame.swapaxes(0, 1)
        if self.mirrored:
            frame = frame[:, ::-1]
        if self.flipped:
            frame = frame[::-1]
        return np.ascontiguousarray(frame)

    @property
    def notes(self) -> list[str]:
        """What is done to the frames, in words."""
        if not self.is_exact:
            return ["a rotation by other than quarter turns is not applied"]
        turned = {
            (True, False, True): "rotation by 90 degrees is",
            (False, True, True): "rotation by 180 degrees is",
            (True, True, False): "rotation by 270 degrees is",
            (False, True, False): "mirroring left to right is",
            (False, False, True): "mirroring top to bottom is",
            (True, False, False): "mirroring and rotation are",
            (True, True, True): "mirroring and rotation are",
        }.get((self.transposed, self.mirrored, self.flipped))
        return [f"the file's {turned} applied"] if turned else []


UNTURNED = Display()


def side_data_of(frame: Any) -> dict[str, bytes]:
    """What a decoded ``av.VideoFrame`` carries beside its samples, by names as ``DISPLAYMATRIX``."""
    found = [frame.side_data[index] for index in range(len(frame.side_data))]
    return {data.type.name: bytes(data) for data in found}


def display_of(frame: Any) -> Display:
    """Return what the display matrix of a decoded ``av.VideoFrame`` says."""
    matrix = side_data_of(frame).get("DISPLAYMATRIX")
    if matrix is None or len(matrix) != 36:
        return UNTURNED
    a, b, _, c, d = struct.unpack("=9i", matrix)[:5]
    if (abs(a), abs(b), abs(c), abs(d)) == (_ONE, 0, 0, _ONE):
        return Display(False, a < 0, d < 0)
    if (abs(a), abs(b), abs(c), abs(d)) == (0, _ONE, _ONE, 0):
        return Display(True, c < 0, b < 0)
    return Display(is_exact=False)
