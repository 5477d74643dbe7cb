"""Whole processes, timed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from stand_ins import Quantiser, natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval import speed
from vaecompress_eval.peers.catalogue import find_peers
from vaecompress_eval.run.processes import ROUNDS, measure_speed, speed_table


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_a_process_costs_more_than_the_call_in_it(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(natural(160, 200)).save(path)
    steps: list[tuple[int, int]] = []
    broken = Quantiser(name="broken", refuse=64)
    peers = [*find_peers(["webp"]), broken]
    (speed,) = measure_speed(path, peers, progress=lambda done, total, _: steps.append((done, total)))
    assert (speed.source, speed.codec) == ("picture.png", "webp")
    assert speed.bpp == pytest.approx(0.5, abs=0.25)
    for cost in (speed.encode, speed.decode):
        assert cost.process_s > cost.codec_s > 0.0
        assert cost.peak_bytes is None or 10e6 < cost.peak_bytes < 500e6
        assert cost.codec_bytes is None or 0 <= cost.codec_bytes < 100e6
    assert steps == [(turn, ROUNDS) for turn in range(ROUNDS)]
    assert f"| webp | {speed.bpp:.3f} | {speed.encode.process_s:.2f} s (" in speed_table([speed])


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_the_call_that_takes_memory_is_told_from_the_process(tmp_path: Path) -> None:
    """A decoded picture of 2,000 x 2,000 pixels alone is 12 MB, which reading its file of a few kB is not."""
    (webp,) = find_peers(["webp"])
    (tmp_path / "flat.webp").write_bytes(webp.encode(np.full((2000, 2000, 3), 9, np.uint8), 50))
    command = [sys.executable, "-m", "vaecompress_eval.run.one_file", "decode-picture", "webp", "50", "-"]
    told = subprocess.run([*command, str(tmp_path / "flat.webp")], check=True, capture_output=True).stdout
    if not told:
        pytest.skip("this system does not tell a process its memory")
    memory = json.loads(told)
    assert memory["peak_bytes"] > memory["codec_bytes"] > 12e6
    assert (tmp_path / "flat.samples").stat().st_size == 12e6


def test_timing_one_codec_loads_nothing_that_measures(tmp_path: Path) -> None:
    """Start-up is part of what is timed."""
    code = "import sys, vaecompress_eval.run.one_file, vaecompress_eval.peers.catalogue; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert {"skimage", "scipy", "matplotlib", "onnxruntime", "tensorflow", "av"}.isdisjoint(loaded)


def test_one_thread_of_two_checkouts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, here = tmp_path / "small.png", Path(speed.__file__).resolve().parents[1]
    Image.fromarray(natural(48, 64)).save(path)
    assert speed.main([str(path), "--against", str(here), "--efforts", "1", "--rounds", "2"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    assert head.startswith("| small.png, one thread | CPU s | megapixels/s |")
    assert [row[0] for row in rows] == ["encode, effort 1", "before", "ratio", "decode", "before", "ratio"]
    encode, before, ratio = rows[:3]
    assert encode[5:] == before[5:]
    assert ratio[5:] == ["1.0000", "+0.000"]
    for row in rows:
        assert float(row[1]) > 0.0
        assert row[3] == "-" or float(row[3]) > 0.0
    assert float(encode[2]) == pytest.approx(48 * 64 / 1e6 / float(encode[1]), abs=0.01)


def test_what_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.png"
    Image.fromarray(natural(48, 64)).save(path)
    assert speed.main([str(path), "--against", str(tmp_path)]) == 3
    assert "is no checkout" in capsys.readouterr().err
