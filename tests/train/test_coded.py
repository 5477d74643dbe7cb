"""The decoder of a small model, trained on coded crops: it learns, the encoder stays, and the commands fit together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
from command import run
from photo import photo
from PIL import Image
from small_model import SMALL

from vaecompress.export.restore import restore
from vaecompress.models import file as model_file
from vaecompress.models import registry
from vaecompress.train import loop
from vaecompress.train.data import coded
from vaecompress.train.model import fresh_variables, model_of
from vaecompress.train.optimiser import optimiser
from vaecompress.train.presets import PRESETS, Preset, Recipe, on_coded_crops
from vaecompress.train.step import Moment, init_state, make_preset_step
from vaecompress.transforms.coded_vae import ENCODER

CROPS = 2


def crops() -> Any:
    """Coded crops uint8 [CROPS, 64, 64, 6] whose symbols are drawn."""
    random = np.random.default_rng(2)
    found = []
    for number in range(CROPS):
        symbols = random.integers(-2, 3, (SMALL.latent_channels, 4, 4)).astype(np.int16)
        z = random.integers(-2, 3, (SMALL.hyper_latent_channels, 1, 1)).astype(np.int8)
        crop = coded.CodedCrop(np.ascontiguousarray(photo(64, 64)), symbols, z, 40 + 30 * number)
        found.append(crop.in_memory())
    return np.stack(found)


def test_the_decoder_learns_and_the_encoder_stays() -> None:
    preset = on_coded_crops(Preset(SMALL, Recipe(batch_size=CROPS, warmup_steps=1, basis_refresh=2)))
    start = fresh_variables(model_of(SMALL, coded=True), 0)
    state = init_state(optimiser(preset.recipe), start)
    step, batch, losses = make_preset_step(preset, np.float32, False), crops(), []
    moment = Moment(np.int32(0), np.float32(0), np.float32(1))
    for _ in range(8):
        state, report = step(state, batch, moment)
        losses.append(float(report.loss))
    assert losses[-1] < 0.99 * losses[0]
    for name, before in start["params"].items():
        same = jax.tree_util.tree_map(np.array_equal, before, jax.device_get(state.params[name]))
        assert all(jax.tree_util.tree_leaves(same)) == (name in ENCODER), name


def test_a_run_on_coded_crops_is_short_of_nothing_but_its_rate() -> None:
    recipe = on_coded_crops(PRESETS["light"]).recipe
    assert recipe.coded
    assert recipe.crops == ((1.0, coded.SIDE),)
    assert recipe.learning_rate < PRESETS["light"].recipe.learning_rate


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with two pictures, and crops of them coded by ``tiny``."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "photos").mkdir()
    for name, side in {"a.png": 128, "held-out.png": 112}.items():
        Image.fromarray(photo(side, 100)).save(folder / "photos" / name)
    (folder / "validation.txt").write_text("held-out.png\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded, "SIDE", 64)
        assert run("pack", folder / "photos", "-o", folder / "coded", "--coded", "--model", "tiny") == 0
        yield folder


def test_the_commands_fit_together(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(loop.Run, "train", lambda self, weights: made.append((self, weights)))
    words = ("train", "--preset", "tiny", "--init", "tiny", "--coded", "--data", desk / "coded", "--batch", 3)
    assert run(*words, "--validation", desk / "validation.txt", "-o", desk / "run") == 0
    ((found, weights),) = made
    assert found.preset.recipe.coded
    assert found.batches.picture_count == 4
    assert found.validation.shape == (4, 64, 64, 6)
    assert found._batch(0, found._crop(0)).shape == (3, 64, 64, 6)
    np.testing.assert_equal(weights.variables, restore(model_file.load(Path(registry.path_of("tiny"))))[1])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "--preset", "tiny", "--coded", "--data", "coded", "-o", "none"), 2),
        (("train", "--preset", "video", "--coded", "--init", "light", "--data", "coded", "-o", "none"), 2),
        (("train", "--preset", "tiny", "--coded", "--init", "tiny", "--data", "photos", "-o", "none"), 3),
        (("train", "--init", "light", "--coded", "--data", "coded", "-o", "none", "--stream", "--jitter", "0.5"), 2),
        (("pack", "photos", "-o", "none", "--coded", "--max-side", "64"), 2),
        (("pack", "photos", "-o", "none", "--coded", "--triples"), 2),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], code: int, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    assert run(*words) == code
    assert not (desk / "none").exists()
