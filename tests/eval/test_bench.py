"""The command: from a folder to a report, and what it says when it cannot."""

import sys
from pathlib import Path

import pytest
from PIL import features
from stand_ins import write_pictures

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("matplotlib", reason="the report needs matplotlib: pip install 'vaecompress[eval]'")

from vaecompress_eval import bench
from vaecompress_eval.run import processes


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_a_folder_becomes_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ROUNDS", 1)
    pictures, report, cache = tmp_path / "pictures", tmp_path / "report", tmp_path / "cache.jsonl"
    pictures.mkdir()
    write_pictures(pictures)
    text = bench.run_bench(pictures, ["webp"], report, test="jpeg-444", cache=cache, min_bpp=0.0, max_bpp=99.0)
    assert text.startswith("BD-rate of jpeg-444 on 2 pictures")
    assert (report / "report.md").read_text() == text
    names = {path.name for path in report.iterdir()}
    assert names == {"report.md", "report.html", "results.jsonl", "psnr.svg", "psnr.png", "ms_ssim.svg", "ms_ssim.png"}
    assert sorted(cache.read_text().splitlines()) == sorted((report / "results.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    ("peers", "pictures", "code", "message"),
    [("bogus", 1, 2, "unknown peer bogus"), ("webp", 0, 3, "holds no picture")],
)
def test_what_cannot_run_is_one_line_and_an_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    peers: str,
    pictures: int,
    code: int,
    message: str,
) -> None:
    write_pictures(tmp_path, pictures)
    arguments = ["bench", str(tmp_path), "--peers", peers, "-o", str(tmp_path / "report")]
    monkeypatch.setattr(sys, "argv", [*arguments, "--cache", str(tmp_path / "cache")])
    assert bench.main() == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_a_stopped_run_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_bench", stop)
    monkeypatch.setattr(sys, "argv", ["bench", str(tmp_path), "-o", str(tmp_path / "report")])
    assert bench.main() == 130
    assert "the same command goes on from there" in capsys.readouterr().err
