"""Predicted frames trained, frozen and used with the commands: a clip drawn here, the smallest model, a few steps."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("numba", reason="motion search needs numba, the extra video")

import jax
from command import run
from photo import photo
from PIL import Image
from small_model import SMALL
from triple_files import panned, write_clip

from vaecompress.export import widen
from vaecompress.export.restore import restore_predicted
from vaecompress.media.video import open_video
from vaecompress.models import file as model_file
from vaecompress.train import loop, presets
from vaecompress.train.checkpoint import latest_step, load_state, load_weights, save_weights
from vaecompress.train.curves import read_rows
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.triples import TRIPLES
from vaecompress.train.presets import Preset, Recipe
from vaecompress.transforms.config import VideoConfig
from vaecompress.transforms.vae import HyperpriorVAE, init_variables

RECIPE = Recipe(steps=4, batch_size=2, crops=((1.0, 64),), warmup_steps=1, exact_share=0.3, basis_refresh=2)
VIDEO = Preset(VideoConfig(SMALL, condition_width8=8, condition_width16=8), RECIPE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip and a picture to train on, and a clip to test on."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "clips").mkdir()
    write_clip(folder / "clips" / "pan.mkv", panned(4))
    write_clip(folder / "clips" / "held-out.mkv", panned(4, 64, 112))
    Image.fromarray(photo(90, 100)).save(folder / "clips" / "photo.png")
    (folder / "validation.txt").write_text("held-out.mkv\n")
    meta = {"step": 90, "model": SMALL.to_dict()}
    save_weights(folder / "still.msgpack", init_variables(HyperpriorVAE(SMALL), 0), meta)
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_preset() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.ALL, "video", VIDEO)
        patch.setattr(loop, "CALIBRATION_BATCHES", 2)
        patch.setattr(loop, "TRIPLE_SIDE", 64)
        yield


@pytest.fixture(scope="module")
def model(desk: Path, small_preset: None) -> Path:
    """The model file that the commands make."""
    assert run("pack", desk / "clips", "-o", desk / "triples", "--triples", "--model", "tiny") == 0
    train = ("train", "--preset", "video", "--init", desk / "still.msgpack", "--data", desk / "triples")
    assert run(*train, "--validation", desk / "validation.txt", "-o", desk / "run") == 0
    words = ("--still", "tiny", "--fit", desk / "triples", "--exclude", desk / "validation.txt")
    assert run("freeze", desk / "run", "-o", desk / "mine.vcm", *words) == 0
    return desk / "mine.vcm"


def test_curves_follow_triples_held_out_by_their_clip(model: Path, desk: Path) -> None:
    rows = read_rows(desk / "run" / "curves.csv")
    assert [row.step for row in rows if row.series == "train"] == [4]
    tested = [row for row in rows if row.series != "train"]
    assert tested
    assert {row.series for row in tested} <= {"q11", "q31", "q50", "q70", "q90"}
    assert all(row.bpp > 0 and row.psnr_db > 10 for row in tested)


def test_the_model_file_holds_both_kinds_and_says_what_it_is_for(model: Path) -> None:
    file = model_file.load(model)
    assert file.card["kind"] == "video"
    assert file.card["training"]["step"] == 4
    assert file.card["training"]["before"]["step"] == 90
    assert restore_predicted(file)[0].config == VIDEO.model


def test_a_video_is_coded_with_it(model: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, coded, back = desk / "clips" / "pan.mkv", desk / "pan.bin", desk / "back.mkv"
    assert run("encode", clip, coded, "--model", model, "-q", "90") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAECOMPRESS_MODELS", str(desk))
        assert run("decode", coded, back) == 0
        assert run("info", coded, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["frames"] == 4
    for (one, _), (other, _) in zip(open_video(clip), open_video(back), strict=True):
        assert np.mean((one.astype(float) - other) ** 2) < 900


def test_its_own_decoded_frames_renew_the_references(model: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Any] = []
    monkeypatch.setattr(loop.Run, "train", lambda self, weights: starts.append((self.batches, weights)))
    words = ("pack", desk / "clips" / "pan.mkv", "-o", desk / "renewed", "--triples", "--model", model)
    assert run(*words) == 0
    assert run("train", "--preset", "video", "--init", model, "--data", desk / "renewed", "-o", desk / "next") == 0
    ((batches, weights),) = starts
    assert batches.picture_count == 6
    _, wanted = restore_predicted(model_file.load(model))
    np.testing.assert_equal(weights.variables, wanted)


class Interrupted(Resident):
    """Triples that press Ctrl-C when they are asked for those of step 2."""

    def batch(self, step: int, batch_size: int, crop: int) -> Any:
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return super().batch(step, batch_size, crop)


def test_an_interrupted_run_goes_on_to_the_bit(model: Path, desk: Path) -> None:
    triples = Resident.load([desk / "triples"], frozenset({"held-out.mkv"}), rescale=False, kind=TRIPLES)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = load_weights(desk / "still.msgpack")[0]["params"]
    weights = loop.Weights({"params": widen.start(start, SMALL, VIDEO.model)})
    try:
        with pytest.raises(KeyboardInterrupt):
            again(Interrupted(**vars(triples)), desk).train(weights)
    finally:
        signal.signal(signal.SIGINT, before)
    assert latest_step(desk / "again") == 3
    state = again(triples, desk).train()
    _, whole, _ = load_state(desk / "run", state)
    np.testing.assert_equal(jax.device_get(state.params), jax.device_get(whole.params))


def again(batches: Resident, desk: Path) -> loop.Run:
    return loop.Run(VIDEO, batches, [], desk / "again", report=lambda line: None)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "--preset", "video", "--data", "clips", "-o", "none"), 3),
        (("train", "--preset", "video", "--data", "triples", "-o", "none", "--stream", "--jitter", "0.5"), 2),
        (("train", "--preset", "tiny", "--data", "clips", "-o", "none", "--init", "run/weights.msgpack"), 2),
        (("pack", "clips", "-o", "none", "--model", "tiny"), 2),
        (("freeze", "run", "-o", "none.vcm", "--still", "unknown"), 2),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], code: int, model: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    assert run(*words) == code
    assert not (desk / "none").exists()
