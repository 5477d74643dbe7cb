"""What the benchmark asks of a codec, and the list of those it knows.

A peer is named by a short word (``avif-444-psnr``); a family (``avif``) stands for several.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vaecompress.errors import InputError, UsageError

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
        """Values of the dial to measure."""
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


FAMILIES: dict[str, tuple[str, ...]] = {
    "jpeg": ("jpeg-444", "jpeg-420", "jpegli"),
    "avif": ("avif-444-psnr", "avif-444", "avif-420-psnr"),
}


@cache
def all_peers() -> dict[str, Peer]:
    """Every peer by name, installed or not."""
    from .jpeg_peers import Jpegli, Mozjpeg
    from .own_peer import OwnPeer
    from .pillow_peers import PILLOW_PEERS
    from .tfc_peer import TfcPeer
    from .x265_peer import X265Intra

    peers: tuple[Peer, ...] = (OwnPeer(), *PILLOW_PEERS, Jpegli(), Mozjpeg(), X265Intra(), TfcPeer())
    return {peer.name: peer for peer in peers}


def find_peers(names: Iterable[str]) -> list[Peer]:
    """The peers of some names, families or model files, each once, in order.

    Raises :class:`UsageError` for an unknown name, :class:`InputError` for a model file that is not there.
    """
    single = [member for name in names for member in FAMILIES.get(name, (name,))]
    return [find_peer(name) for name in dict.fromkeys(single)]


def find_peer(name: str) -> Peer:
    """One peer; see :func:`find_peers`."""
    from .own_peer import MODEL_SUFFIX, OwnPeer

    known = all_peers()
    if name.endswith(MODEL_SUFFIX):
        if not Path(name).is_file():
            raise InputError(f"{name}: no such model file")
        return OwnPeer(name)
    if name not in known:
        raise UsageError(f"unknown peer {name}: choose from {', '.join(sorted({*known, *FAMILIES}))}")
    return known[name]
