"""``vaecompress inspect``: a report that stands alone, numbers that add up, and options that fit the file."""

import json
import re
from pathlib import Path

import pytest
from command import MODEL, clip, finish, run, save, start, streams


def test_a_report_needs_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream, report = streams(tmp_path), tmp_path / "a.html"
    capsys.readouterr()
    assert run("inspect", stream, "-o", report, "--original", tmp_path / "a.png") == 0
    words, page = capsys.readouterr().out, report.read_text()
    assert "context step 2" in words
    assert page.count('src="data:image/webp;base64,') > 20
    assert not re.findall(r"https?://", page)
    assert "Where it errs" in page
    assert run("inspect", stream, "-o", report) == 8
    assert run("inspect", stream, "-o", report, "--force", "--quiet") == 0
    assert "Where it errs" not in report.read_text()
    assert capsys.readouterr().out == ""


def test_the_numbers_of_a_picture_are_those_of_its_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = streams(tmp_path, ("-q", 40))
    capsys.readouterr()
    assert run("inspect", stream, "--json") == 0
    assert run("inspect", tmp_path / "a.png", "--json", "-q", 40, *MODEL) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["parts"] == second["parts"]
    assert first["psnr_db"] is None
    assert second["psnr_db"] > 25
    assert sum(first["parts"].values()) == pytest.approx(stream.stat().st_size, abs=0.1)


def test_pipes_and_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = finish(start("inspect", "-", "--json"), streams(tmp_path).read_bytes())
    assert (code, json.loads(out)["source"]) == (0, "-")
    video = clip(tmp_path)
    capsys.readouterr()
    assert run("inspect", video, "-o", tmp_path / "clip.html") == 0
    assert "layer 0, 4 frames" in capsys.readouterr().out
    assert "on its own" in (tmp_path / "clip.html").read_text()


def test_what_does_not_fit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream, picture = streams(tmp_path), tmp_path / "a.png"
    assert run("inspect", stream, "-q", 40) == 2
    assert run("inspect", picture, "--original", picture) == 2
    assert run("inspect", tmp_path / "none.bin") == 3
    assert run("inspect", stream, "-o", "-") == 2
    other = save(tmp_path / "deep" / "b.png")
    other.write_bytes(b"no picture")
    assert run("inspect", other) == 3
    stream.write_bytes(stream.read_bytes()[:-5])
    assert run("inspect", stream) == 4


def test_a_picture_without_latents_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", save(tmp_path / "a.png"), tmp_path / "a.bin", "--lossless") == 0
    capsys.readouterr()
    assert run("inspect", tmp_path / "a.bin", "--json") == 2
    assert "is coded with webp-lossless" in capsys.readouterr().err
