"""Measuring clips: against a codec whose errors are known."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from stand_ins import write_clip

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("matplotlib", reason="the report needs matplotlib: pip install 'vaecompress[eval]'")
pytest.importorskip("av")

from vaecompress_eval import bench
from vaecompress_eval.measure.clips import Clip, ClipFrame, Planes
from vaecompress_eval.measure.metrics import Pixels
from vaecompress_eval.measure.results import Result, ResultCache
from vaecompress_eval.run.clips import psnr_yuv, run_clips
from vaecompress_eval.run.pictures import Failure


@dataclass(frozen=True)
class Shifted:
    """A decoded frame: luma off by ``error``."""

    original: ClipFrame
    error: int

    @property
    def planes(self) -> Planes:
        luma, blue, red = self.original.planes
        return (luma.astype(int) + np.where(luma < 128, self.error, -self.error)).astype(np.uint8), blue, red

    @property
    def rgb(self) -> Pixels:
        return (self.original.rgb.astype(int) // 2 * 2).astype(np.uint8)


@dataclass(frozen=True)
class Shifter:
    """A codec that writes a hundred bytes and moves luma by its setting; ``lost`` frames do not come back."""

    name: str = "shifter"
    description: str = "shifts luma"
    settings: tuple[float, ...] = (4, 2)
    lost: int = 0

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "1"

    def encode(self, clip: Clip, setting: float, target: Path) -> None:
        target.write_bytes(bytes([int(setting)]) * 100)

    def decode(self, clip: Clip, file: Path) -> Iterator[ClipFrame]:
        error = file.read_bytes()[0]
        frames = list(clip.frames())
        return (Shifted(frame, error) for frame in frames[self.lost :])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mkv")
    return tmp_path / "clip.mkv"


def test_a_clip_is_measured_in_yuv_bits_and_seconds(clip: Path, tmp_path: Path) -> None:
    found = run_clips([clip], [Shifter()], ResultCache(tmp_path / "cache"), lambda *_: None)
    first, second = found.results
    assert (first.frames, first.duration_s, first.file_bytes) == (6, 0.24, 100)
    assert first.bpp == 800 / (64 * 48 * 6)
    assert first.kbit_per_s == pytest.approx(0.8 / 0.24)
    error_4_db, error_2_db = (20 * np.log10(255 / error) for error in (4, 2))
    assert first.quality.psnr_luma_db == pytest.approx(error_4_db)
    assert first.quality.psnr_yuv_db == pytest.approx((6 * error_4_db + 100 + 100) / 8)
    assert second.quality.psnr_luma_db == pytest.approx(error_2_db)
    assert first.quality.psnr_rgb_db == pytest.approx(20 * np.log10(255 / np.sqrt(0.5)), abs=0.5)


def test_results_of_clips_are_remembered(clip: Path, tmp_path: Path) -> None:
    found = run_clips([clip], [Shifter()], ResultCache(tmp_path / "cache"), lambda *_: None)
    lines = (tmp_path / "cache").read_text().splitlines()
    assert [Result.from_json(line) for line in lines] == found.results
    assert json.loads(lines[0])["kbit_per_s"] == found.results[0].kbit_per_s


def test_lost_frames_are_a_failure(clip: Path, tmp_path: Path) -> None:
    found = run_clips([clip], [Shifter(lost=1)], ResultCache(tmp_path / "cache"), lambda *_: None)
    assert found.results == []
    assert all(isinstance(one, Failure) and "ValueError" in one.reason for one in found.failures)


def test_yuv_psnr_weighs_luma_six_to_one() -> None:
    zero, eight, four = (np.full((4, 4), value, np.uint8) for value in (0, 8, 4))
    of_8, of_4 = (20 * np.log10(255 / error) for error in (8, 4))
    assert psnr_yuv((zero, zero, zero), (eight, four, zero)) == pytest.approx((6 * of_8 + of_4 + 100) / 8)


def test_a_folder_of_clips_becomes_a_report(clip: Path, tmp_path: Path) -> None:
    (clip.parent / "manifest.csv").touch()
    report, cache = tmp_path / "out" / "report", tmp_path / "out" / "cache"
    text = bench.run_bench(
        clip.parent,
        ["x264-medium"],
        report,
        test="x265-intra",
        cache=cache,
        min_bpp=0.0,
        max_bpp=99.0,
    )
    assert text.startswith("BD-rate of x265-intra on 1 clip")
    assert "| x264-medium | +" in text
    assert re.search(r"\| x264-medium \| [\d.]+ \| [\d.]+ s \([\d.]+ frames/s\) \| [\d.]+ s \([\d.]+ frames/s\)", text)
    assert "also in the folder and not measured: manifest.csv" in text
    page = (report / "report.html").read_text()
    assert '"noun":"clip"' in page
    assert '"picture":"clip.mkv, frame 3"' in page
