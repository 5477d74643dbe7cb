"""``vaecompress decode``: formats, names, frames, damage, many files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from command import HEIGHT, MODEL, WIDTH, clip, finish, names, run, save, start, streams
from PIL import Image

import vaecompress
from vaecompress.bitstream import Container
from vaecompress.media.video import open_video
from vaecompress.models import registry
from vaecompress.networks import openvino_engine
from vaecompress.networks.openvino_engine import has_openvino


def read(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(path))


def damage_frame(stream: Path, index: int) -> None:
    """Flip a bit in the last byte of a frame."""
    with Container.open(stream) as container:
        frame = container.frames[index]
    data = bytearray(stream.read_bytes())
    data[frame.offset + frame.length - 1] ^= 1
    stream.write_bytes(data)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".bmp", ".ppm"])
def test_pictures(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = streams(tmp_path)
    capsys.readouterr()
    output = tmp_path / f"back{suffix}"
    assert run("decode", stream, output) == 0
    np.testing.assert_array_equal(read(output), vaecompress.decode(stream.read_bytes()).pixels)
    assert capsys.readouterr().err.startswith(f"{stream} -> {output}  {WIDTH}x{HEIGHT}  ")


def test_the_reference_engine_gives_the_same_pixels(tmp_path: Path) -> None:
    stream = streams(tmp_path)
    assert run("decode", stream, tmp_path / "fast.png", "--threads", 1) == 0
    assert run("decode", stream, tmp_path / "slow.png", "--engine", "reference") == 0
    np.testing.assert_array_equal(read(tmp_path / "fast.png"), read(tmp_path / "slow.png"))


def test_openvino_gives_the_same_pixels(tmp_path: Path) -> None:
    if not has_openvino():
        pytest.skip("OpenVINO is not installed")
    stream = streams(tmp_path)
    assert run("decode", stream, tmp_path / "usual.png") == 0
    assert run("decode", stream, tmp_path / "other.png", "--engine", "openvino") == 0
    np.testing.assert_array_equal(read(tmp_path / "usual.png"), read(tmp_path / "other.png"))


def test_an_engine_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = streams(tmp_path)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(openvino_engine, "_core", openvino_engine._core.__wrapped__)
    registry._cached.cache_clear()
    capsys.readouterr()
    assert run("decode", stream, tmp_path / "b.png", "--engine", "openvino") == 5
    assert "pip install 'vaecompress[fast]'" in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_what_a_format_does_not_carry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "a.png", channels=4)
    assert run("encode", source, tmp_path / "a.bin", *MODEL) == 0
    capsys.readouterr()
    assert run("decode", tmp_path / "a.bin", tmp_path / "back.jpg") == 2
    assert "carries no alpha" in capsys.readouterr().err
    assert names(tmp_path) == ["a.bin", "a.png"]


def test_names_in_a_batch(tmp_path: Path) -> None:
    photos, out, back = tmp_path / "photos", tmp_path / "out", tmp_path / "back"
    save(photos / "a.png"), save(photos / "a.jpg"), save(photos / "sub" / "b.webp")
    clip(tmp_path, frames=2).rename(tmp_path / "clip.mov.bin")
    assert run("encode", photos, "-o", out, *MODEL) == 0
    assert run("decode", out, tmp_path / "clip.mov.bin", "-o", back, "-j", 2) == 0
    assert names(back) == ["a.jpg.png", "a.png", "clip.mov.mp4", "sub/b.webp"]


def test_resume_does_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    back = tmp_path / "back"
    stream, video = streams(tmp_path), clip(tmp_path, frames=2)
    words = ("decode", stream, video, "-o", back)
    assert run(*words) == 0
    (back / "a.png").unlink()
    capsys.readouterr()
    assert run(*words) == 8
    assert run(*words, "--resume", "--force") == 0
    assert f"{video} -> {back / 'clip.mp4'}  done already" in capsys.readouterr().err
    assert run(*words, "--resume") == 0
    save(back / "a.png", seed=3)
    assert run(*words, "--resume") == 8
    assert names(back) == ["a.png", "clip.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_video_files_are_lossless(suffix: str, tmp_path: Path) -> None:
    stream, output = clip(tmp_path), tmp_path / f"back{suffix}"
    assert run("decode", stream, output) == 0
    assert run("decode", stream, "-o", tmp_path / "all") == 0
    frames = [pixels for pixels, _ in open_video(output)]
    assert len(frames) == 4
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame, read(tmp_path / "all" / f"frame_{index:06}.png"))


def test_frames_of_a_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = clip(tmp_path)
    assert run("decode", stream, "-o", tmp_path / "some", "--frames", "1:3") == 0
    assert names(tmp_path / "some") == ["frame_000001.png", "frame_000002.png"]
    assert run("decode", stream, f"{tmp_path}/last/", "--frames", "3:") == 0
    assert names(tmp_path / "last") == ["frame_000003.png"]
    assert run("decode", stream, "-o", tmp_path / "none", "--frames", "2:9") == 2
    assert "has frames 0:4" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_frames_are_for_videos(tmp_path: Path) -> None:
    stream = streams(tmp_path)
    assert run("decode", stream, tmp_path / "b.png", "--frames", "0:1") == 2
    assert run("decode", stream, tmp_path / "b.png", "--crf", 20) == 2
    assert run("decode", clip(tmp_path), tmp_path / "b.jpg") == 2


def test_a_video_in_a_pipe_is_y4m(tmp_path: Path) -> None:
    stream = clip(tmp_path, frames=2)
    code, video, _ = finish(start("decode", stream, "-"))
    assert code == 0
    assert video.startswith(b"YUV4MPEG2 W80 H48 F24:1")
    assert video.count(b"FRAME\n") == 2


def test_damage_costs_one_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = clip(tmp_path)
    damage_frame(stream, 1)
    capsys.readouterr()
    assert run("decode", stream, tmp_path / "whole.mp4") == 4
    assert not (tmp_path / "whole.mp4").exists()
    capsys.readouterr()
    assert run("decode", stream, "-o", tmp_path / "part", "--allow-partial", "--json") == 4
    assert names(tmp_path / "part") == ["frame_000000.png", "frame_000002.png", "frame_000003.png"]
    captured = capsys.readouterr()
    assert "left out: frame 1: chunk FRAM" in captured.err
    record = json.loads(captured.out)
    assert record["frames"] == 3
    assert len(record["damage"]) == 1


def test_a_cut_off_video_gives_what_is_there(tmp_path: Path) -> None:
    stream = clip(tmp_path)
    with Container.open(stream) as container:
        cut = container.frames[2].offset + 1
    stream.write_bytes(stream.read_bytes()[:cut])
    assert run("decode", stream, tmp_path / "back.mp4") == 4
    assert run("decode", stream, tmp_path / "back.mp4", "--allow-partial") == 4
    assert len(list(open_video(tmp_path / "back.mp4"))) == 2


def test_nothing_is_written_where_no_frame_is_sound(tmp_path: Path) -> None:
    stream = clip(tmp_path, frames=1)
    damage_frame(stream, 0)
    assert run("decode", stream, tmp_path / "back.mp4", "--allow-partial") == 4
    assert names(tmp_path) == ["clip.bin", "frames/0.png"]


def test_one_frame_is_a_picture(tmp_path: Path) -> None:
    stream = clip(tmp_path, frames=3)
    assert run("decode", stream, "-o", tmp_path / "all") == 0
    assert run("decode", stream, tmp_path / "one.png", "--frames", "1") == 0
    np.testing.assert_array_equal(read(tmp_path / "one.png"), read(tmp_path / "all" / "frame_000001.png"))
    assert run("decode", stream, tmp_path / "one.jpg", "--frames", "0:1") == 0
    with Image.open(tmp_path / "one.jpg") as picture:
        assert picture.format == "JPEG"


def test_what_stays_beside_new_frames_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream, frames = clip(tmp_path, frames=3), tmp_path / "all"
    assert run("decode", stream, "-o", frames) == 0
    capsys.readouterr()
    assert run("decode", stream, "-o", frames, "--force", "--frames", ":2") == 0
    assert f"files that were in {frames} before and stay beside the frames: 1" in capsys.readouterr().err


def test_twins_of_one_name_are_both_decoded(tmp_path: Path) -> None:
    stream = streams(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a.jpg.bin", "a.jpg.png.bin", "b.jpg.bin"):
        (tmp_path / "in" / name).write_bytes(stream.read_bytes())
    assert run("decode", tmp_path / "in", "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["a.jpg.bin.png", "a.jpg.png.bin.png", "b.jpg.png"]


def test_fit_makes_a_small_picture_of_a_picture_or_of_a_frame(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stream in (streams(tmp_path), clip(tmp_path)):
        out = tmp_path / f"{stream.stem}-small.png"
        assert run("decode", stream, out, "--fit", 40) == 0
        assert read(out).shape == (24, 40, 3)
        assert "40x24" in capsys.readouterr().err
    assert run("decode", tmp_path / "clip.bin", tmp_path / "clip.mp4", "--fit", 40) == 2
    assert "--fit makes a picture" in capsys.readouterr().err
    assert not (tmp_path / "clip.mp4").exists()
