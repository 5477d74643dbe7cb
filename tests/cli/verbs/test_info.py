"""``vaecompress info`` and ``vaecompress models``."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import HEIGHT, WIDTH, clip, finish, run, start, streams

import vaecompress
from vaecompress.models import file as model_file
from vaecompress.models import installed, registry


def test_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = streams(tmp_path)
    capsys.readouterr()
    assert run("info", stream) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    size = stream.stat().st_size
    assert captured.err == ""
    assert lines[0] == f"{stream}: image, {WIDTH}x{HEIGHT} RGB, quality 60"
    assert lines[1] == f"  size    {size:,} bytes, {8 * size / (WIDTH * HEIGHT):.3f} bpp"
    assert lines[2] == "  tool    learned"
    assert lines[3].startswith("  model   tiny (")
    assert lines[4].startswith("  chunks  PICT ")


def test_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = clip(tmp_path, frames=3)
    capsys.readouterr()
    assert run("info", stream, "--verify") == 0
    out = capsys.readouterr().out
    assert "  frames  3 in 0.12 s, 24 a second\n" in out
    assert out.endswith("  every checksum is right\n")


def test_records_of_many_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = streams(tmp_path)
    capsys.readouterr()
    assert run("info", stream, tmp_path / "none", "--json") == 3
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["source"], first["width"], first["model"]) == (str(stream), WIDTH, "tiny")
    assert (second["source"], second["exit_code"]) == (str(tmp_path / "none"), 3)


def test_verify_reads_the_bodies(tmp_path: Path) -> None:
    stream = streams(tmp_path)
    data = bytearray(stream.read_bytes())
    data[-1] ^= 1
    stream.write_bytes(data)
    assert run("info", stream) == 0
    assert run("info", stream, "--verify") == 4


def test_standard_input(tmp_path: Path) -> None:
    code, out, lines = finish(start("info", "-", "--json"), streams(tmp_path).read_bytes())
    assert (code, lines) == (0, [])
    assert json.loads(out)["source"] == "-"


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    listed = {record["name"]: record for record in map(json.loads, capsys.readouterr().out.splitlines())}
    tiny = listed["tiny"]
    assert tiny["model_id"] == registry.load("tiny").model_id.hex()
    assert tiny["size_bytes"] == Path(tiny["path"]).stat().st_size
    assert not tiny["default"]
    assert tiny["decode_s"] is None
    assert [name for name, record in listed.items() if record["default"]] == ["base"]


def test_the_part_that_decodes_is_written_by_its_id_and_decodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_model_path: Path
) -> None:
    stream, shipped, folder = streams(tmp_path), tmp_path / "shipped", tmp_path / "decoders"
    wanted = vaecompress.decode(stream).pixels
    shipped.mkdir()
    shutil.copy(tiny_model_path, shipped / "tiny.vcm")
    monkeypatch.setattr(installed, "SHIPPED", shipped)
    capsys.readouterr()
    assert run("models", "--decoders", folder, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    part = folder / f"{record['model_id']}.vcm"
    assert record["decoder"] == {"path": str(part), "size_bytes": part.stat().st_size}
    assert part.stat().st_size < record["size_bytes"]
    monkeypatch.setattr(installed, "SHIPPED", tmp_path)
    monkeypatch.setenv(installed.FOLDER_VARIABLE, str(folder))
    assert np.array_equal(vaecompress.decode(stream).pixels, wanted)
    assert run("encode", tmp_path / "a.png", tmp_path / "b.bin", "--model", part) == 5


def test_models_in_words(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = model_file.load(tiny_model_path)
    rated = model_file.serialise({**file.card, "bd_rate_percent": -3.14}, file.networks, file.arrays)
    (tmp_path / "rated.vcm").write_bytes(rated)
    monkeypatch.setattr(installed, "SHIPPED", tmp_path)
    assert run("models", "--time") == 0
    words = r"rated +\w{16}  +[\d.]+ MB  +[\d.]+ kMAC/px  BD-rate -3\.1 %  768x512 decoded in [\d.]+ s  \(default\)"
    assert re.fullmatch(words, capsys.readouterr().out.strip())


def test_a_damaged_model_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.vcm").write_bytes(bytes(100))
    monkeypatch.setenv(installed.FOLDER_VARIABLE, str(tmp_path))
    assert run("models") == 4
    captured = capsys.readouterr()
    assert "tiny " in captured.out
    assert captured.err.startswith(f"vaecompress: {tmp_path / 'mine.vcm'}: ")
