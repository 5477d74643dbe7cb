"""Crops of a clip's middle frame, every codec at about the same rate."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from .clips import Clip
from .crops import CropSet, cut_all
from .peers import Pixels
from .results import Result
from .video_peers import VideoPeer


def clip_crop_set(clip: Clip, peers: Sequence[VideoPeer], results: Sequence[Result], target_bpp: float) -> CropSet:
    """Code ``clip`` anew and cut its middle frame where the first peer has its largest error.

    Of the ``results`` on this clip the first peer takes the setting nearest to ``target_bpp``, the others those nearest
    to its rate. A peer without results is left out.
    """
    middle = max(result.frames for result in results) // 2
    decoded: dict[str, Pixels] = {}
    bpp: dict[str, float] = {}
    for peer in peers:
        own = [result for result in results if result.codec == peer.name]
        if own:
            nearest = min(own, key=lambda result: abs(result.bpp - target_bpp))
            target_bpp = next(iter(bpp.values()), nearest.bpp)
            decoded[peer.name] = _frame(clip, peer, nearest.setting, middle)
            bpp[peer.name] = nearest.bpp
    original = next(islice(clip.frames(), middle, None)).rgb
    return cut_all(f"{clip.name}, frame {middle}", original, decoded, bpp)


def _frame(clip: Clip, peer: VideoPeer, setting: float, index: int) -> Pixels:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coded"
        peer.encode(clip, setting, file)
        return next(islice(peer.decode(clip, file), index, None)).rgb
