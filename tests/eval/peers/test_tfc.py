"""The peer of tensorflow-compression's own parts: trained for a moment, then real bytes both ways."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stand_ins import natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.peers import tfc, tfc_train
from vaecompress_eval.peers.tfc import LAMBDAS, TfcPeer, weights_folder, weights_path

from vaecompress.train.data.resident import Resident


class Reader:
    """In place of the progress bar: reads the losses off it."""

    def __init__(self, losses: list[float]) -> None:
        self._losses = losses

    def __call__(self, done: int, total: int, current: str) -> None:
        self._losses.append(float(current.rpartition(" ")[2]))

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tfc._coder.cache_clear()


@pytest.fixture
def data(tmp_path: Path) -> Resident:
    Image.fromarray(natural(96, 96)).save(tmp_path / "picture.png")
    return Resident.load([tmp_path / "picture.png"], rescale=False)


def test_an_untrained_peer_names_the_command_that_trains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfc, "find_spec", lambda name: object())
    assert TfcPeer().missing() == "python -m vaecompress_eval.peers.tfc_train PICTURES"
    monkeypatch.setattr(tfc, "find_spec", lambda name: None)
    assert "vaecompress[tfc]" in str(TfcPeer().missing())


def test_training_goes_on_with_the_lambda_it_stopped_at(monkeypatch: pytest.MonkeyPatch, data: Resident) -> None:
    trained: list[tuple[float, int]] = []

    def train(_data: Resident, lmbda: float, steps: int, _batch: int, _crop: int, path: Path) -> float:
        if len(trained) == 2:
            trained.clear()
            raise KeyboardInterrupt
        trained.append((lmbda, steps))
        path.write_bytes(b"")
        return 1.0

    monkeypatch.setattr(tfc_train, "train", train)
    with pytest.raises(KeyboardInterrupt):
        tfc_train.train_all(data, 5, 1, 64)
    tfc_train.train_all(data, 5, 1, 64)
    assert trained == [(LAMBDAS[2], 5), (LAMBDAS[3], 5)]
    trained.clear()
    with pytest.raises(KeyboardInterrupt):
        tfc_train.train_all(data, 6, 1, 64)
    assert json.loads((weights_folder() / "recipe.json").read_text())["steps"] == 6
    assert [weights_path(lmbda).exists() for lmbda in LAMBDAS] == [True, True, False, False]


def test_training_writes_weights_that_code_pictures(monkeypatch: pytest.MonkeyPatch, data: Resident) -> None:
    pytest.importorskip("tensorflow_compression", reason="tensorflow-compression exists for Python 3.11 only")
    import tensorflow as tf
    from vaecompress_eval.peers import tfc_model

    for name, value in {"FILTERS": 4, "LATENTS": 6, "SCALE_MAX": 4.0, "SCALES": 6}.items():
        monkeypatch.setattr(tfc_model, name, value)
    losses: list[float] = []
    monkeypatch.setattr(tfc_train, "ProgressBar", lambda: Reader(losses))
    with monkeypatch.context() as patch:
        patch.setattr(tf, "function", lambda step: step)  # a graph takes longer to build than these steps to run
        last = tfc_train.train(data, LAMBDAS[1], 6, 1, 64, weights_path(LAMBDAS[1]))
    assert last < losses[0]
    picture = natural(70, 50)
    coded = TfcPeer().encode(picture, 2)
    decoded = TfcPeer().decode(coded)
    assert decoded.shape == picture.shape
    assert decoded.dtype == np.uint8
    assert coded[0] == 2
    assert TfcPeer().encode(picture, 2) == coded
