"""Crops of a clip's middle frame, every codec at about the same rate."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ..measure.clips import Clip
from ..measure.results import Result
from ..peers.base import Pixels
from ..peers.video import VideoPeer
from ..run.file_of_size import nearest_results
from .crops import CropSet, cut_all


def clip_crop_set(clip: Clip, peers: Sequence[VideoPeer], results: Sequence[Result], target_bpp: float) -> CropSet:
    """Code ``clip`` anew and cut its middle frame where the first peer has its largest error.

    ``results`` on this clip choose the settings, see :func:`nearest_results`. A peer without results is left out.
    """
    nearest = nearest_results(results, [peer.name for peer in peers], target_bpp)
    middle = max(result.frames for result in nearest.values()) // 2
    decoded = {
        peer.name: _frame(clip, peer, nearest[peer.name].setting, middle) for peer in peers if peer.name in nearest
    }
    original = next(islice(clip.frames(), middle, None)).rgb
    return cut_all(f"{clip.name}, frame {middle}", original, decoded, {name: one.bpp for name, one in nearest.items()})


def _frame(clip: Clip, peer: VideoPeer, setting: float, index: int) -> Pixels:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coded"
        peer.encode(clip, setting, file)
        return next(islice(peer.decode(clip, file), index, None)).rgb
