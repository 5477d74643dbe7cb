"""The study of training: resuming, and a whole small run of it."""

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

import study_models
from vaecompress_eval.study import __main__ as study
from vaecompress_eval.study.results import Check, Outcome, Results
from vaecompress_eval.study.run import Clock

from vaecompress.train import presets


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a study of a minimal model, on three pictures, into ``tmp_path / "study"``."""
    monkeypatch.setitem(presets.PRESETS, "tiny", study_models.PRESET)
    for index in range(3):
        pixels = study_models.Crops().batch(index, 1, 256)[0]
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    (tmp_path / "validation.txt").write_text("2.png\n")
    where = [str(tmp_path), "--validation", str(tmp_path / "validation.txt"), "-o", str(tmp_path / "study")]
    return [*where, "--preset", "tiny", "--steps", "5"]


class Stub:
    """Stands for a row's training: counts what is asked for, and presses Ctrl-C at ``interrupt_at``."""

    asked: ClassVar[Counter[tuple[str, int]]] = Counter()
    interrupt_at = 0

    def __init__(self, setup, batches, pictures, minutes):
        self.seed = setup.preset.recipe.seed
        Stub.interrupt_at -= 1
        if Stub.interrupt_at == 0:
            raise KeyboardInterrupt

    def outcome(self, name, report):
        Stub.asked[name, self.seed] += 1
        return Outcome(name, self.seed, 1.0, False, [Check(0.1, 5, 100, [1.0] * 5, [1.0] * 5)])


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> type[Stub]:
    monkeypatch.setattr(study, "Training", Stub)
    monkeypatch.setattr(study, "plot", lambda outcomes, folder: [])
    monkeypatch.setattr(Stub, "asked", Counter())
    monkeypatch.setattr(Stub, "interrupt_at", 0)
    return Stub


def test_the_baseline_comes_first_with_every_seed() -> None:
    rows = study.chosen(["cosine", "adam"], None)
    names = [(row.name, seed) for row, seed in study.jobs(rows, [3, 4])]
    assert names == [("baseline", 3), ("baseline", 4), ("adam", 3), ("cosine", 3), ("adam", 4), ("cosine", 4)]


def test_a_study_that_was_stopped_goes_on(command, stub, capsys, tmp_path) -> None:
    rows = [*command, "--rows", "adam,soft", "--seeds", "0,1"]
    stub.interrupt_at = 4
    assert study.main(rows) == 130
    assert "goes on from there" in capsys.readouterr().err
    assert sum(stub.asked.values()) == 3
    assert study.main(rows) == 0
    assert stub.asked == Counter((name, seed) for name in ("baseline", "adam", "soft") for seed in (0, 1))
    assert sorted(path.name for path in (tmp_path / "study").glob("*.jsonl")) == ["seed-0.jsonl", "seed-1.jsonl"]


def test_a_line_cut_short_is_trained_again(command, stub, tmp_path) -> None:
    rows = [*command, "--rows", "adam,soft", "--seeds", "0"]
    study.main(rows)
    path = tmp_path / "study" / "seed-0.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert study.main(rows) == 0
    assert stub.asked == {("baseline", 0): 1, ("adam", 0): 1, ("soft", 0): 2}
    assert len(path.read_text().splitlines()) == 3


def test_two_studies_of_one_folder_keep_what_the_other_wrote(tmp_path) -> None:
    check = Check(minutes=1.0, steps=2, pixels=3, losses=[4.0], ms_ssim_losses=[5.0])
    one, other = Results(tmp_path), Results(tmp_path)
    one.add(Outcome("baseline", 0, 1.0, False, [check]))
    other.add(Outcome("noise", 0, 1.0, False, [check]))
    one.add(Outcome("soft", 0, 1.0, False, [check]))
    assert [found.row for found in Results(tmp_path).outcomes] == ["baseline", "noise", "soft"]


def test_a_folder_holds_one_budget(command, stub, capsys) -> None:
    assert study.main([*command, "--rows", "adam"]) == 0
    assert study.main([*command[:-1], "6", "--rows", "adam"]) == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--rows", "adam,none-such"], ["--group", "none-such"]])
def test_unknown_rows_are_named(command, wrong, capsys) -> None:
    assert study.main([*command, *wrong]) == 2
    assert "none-such; there are" in capsys.readouterr().err


def test_a_folder_without_results_has_no_table(tmp_path, capsys) -> None:
    assert study.main(["-o", str(tmp_path), "--table"]) == 3
    assert "no results" in capsys.readouterr().err


def test_the_clock_stands_still_in_a_pause(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.process_time", lambda: now[0])
    clock = Clock()
    now[0] += 60.0
    with clock.paused():
        now[0] += 1000.0
    now[0] += 30.0
    assert clock.minutes == pytest.approx(1.5)


def test_a_small_study(command, capsys, tmp_path) -> None:
    assert study.main([*command, "--rows", "exact-20", "--seeds", "1"]) == 0
    baseline, exact = Results(tmp_path / "study").outcomes
    assert (baseline.row, exact.row) == ("baseline", "exact-20")
    assert [check.steps for check in exact.checks] == [1, 2, 3, 4, 5]
    assert exact.last.pixels == 5 * 2 * 64 * 64
    assert exact.last.losses != baseline.last.losses
    assert exact.checks[0].losses == pytest.approx(baseline.checks[0].losses, rel=1e-5)
    assert np.all(np.isfinite([check.losses + check.ms_ssim_losses for check in exact.checks]))
    assert "| exact-20 |" in capsys.readouterr().out
    with Image.open(tmp_path / "study" / "exact.png") as picture:
        assert picture.size[0] > 900
    assert json.loads((tmp_path / "study" / "study.json").read_text())["steps"] == 5
