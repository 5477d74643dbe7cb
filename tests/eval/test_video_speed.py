"""Frames a second of video, measured on a small clip."""

import re
from pathlib import Path

import pytest
from clips import clip
from vaecompress_eval import video_speed


def test_a_table_of_rates_and_ratios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = clip(tmp_path / "a.mkv", frames=5)
    assert video_speed.main([str(source), "--model", "tiny", "--peer", "x264-medium"]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("| a.mkv, 48x32 |")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [cell[0] for cell in cells][1:] == ["its decoder without numba", "x264-medium, one thread"]
    assert re.fullmatch(r"vaecompress, \d+ cores", cells[0][0])
    own, without, peer = ([float(cell or "nan") for cell in row[1:]] for row in cells)
    assert own[2] == pytest.approx(own[0] / peer[0], rel=0.02, abs=1e-4)
    assert without[3] == pytest.approx(without[1] / peer[1], rel=0.02, abs=1e-4)
    assert peer[2:] == [1, 1]
    assert without[0] != without[0]


def test_wrong_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert video_speed.main([str(tmp_path / "no.mkv")]) == 3
    assert video_speed.main([str(clip(tmp_path / "a.mkv", frames=2)), "--peer", "x999"]) == 2
    assert "x999" in capsys.readouterr().err
