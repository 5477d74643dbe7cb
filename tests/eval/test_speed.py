"""Whole processes, timed."""

from pathlib import Path

import pytest
from PIL import Image, features
from stand_ins import Quantiser, natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.peers import find_peers
from vaecompress_eval.speed import ROUNDS, measure_speed, speed_table


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_a_process_costs_more_than_the_call_in_it(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(natural(160, 200)).save(path)
    steps: list[tuple[int, int]] = []
    broken = Quantiser(name="broken", refuse=64)
    (speed,) = measure_speed(path, [*find_peers(["webp"]), broken], lambda done, total, _: steps.append((done, total)))
    assert speed.codec == "webp"
    assert speed.bpp == pytest.approx(0.5, abs=0.25)
    for cost in (speed.encode, speed.decode):
        assert cost.process_s > cost.codec_s > 0.0
        assert cost.peak_bytes is None or 10e6 < cost.peak_bytes < 500e6
    assert steps == [(turn, ROUNDS) for turn in range(ROUNDS)]
    assert f"| webp | {speed.bpp:.3f} | {speed.encode.process_s:.2f} s (" in speed_table([speed])
