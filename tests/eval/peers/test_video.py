"""Every video codec really codes a clip, in a file of its own."""

import os
from pathlib import Path

import pytest
from stand_ins import write_clip

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("av")

from vaecompress_eval.measure.clips import load_clip
from vaecompress_eval.peers.video import LIBAV_PEERS, OwnVideoPeer, find_video_peers
from vaecompress_eval.run.clips import psnr_yuv

from vaecompress.errors import InputError, UsageError


@pytest.mark.parametrize("name", [*(peer.name for peer in LIBAV_PEERS), "tiny.vcm"])
def test_a_peer_codes_a_clip_and_its_dial_turns_the_right_way(name: str, tmp_path: Path, tiny_model_path: Path) -> None:
    (peer,) = find_video_peers([str(tiny_model_path) if name == "tiny.vcm" else name])
    if command := peer.missing():
        pytest.skip(f"{peer.name} is not installed: {command}")
    write_clip(tmp_path / "clip.mkv")
    clip = load_clip(tmp_path / "clip.mkv")
    sizes, qualities = [], []
    for setting in (peer.settings[1], peer.settings[-1]):
        peer.encode(clip, setting, tmp_path / "coded")
        frames = list(peer.decode(clip, tmp_path / "coded"))
        assert len(frames) == 6
        sizes.append((tmp_path / "coded").stat().st_size)
        pairs = zip(clip.frames(), frames, strict=True)
        qualities.append(sum(psnr_yuv(original.planes, decoded.planes) for original, decoded in pairs) / 6)
    assert sizes[0] < sizes[1]
    assert qualities[0] < qualities[1]
    assert peer.version()


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no such thing")
def test_what_follows_a_peer_is_scheduled_as_before(tmp_path: Path) -> None:
    (peer,) = find_video_peers(["svt-av1-8"])
    if command := peer.missing():
        pytest.skip(f"SVT-AV1 is not installed: {command}")
    write_clip(tmp_path / "clip.mkv")
    before = os.sched_getscheduler(0)
    peer.encode(load_clip(tmp_path / "clip.mkv"), 50, tmp_path / "coded")
    assert os.sched_getscheduler(0) == before


def test_a_moving_clip_costs_less_than_its_frames(tmp_path: Path) -> None:
    intra, inter = find_video_peers(["x265-intra", "x265-medium"])
    if command := inter.missing():
        pytest.skip(f"x265 is not installed: {command}")
    write_clip(tmp_path / "clip.mkv")
    clip = load_clip(tmp_path / "clip.mkv")
    for peer in (intra, inter):
        peer.encode(clip, 28, tmp_path / peer.name)
    assert (tmp_path / "x265-medium").stat().st_size < 0.8 * (tmp_path / "x265-intra").stat().st_size


def test_names_are_looked_up() -> None:
    assert [peer.name for peer in find_video_peers(["x264-medium", "vaecompress", "x264-medium"])] == [
        "x264-medium",
        "vaecompress",
    ]
    assert find_video_peers(["vaecompress"]) == [OwnVideoPeer()]
    with pytest.raises(UsageError, match="unknown video peer webp: choose from svt-av1-4"):
        find_video_peers(["webp"])
    with pytest.raises(InputError, match="cannot read the model file"):
        find_video_peers(["absent.vcm"])
