"""Results survive the way to the file and back, and a run that was cut off."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.metrics import Quality
from vaecompress_eval.measure.results import Result, ResultCache

RESULT = Result(
    "a.png", "ab12", 48, 40, "webp", "1.6", "method 6", 30, 960, 0.01, 0.002, Quality(31.5, 32.5, 0.9, None, None)
)


def test_a_line_reads_back_equal() -> None:
    assert Result.from_json(RESULT.to_json()) == RESULT


def test_a_line_is_flat_and_states_bpp() -> None:
    fields = json.loads(RESULT.to_json())
    assert fields["bpp"] == 4.0
    assert fields["psnr_rgb_db"] == 31.5
    assert fields["ms_ssim"] is None


def test_the_cache_remembers_across_runs(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cache.jsonl"
    ResultCache(path).add(RESULT)
    again = ResultCache(path)
    assert again.get(RESULT.key) == RESULT
    for changed in (
        replace(RESULT, setting=31),
        replace(RESULT, version="1.7"),
        replace(RESULT, options="method 4"),
        replace(RESULT, picture_sha256="cd"),
    ):
        assert again.get(changed.key) is None


def test_a_line_cut_in_half_is_dropped_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    ResultCache(path).add(RESULT)
    with path.open("a") as file:
        file.write(RESULT.to_json()[:50])
    other = replace(RESULT, setting=40)
    ResultCache(path).add(other)
    reread = ResultCache(path)
    assert reread.get(RESULT.key) == RESULT
    assert reread.get(other.key) == other
