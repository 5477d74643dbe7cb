"""Learning curves as rate-distortion gains."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval import training_run

from vaecompress.train.curves import CurveLog, CurveRow


def evaluated(step: int, factor: float) -> list[CurveRow]:
    return [
        CurveRow(step, step / 60, step * 1000, f"q{i}", bpp=factor * 0.1 * 2**i, psnr_db=28.0 + 3 * i) for i in range(5)
    ]


ROWS = [*evaluated(600, 1.2), CurveRow(900, 15.0, 900_000, "train", 1.0, 0.5, 30.0), *evaluated(1200, 1.0)]


def test_training_batches_are_no_evaluations() -> None:
    assert [one.step for one in training_run.evaluations(ROWS)] == [600, 1200]


def test_each_line_tells_the_gap_to_the_last() -> None:
    first, last = training_run.table(training_run.evaluations(ROWS)).splitlines()[2:]
    assert first == "| 600 | 10 | 0.120 to 1.920 | 28.00 to 40.00 | +20.00 % |"
    assert last.endswith("| +0.00 % |")


def test_the_command_reads_a_run(tmp_path: Path, monkeypatch, capsys) -> None:
    log = CurveLog(tmp_path / "curves.csv")
    for row in ROWS:
        log.append(row)
    monkeypatch.setattr(sys, "argv", ["training_run", str(tmp_path)])
    assert training_run.main() == 0
    assert "+20.00 %" in capsys.readouterr().out


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["training_run", str(tmp_path)])
    assert training_run.main() == 3
    assert "no learning curves here" in capsys.readouterr().err
