"""Sound from a video file to a video file by the command line."""

import json
from pathlib import Path

import pytest
from clips import Sine, clip, packets
from command import MODEL, names, run, save

from vaecompress.bitstream import Container
from vaecompress.media.video import open_video

FRAMES = 6


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    source = clip(tmp_path / "a.mp4", Sine(seconds=0.25), frames=FRAMES)
    assert run("encode", source, tmp_path / "a.bin", *MODEL) == 0
    return tmp_path / "a.bin"


def damage_sound(stream: Path) -> None:
    with Container.open(stream) as container:
        entry = container.find("audi")
        assert entry is not None
    data = bytearray(stream.read_bytes())
    data[entry.offset + entry.length - 1] ^= 1
    stream.write_bytes(data)


def sounds(path: Path) -> list[list[bytes]]:
    return [[data for _, data in one] for one in packets(path)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_it_comes_along(stream: Path, tmp_path: Path, suffix: str) -> None:
    assert run("decode", stream, tmp_path / f"back{suffix}", "--crf", 20) == 0
    assert sounds(tmp_path / f"back{suffix}") == sounds(tmp_path / "a.mp4") != []


def test_no_audio_leaves_it_out_both_ways(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", stream, tmp_path / "mute.mp4", "--no-audio") == 0
    assert packets(tmp_path / "mute.mp4") == []
    capsys.readouterr()
    assert run("encode", tmp_path / "a.mp4", tmp_path / "mute.bin", "--no-audio", "--json", *MODEL) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["sound_bytes"], record["notes"]) == (0, [])
    assert (tmp_path / "mute.bin").stat().st_size < stream.stat().st_size / 2


def test_info_names_it(stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("info", stream) == 0
    told = capsys.readouterr().out
    assert "  sound   aac, 44100 Hz, mono, deu\n" in told
    assert "audi " in told
    assert run("info", "--json", stream) == 0
    assert json.loads(capsys.readouterr().out)["sound"] == ["aac, 44100 Hz, mono, deu"]


def test_some_frames_have_their_sound(stream: Path, tmp_path: Path) -> None:
    assert run("decode", stream, tmp_path / "some.mp4", "--frames", "2:4") == 0
    (all_of_it,), (some,) = sounds(tmp_path / "a.mp4"), sounds(tmp_path / "some.mp4")
    start = all_of_it.index(some[0])
    assert start > 0
    assert some == all_of_it[start : start + len(some)]
    assert 3 <= len(some) <= 6  # 83 ms in packets of 23 ms


def test_damage_costs_the_sound_only(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage_sound(stream)
    capsys.readouterr()
    assert run("decode", stream, tmp_path / "back.mp4") == 4
    assert "sound: chunk audi at byte" in capsys.readouterr().err
    assert "back.mp4" not in names(tmp_path)
    assert run("decode", stream, tmp_path / "back.mp4", "--allow-partial") == 4
    assert "left out: sound: chunk audi at byte" in capsys.readouterr().err
    assert packets(tmp_path / "back.mp4") == []
    assert len(list(open_video(tmp_path / "back.mp4"))) == FRAMES
    assert run("decode", stream, tmp_path / "mute.mp4", "--no-audio") == 0


def test_formats_without_sound_say_so(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("decode", stream, tmp_path / "back.y4m") == 0
    assert "no room for its sound: write .mp4 or .mkv" in capsys.readouterr().err
    assert run("decode", stream, "-o", f"{tmp_path}/frames/") == 0
    assert "no room for its sound" in capsys.readouterr().err


def test_a_batch_keeps_sound_with_its_stamp(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("encode", tmp_path / "a.mp4", "-o", f"{tmp_path}/out/", "--resume", *MODEL)
    assert run(*words) == 0
    assert run("decode", tmp_path / "out" / "a.mp4.bin", tmp_path / "back.mp4") == 0
    assert sounds(tmp_path / "back.mp4") == sounds(tmp_path / "a.mp4")
    capsys.readouterr()
    assert run(*words) == 0
    assert "done already" in capsys.readouterr().err
    assert run(*words, "--no-audio") == 8


def test_a_size_counts_it_and_a_rate_does_not(stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = stream.stat().st_size
    with Container.open(stream) as container:
        entry = container.find("audi")
        assert entry is not None
        frames_kbps = 8 * (size - entry.length) / 1000 / 0.25
    assert run("encode", tmp_path / "a.mp4", tmp_path / "size.bin", "--size", size - 200, *MODEL) == 0
    assert size - 400 < (tmp_path / "size.bin").stat().st_size <= size - 200
    capsys.readouterr()
    assert run("encode", tmp_path / "a.mp4", tmp_path / "rate.bin", "--kbps", frames_kbps, "--json", *MODEL) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kbit_per_s"] == pytest.approx(frames_kbps, rel=0.05)
    assert record["sound_bytes"] == entry.length
    assert run("encode", tmp_path / "a.mp4", tmp_path / "none.bin", "--size", entry.length, *MODEL) == 7
    assert "are taken without any frame" in capsys.readouterr().err


def test_a_picture_has_no_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", save(tmp_path / "a.png"), tmp_path / "a.bin", "--kbps", 100, *MODEL) == 2
    assert "kilobits a second are for videos" in capsys.readouterr().err
