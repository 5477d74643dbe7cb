"""The long run, made short."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vaecompress_eval.trust import long_run


def test_a_short_one(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--pictures", "20", "--largest", "300x200", "--frames", "40", "--threads", "12", "--clip-models", "tiny"]
    code = long_run.main(words)
    output = capsys.readouterr().out
    assert code == 0, output
    assert "20 pictures, 2 broken, 2 named; 18 both ways" in output


def test_pictures_that_came_back_otherwise_are_found(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (8, 9, 4), np.uint8)
    other = samples.copy()
    other[0, 0, 3] ^= 1
    for name, array in {"a": samples, "alpha": other, "opaque": samples[:, :, :3], "narrow": samples[:, 1:]}.items():
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    Image.fromarray(255 - samples[:, :, :3]).save(tmp_path / "negative.png")
    (a, alpha, opaque, narrow, negative) = (
        tmp_path / f"{name}.png" for name in ("a", "alpha", "opaque", "narrow", "negative")
    )
    assert long_run.fault_of(a, a) is None
    faults = [long_run.fault_of(a, path) or "" for path in (alpha, opaque, narrow)]
    assert ["another alpha plane" in fault for fault in faults] == [True, True, False]
    assert "came back as (8, 8, 3), not (8, 9, 3)" in faults[2]
    assert "another picture" in (long_run.fault_of(opaque, negative) or "")
