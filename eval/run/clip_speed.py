"""Seconds and memory of coding a clip, codecs side by side in the same minutes."""

from collections.abc import Sequence
from pathlib import Path

from ..console import Bar
from ..measure.clips import Clip, load_clip
from ..measure.results import Result
from ..peers.video import VideoPeer
from .file_of_size import nearest_results
from .processes import TARGET_BPP, Speed, Task, measure_tasks

ROUNDS = 1
"""A clip takes long enough for one round to tell."""


def measure_clip_speed(
    source: Path, peers: Sequence[VideoPeer], results: Sequence[Result], progress: Bar = lambda *_: None
) -> list[Speed]:
    """Encode and decode a clip with every codec at the setting whose result lies nearest to 0.5 bpp.

    A codec that fails, or has no result on the clip, is left out. Raises what :func:`load_clip` raises.
    """
    clip = load_clip(source)
    own = [result for result in results if result.picture == clip.name]
    nearest = nearest_results(own, [peer.name for peer in peers], TARGET_BPP)
    tasks = [_task(source, clip, peer, nearest[peer.name].setting) for peer in peers if peer.name in nearest]
    costs = measure_tasks(tasks, ROUNDS, progress)
    return [
        Speed(clip.name, one.codec, one.setting, one.bpp, *costs[one.codec], one.frames)
        for one in nearest.values()
        if one.codec in costs
    ]


def _task(source: Path, clip: Clip, peer: VideoPeer, setting: float) -> Task:
    return Task(
        medium="clip",
        source=source,
        codec=peer.name,
        setting=setting,
        encode=lambda file: peer.encode(clip, setting, file),
        decode=lambda file: sum(1 for _ in peer.decode(clip, file)),
    )
