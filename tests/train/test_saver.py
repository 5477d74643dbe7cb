"""Checkpoints are written while training goes on."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.errors import DivergedError, OutputError
from vaecompress.train import checkpoint
from vaecompress.train.saver import WEIGHTS_NAME, Saver
from vaecompress.train.step import TrainState


def state(step: int, value: float = 1.0) -> TrainState:
    leaf = {"a": np.full(3, value, np.float32)}
    return TrainState(np.int32(step), leaf, leaf, leaf, leaf)  # type: ignore[arg-type]


def test_what_was_saved_is_there_when_the_context_is_left(tmp_path: Path) -> None:
    with Saver(tmp_path) as saver:
        saver.save(state(4, 0.5), {"minutes": 2.5})
    step, saved, meta = checkpoint.load_state(tmp_path, state(0))
    assert (step, meta) == (4, {"minutes": 2.5})
    np.testing.assert_array_equal(saved.params["a"], 0.5)
    weights, meta = checkpoint.load_weights(tmp_path / WEIGHTS_NAME)
    assert (set(weights), meta) == ({"params", "ranges"}, {"step": 4, "minutes": 2.5})


def test_saving_does_not_wait_for_the_disk_but_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, written = threading.Event(), []

    def slow(folder: Path, step: int, *rest: Any) -> None:
        assert disk.wait(10)
        written.append(step)

    monkeypatch.setattr(checkpoint, "save_state", slow)
    with Saver(tmp_path) as saver:
        saver.save(state(1), {})
        assert not written
        disk.set()
        saver.save(state(2), {})
        assert written[0] == 1
    assert written == [1, 2]


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise OutputError("no room")

    def save_twice() -> None:
        with Saver(tmp_path) as saver:
            saver.save(state(1), {})
            saver.save(state(2), {})

    monkeypatch.setattr(checkpoint, "save_state", fail)
    with pytest.raises(OutputError, match="no room"):
        save_twice()


def test_what_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    with Saver(tmp_path) as saver, pytest.raises(DivergedError, match="not finite at step 7"):
        saver.save(state(7, np.nan), {})
    assert checkpoint.latest_step(tmp_path) is None
