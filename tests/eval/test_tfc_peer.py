"""The peer of tensorflow-compression's own parts: trained for a moment, then real bytes both ways."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stand_ins import natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval import tfc_peer
from vaecompress_eval.tfc_peer import LAMBDAS, TfcPeer, weights_path


def test_an_untrained_peer_names_the_command_that_trains_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tfc_peer, "find_spec", lambda name: object())
    assert TfcPeer().missing() == "python -m vaecompress_eval.tfc_train PICTURES"
    monkeypatch.setattr(tfc_peer, "find_spec", lambda name: None)
    assert "vaecompress[tfc]" in str(TfcPeer().missing())


def test_training_writes_weights_that_code_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_compression", reason="tensorflow-compression exists for Python 3.11 only")
    import tensorflow as tf
    from vaecompress_eval.tfc_train import train

    from vaecompress.train.resident import Resident

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tf, "function", lambda step: step)  # a graph takes longer to build than these steps to run
    tfc_peer._coder.cache_clear()
    Image.fromarray(natural(96, 96)).save(tmp_path / "picture.png")
    data = Resident.load([tmp_path / "picture.png"], rescale=False)
    lmbda = LAMBDAS[1]
    first = train(data, lmbda, 1, 1, 64, weights_path(lmbda))
    last = train(data, lmbda, 8, 1, 64, weights_path(lmbda))
    assert last < first
    picture = natural(70, 50)
    coded = TfcPeer().encode(picture, lmbda)
    decoded = TfcPeer().decode(coded)
    assert decoded.shape == picture.shape
    assert decoded.dtype == np.uint8
    assert coded[0] == 1
    assert TfcPeer().encode(picture, lmbda) == coded
