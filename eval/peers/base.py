"""What the benchmark asks of a codec."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class Codec(Protocol):
    """What pictures' and videos' codecs have in common; ``settings`` climb from small files to large ones."""

    @property
    def name(self) -> str:
        """Short word for commands, file names and plots."""
        ...

    @property
    def description(self) -> str:
        """Every option that shapes the file, in words; measurements are remembered by it."""
        ...

    @property
    def settings(self) -> tuple[float, ...]:
        """Values of the dial to measure. Where all are whole, the dial takes every whole number between them, or else
        every number."""
        ...

    def missing(self) -> str | None:
        """``None`` when the codec can run here, else the command that installs it."""
        ...

    def version(self) -> str:
        """Names the code that writes the files; a changed version is measured anew."""
        ...


class Peer(Codec, Protocol):
    """A codec of pictures with one dial; pixels are RGB, uint8 [H, W, 3]."""

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Return the bytes of one file."""
        ...

    def decode(self, data: bytes) -> Pixels:
        """Return the picture in a file that ``encode`` wrote."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A codec that can tell what its file would be with an ideal entropy coder and nothing around it."""

    def ideal_bits(self, pixels: Pixels, setting: float) -> float:
        """Information content of all symbols under the model's own probabilities."""
        ...
