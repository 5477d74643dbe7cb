"""The table of time against what a longer search gains."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from vaecompress_eval import effort
from vaecompress_eval.measure.bd_rate import Point


def test_it_measures_real_files_at_every_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    waves = np.cumsum(np.cumsum(random.normal(size=(70, 90, 3)), 0), 1)
    iio.imwrite(tmp_path / "waves.png", np.uint8(128 + 127 * np.tanh(waves / waves.std())))
    monkeypatch.setattr(effort, "QUALITIES", (10, 30, 50, 70, 90))
    assert effort.main([str(tmp_path), "--model", "tiny", "--levels", "2"]) == 0
    first, second = (line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:])
    assert first[0] == "| 1"
    assert first[2:] == ["+0.00 %", "+0.00 % (waves.png) |"]
    assert float(second[2].removesuffix(" %")) < -1
    assert second[3].removesuffix(" |") == f"{second[2]} (waves.png)"


def test_a_crop_is_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "QUALITIES", (50,))
    pixels = np.random.default_rng(1).integers(0, 255, (70, 50, 3), np.uint8)
    for name, kept in (("whole", pixels), ("middle", pixels[19:51, 9:41])):
        (tmp_path / name).mkdir()
        iio.imwrite(tmp_path / name / "a.png", kept)
    (whole,), (middle,) = (effort.run([tmp_path / name], [1], "tiny", crop=32) for name in ("whole", "middle"))
    assert whole.point == middle.point


def test_the_picture_that_gains_least_is_named() -> None:
    def measured(level: int, picture: str, rate: float) -> list[effort.Measured]:
        points = ((quality, Point(rate * quality, float(quality))) for quality in effort.QUALITIES)
        return [effort.Measured(level, picture, quality, point, 1.0 + level) for quality, point in points]

    found = [*measured(1, "a", 1), *measured(1, "b", 1), *measured(9, "a", 0.8), *measured(9, "b", 0.9)]
    assert effort.table(found).splitlines()[-1] == "| 9 | 10.00 | -15.00 % | -10.00 % (b) |"


def test_nonsense_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert effort.main([str(tmp_path), "--levels", "fast"]) == 2
    assert effort.main([str(tmp_path), "--model", "tiny"]) == 3
    iio.imwrite(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    assert effort.main([str(tmp_path), "--model", "tiny", "--levels", "10"]) == 2
    assert "from 0 to 9" in capsys.readouterr().err
