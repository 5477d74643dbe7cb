"""What is usual of a model: the median of real files, and on its card where that is asked for."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from photo import photo
from PIL import Image
from vaecompress_eval import usual_psnr

from vaecompress.encoder.tools.usual import usual_psnr_db
from vaecompress.models import file as model_file


def test_the_median_is_printed_and_written(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, factor in enumerate((0.2, 1, 1)):
        Image.fromarray((photo() * factor).astype(np.uint8)).save(tmp_path / f"{index}.png")
    model = tmp_path / "mine.vcm"
    shutil.copy(tiny_model_path, model)
    before = model_file.load(model)
    words = ["usual_psnr", *(str(tmp_path / f"{index}.png") for index in range(3)), "--crop", "64", "--write"]
    monkeypatch.setattr(sys, "argv", words)
    assert usual_psnr.main() == 2
    monkeypatch.setattr(sys, "argv", [*words, "--model", str(model)])
    assert usual_psnr.main() == 0
    after = model_file.load(model)
    assert after.model_id == before.model_id
    printed = dict(pair.split(": ") for pair in capsys.readouterr().out.strip().split(", "))
    assert list(printed) == ["1", *map(str, range(10, 101, 10))]
    assert all(usual_psnr_db(int(quality), after.card) == float(value) for quality, value in printed.items())
    values = list(map(float, printed.values()))
    assert values == sorted(values)
