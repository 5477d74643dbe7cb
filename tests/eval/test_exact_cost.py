"""The cost of exactness, printed."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax", reason="needs jax: pip install 'vaecompress[train]'")

import imageio.v3 as iio
from vaecompress_eval import exact_cost


def test_it_prints_both_arithmetics_at_every_quality(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    waves = np.cumsum(np.cumsum(random.normal(size=(300, 280, 3)), 0), 1)
    iio.imwrite(tmp_path / "waves.png", np.uint8(128 + 127 * np.tanh(waves / waves.std())))
    exact_cost.main([str(tmp_path), "--model", "tiny"])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [int(line.split()[0]) for line in lines] == list(exact_cost.QUALITIES)
    rates = [float(line.split()[2]) for line in lines]
    assert rates == sorted(rates)
    assert all(abs(float(line.split()[-2])) < 20 for line in lines)
