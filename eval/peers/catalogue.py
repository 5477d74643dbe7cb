"""The codecs of pictures that the benchmark knows, by name.

A peer is named by a short word (``avif-444-psnr``); a family (``avif``) stands for several; a path that ends in
``.vcm`` is our own codec with that model file. ``@9`` after either name of ours is ``--effort 9``.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from vaecompress.errors import CorruptError, UsageError

from .base import Codec, Peer
from .jpeg import Jpegli, Mozjpeg
from .own import ALL_TOOLS_NAME, MODEL_SUFFIX, OWN_NAME, OwnPeer, split_name
from .pillow import PILLOW_PEERS
from .tfc import TfcPeer
from .x265 import X265Intra

CodecT = TypeVar("CodecT", bound=Codec)

_ALL: tuple[Peer, ...] = (
    OwnPeer(),
    OwnPeer(ALL_TOOLS_NAME, tools="all"),
    *PILLOW_PEERS,
    Jpegli(),
    Mozjpeg(),
    X265Intra(),
    TfcPeer(),
)
PEERS = {peer.name: peer for peer in _ALL}
"""Every peer, installed or not."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "jpeg": ("jpeg-444", "jpeg-420", "jpegli"),
    "avif": ("avif-444-psnr", "avif-444", "avif-420-psnr"),
}


def find_peers(names: Iterable[str]) -> list[Peer]:
    """The peers of some names, families or model files, each once, in order; raises as :func:`choose` does."""
    single = (member for name in names for member in FAMILIES.get(name, (name,)))
    return choose(single, PEERS, OwnPeer, "peer", FAMILIES)


def choose(
    names: Iterable[str],
    known: Mapping[str, CodecT],
    own: Callable[[str], CodecT],
    noun: str,
    families: Iterable[str] = (),
) -> list[CodecT]:
    """The codecs of some names, each once, in order; ``own`` makes ours of a model file's name or a level of effort.

    Raises :class:`UsageError` for an unknown name, and what loading it raises for a model file that is none.
    """
    return [_choose(name, known, own, noun, families) for name in dict.fromkeys(names)]


def _choose(
    name: str, known: Mapping[str, CodecT], own: Callable[[str], CodecT], noun: str, families: Iterable[str]
) -> CodecT:
    if name in known:
        return known[name]
    codec = split_name(name).codec
    if codec.endswith(MODEL_SUFFIX):
        from vaecompress.models import registry

        try:
            registry.load(Path(codec))
        except CorruptError as error:
            raise CorruptError(f"{codec}: {error}") from error
    elif codec != OWN_NAME:
        raise UsageError(f"unknown {noun} {name}: choose from {', '.join(sorted({*known, *families}))}")
    return own(name)
