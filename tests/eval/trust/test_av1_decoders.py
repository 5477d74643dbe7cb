"""Planes of AV1 are the same under every decoder, and a difference is found."""

from pathlib import Path

import numpy as np
import PIL.features
import pytest
from vaecompress_eval.trust import av1_decoders

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*/av1-planes_*.bin"))

pytestmark = pytest.mark.skipif(not PIL.features.check("avif"), reason="needs a Pillow with AVIF")


def test_all_agree_on_the_golden_streams(capsys: pytest.CaptureFixture[str]) -> None:
    assert av1_decoders.main([str(path) for path in GOLDEN]) == 0
    names = {line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]}
    assert names >= {"Pillow", "PyAV"}


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"Pillow": av1_decoders.with_pillow}
    monkeypatch.setattr(av1_decoders, "decoders", lambda: one)
    assert av1_decoders.main([str(GOLDEN[0])]) == 1
    one["wrong"] = lambda still: np.asarray(255 - av1_decoders.with_pillow(still), np.uint8)
    assert av1_decoders.main([str(GOLDEN[0])]) == 1
    assert av1_decoders.main([]) == 1
