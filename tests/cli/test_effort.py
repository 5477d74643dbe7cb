"""``vaecompress encode --effort``: pictures, videos, batches, the bar, and what is missing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import MODEL, names, run, save
from vaecompress_cli.console import Console

import vaecompress
from vaecompress.encoder import prepare
from vaecompress.encoder.effort import EFFORTS


def stand_in(_: object) -> Callable[..., Any]:
    """A refiner that tells its steps and changes nothing."""

    def refine(pixels: Any, y: Any, z: Any, quality: int, steps: int, weights: Any, progress: Any) -> tuple[Any, Any]:
        for step in range(steps if progress else 0):
            progress(step + 1, steps)
        return y, z

    return refine


def test_more_effort_makes_another_file_that_decodes(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    streams = []
    for level in (1, 3):
        output = tmp_path / f"{level}.bin"
        assert run("encode", source, output, *MODEL, "--effort", level) == 0
        streams.append(output.read_bytes())
        assert vaecompress.decode(streams[-1]).pixels.shape == (48, 80, 3)
    assert streams[0] != streams[1]
    assert run("encode", source, tmp_path / "usual.bin", *MODEL) == 0
    assert (tmp_path / "usual.bin").read_bytes() == streams[1]
    pixels = np.asarray(vaecompress.decode(streams[1]).pixels)
    assert vaecompress.encode(pixels, 60, model="tiny", effort=1) != vaecompress.encode(pixels, 60, model="tiny")


def test_goals_and_videos_take_an_effort(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", source, tmp_path / "a.bin", *MODEL, "--effort", 4, "--size", 700) == 0
    assert (tmp_path / "a.bin").stat().st_size <= 700
    sizes = []
    for level in (1, 2):
        clip = tmp_path / f"{level}.bin"
        assert run("encode", source, clip, "--fps", 24, *MODEL, "--effort", level) == 0
        assert run("decode", clip, "-o", tmp_path / f"frames{level}") == 0
        sizes.append(clip.stat().st_size)
    assert sizes[0] != sizes[1]


def test_resuming_with_another_effort_starts_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "in" / "a.png")
    words = ("encode", tmp_path / "in", "-o", tmp_path / "out", "--resume", *MODEL)
    assert run(*words, "--effort", 1) == 0
    assert run(*words, "--effort", 1) == 0
    assert "done already" in capsys.readouterr().err
    assert run(*words, "--effort", 2, "--force") == 0
    assert "done already" not in capsys.readouterr().err


def test_steps_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, int | None, str]] = []
    monkeypatch.setattr(prepare, "_refiner", stand_in)
    monkeypatch.setattr(Console, "progress", lambda self, *step: shown.append(step))
    assert run("encode", save(tmp_path / "a.png"), tmp_path / "a.bin", *MODEL, "--effort", 6) == 0
    steps = EFFORTS[6].steps
    assert shown == [(step, steps, "steps") for step in range(1, steps + 1)]


def test_without_jax_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "vaecompress.encoder.gradient_search", raising=False)
    prepare._refiner.cache_clear()
    assert run("encode", source, tmp_path / "a.bin", *MODEL, "--effort", 7) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "effort 7" in line
    assert "pip install 'vaecompress[train]'" in line
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("level", ["-1", "10", "fast"])
def test_levels_are_0_to_9(level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", save(tmp_path / "a.png"), tmp_path / "a.bin", *MODEL, "--effort", level) == 2
    assert f"'{level}' is no whole number from 0 to 9" in capsys.readouterr().err
