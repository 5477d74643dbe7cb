"""The code in the documents runs as it stands there."""

from pathlib import Path

import pytest
from documents import ROOT, run_python_of


@pytest.mark.usefixtures("optax_promotion")
def test_a_new_transform_takes_over_the_weights_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    monkeypatch.chdir(ROOT)
    module = run_python_of(ROOT / "docs" / "extend.md")
    assert module["out"].x_hat.shape == (4, 128, 128, 3)
    before = module["rate_distortion"](module["measure"](module["levels"], module["out"]), module["position"])
    assert module["losses"][0] == pytest.approx(float(before.mean()), rel=1e-4)
    assert module["losses"][-1] < module["losses"][0]


def test_a_function_for_any_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_media").symlink_to(ROOT / "sample_media")
    row = run_python_of(ROOT / "docs" / "cluster.md")["row"]
    assert (row["error"], row["bytes"]) == ("", (tmp_path / row["output"]).stat().st_size)


@pytest.mark.usefixtures("optax_promotion")
def test_the_classic_autoencoder_learns_and_makes_files(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    monkeypatch.chdir(ROOT)
    module = run_python_of(ROOT / "docs" / "vae.md")
    assert module["latents"].shape == (1, 10, 10, 3)
    assert module["back"].shape == module["picture"].shape
    (_, first), *_, (_, last) = module["quantised"].curve
    assert float(last.bits) < float(first.bits)
    (_, first), *_, (_, last) = module["gaussian"].curve
    assert float(last.loss) < float(first.loss)
    coded = module["coded"]
    assert (coded.y_hat == coded.y_hat.round()).all()
    assert -16 < 8 * len(module["data"]) - float(coded.bits[0]) < 48
    assert module["point"].bits > 0


@pytest.mark.usefixtures("optax_promotion")
def test_the_calls_of_research_run_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    monkeypatch.chdir(ROOT)
    module = run_python_of(ROOT / "docs" / "research.md")
    coded_bits = sum(module["p"].bits.values())
    assert coded_bits < 8 * len(module["data"]) < coded_bits + 8 * 80
    assert module["index"] == 2
    assert float(module["value"]) > 0
