"""``vaecompress pack``, ``train``, ``freeze`` and ``bench``: what they hand to the code that does the work."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import names, pixels, run
from PIL import Image

from vaecompress.models import file as model_file
from vaecompress.models import installed


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures, one of them for validation and one that must not be used."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, name in enumerate(["train.png", "validation.png", "private.png"]):
        Image.fromarray(pixels(seed=index, height=256, width=256)).save(folder / name)
    (tmp_path / "validation.txt").write_text("validation.png\n")
    (tmp_path / "private.txt").write_text("private.png\n")
    return folder


class StandInRun:
    """Takes a run's arguments and trains nothing."""

    made: "list[StandInRun]" = []  # noqa: RUF012

    def __init__(
        self, preset: Any, batches: Any, validation: Any, folder: Path, options: Any, report: Any, progress: Any
    ) -> None:
        self.preset, self.batches, self.validation, self.folder, self.options = (
            preset,
            batches,
            validation,
            folder,
            options,
        )
        self.weights: Any = None
        StandInRun.made.append(self)

    def train(self, weights: Any) -> None:
        self.weights = weights


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    from vaecompress.train import loop

    StandInRun.made = []
    monkeypatch.setattr(loop, "Run", StandInRun)


@pytest.mark.usefixtures("stand_in")
def test_train_hands_everything_on(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = ("--validation", tmp_path / "validation.txt", "--exclude", tmp_path / "private.txt")
    words = (
        "--steps",
        70,
        "--batch",
        8,
        "--learning-rate",
        "2e-4",
        "--basis-refresh",
        40,
        "--bf16",
        "--no-rescale",
        "--peak-tflops",
        12.5,
        "--seed",
        0,
        "-o",
        tmp_path / "run",
    )
    assert run("train", "--preset", "tiny", "--data", pictures, *lists, *words) == 0
    (made,) = StandInRun.made
    assert (made.preset.recipe.steps, made.folder, made.weights) == (70, tmp_path / "run", None)
    recipe = made.preset.recipe
    assert (recipe.batch_size, recipe.learning_rate, recipe.basis_refresh) == (8, 2e-4, 40)
    assert recipe.seed == 0
    assert made.options.facts["command"]["data"] == [str(pictures)]
    assert made.options.facts["command"]["batch"] == 8
    assert (made.options.device_tflops, made.options.budget_minutes) == (12.5, None)
    assert made.options.compute_dtype.__name__ == "bfloat16"
    assert [picture.shape for picture in made.validation] == [(256, 256, 3)]
    crop = np.asarray(made.batches.batch(0, 1, 256)[0])
    assert sorted(crop.ravel()) == sorted(pixels(seed=0, height=256, width=256).ravel())
    assert "1 pictures in memory" in capsys.readouterr().err


@pytest.mark.usefixtures("stand_in")
def test_train_joins_the_other_hosts_first(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaecompress.train import devices

    joined: list[Any] = []
    monkeypatch.setattr(devices, "join", lambda *where: joined.append(where))
    words = ("train", "--preset", "tiny", "--data", pictures, "-o", tmp_path / "run", "--minutes", 2)
    assert run(*words, "--coordinator", "a:1", "--processes", 2, "--process", 0) == 0
    assert run(*words, "--coordinator", "auto") == 0
    assert joined == [("a:1", 2, 0), ("auto", None, None)]
    assert StandInRun.made[0].options.budget_minutes == 2.0
    assert run(*words, "--process", 1) == 2


@pytest.mark.usefixtures("stand_in")
def test_train_starts_from_a_model_file_of_its_shape(pictures: Path, tmp_path: Path) -> None:
    (path,) = [path for path in installed.paths() if path.stem == "tiny"]
    words = ("--data", pictures, "-o", tmp_path / "run", "--init", path)
    assert run("train", "--preset", "light", *words) == 2
    assert run("train", "--preset", "tiny", *words) == 0
    variables, step, training = StandInRun.made[0].weights
    assert step == 0
    assert training == model_file.load(path).card.get("training")
    assert set(variables) == {"params", "ranges"}


@pytest.mark.usefixtures("stand_in")
def test_train_grows_weights_of_a_smaller_model(pictures: Path, tmp_path: Path) -> None:
    import jax

    from vaecompress.train.checkpoint import save_weights
    from vaecompress.train.presets import TINY
    from vaecompress.transforms.vae import HyperpriorVAE, init_variables

    smaller = dataclasses.replace(TINY, luma=TINY.luma - 8, analysis_blocks8=0)
    meta = {"step": 30, "model": smaller.to_dict()}
    save_weights(tmp_path / "small.msgpack", init_variables(HyperpriorVAE(smaller), 0), meta)
    words = ("--data", pictures, "-o", tmp_path / "run", "--init", tmp_path / "small.msgpack")
    assert run("train", "--preset", "tiny", *words) == 0
    variables, step, training = StandInRun.made[0].weights
    assert training == {"step": 30}
    wanted = jax.eval_shape(lambda: init_variables(HyperpriorVAE(TINY), 0))["params"]
    assert step == 30
    assert jax.tree_util.tree_map(np.shape, variables["params"]) == jax.tree_util.tree_map(lambda x: x.shape, wanted)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--preset", "huge"), 2),
        (("--steps", "9", "--minutes", "1"), 2),
        (("--exclude", "none.txt"), 3),
        (("--init", "none.vcm"), 3),
        (("--data", "none"), 3),
    ],
)
def test_train_refuses(words: tuple[str, str], code: int, pictures: Path, tmp_path: Path) -> None:
    assert run("train", "--data", pictures, "-o", tmp_path / "run", *words) == code


def test_pack(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("pack", pictures, "-o", tmp_path / "shards", "--exclude", tmp_path / "private.txt", "--json")
    assert run(*words) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["pictures"], record["shards"], record["skipped"]) == (2, 1, {"excluded": 1})
    assert names(tmp_path / "shards") == ["manifest.json", "shard-000.tar"]
    assert run(*words) == 8


def test_names_that_exclude_nothing_are_named(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more.txt").write_text("private.png\n" + "".join(f"{n}.png\n" for n in range(7)))
    lists = ("--exclude", tmp_path / "private.txt", tmp_path / "more.txt")
    assert run("pack", pictures, "-o", tmp_path / "shards", *lists) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert told == [
        f"note: {tmp_path}/more.txt: names that match no picture: 7 (0.png, 1.png, 2.png, 3.png, 4.png, ...)"
    ]


def test_freeze_writes_a_model_file_with_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    from vaecompress.export import freeze
    from vaecompress.train.checkpoint import save_weights
    from vaecompress.train.saver import WEIGHTS_NAME
    from vaecompress.transforms.config import ModelConfig

    def stand_in(config: ModelConfig, variables: dict[str, Any], card: dict[str, Any]) -> bytes:
        if not variables["params"]:
            raise ValueError("layer a is over the bound")
        return model_file.serialise(card, {}, {})

    monkeypatch.setattr(freeze, "freeze", stand_in)
    recipe = {"steps": 7, "exact_share": 0.5}
    meta = {"step": 7, "recipe": recipe, "model": ModelConfig().to_dict()}
    save_weights(tmp_path / "run" / WEIGHTS_NAME, {"params": {"a": np.ones(2)}}, meta)
    save_weights(tmp_path / "young.msgpack", {"params": {"a": np.ones(2)}}, {**meta, "step": 4})
    save_weights(tmp_path / "wild.msgpack", {"params": {}}, meta)
    words = ("-o", tmp_path / "mine.vcm", "--licence", "CC0-1.0", "--bd-rate", "-2.5")
    assert run("freeze", tmp_path / "young.msgpack", *words) == 3
    assert "before its exact phase" in capsys.readouterr().err
    assert run("freeze", tmp_path / "wild.msgpack", *words) == 3
    assert "cannot be made exact: layer a is over the bound" in capsys.readouterr().err
    assert run("freeze", tmp_path / "run", *words) == 0
    card = model_file.load(tmp_path / "mine.vcm").card
    assert (card["name"], card["licence"], card["training"]) == ("mine", "CC0-1.0", {"step": 7, "recipe": recipe})
    assert card["bd_rate_percent"] == -2.5
    assert run("freeze", tmp_path / "run", *words) == 8
    assert run("freeze", tmp_path / "none", "-o", tmp_path / "b.vcm") == 3
    assert names(tmp_path) == ["mine.vcm", "run/weights.msgpack", "wild.msgpack", "young.msgpack"]


def test_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="needs the eval extra")
    from vaecompress_eval import bench

    monkeypatch.setattr(bench, "run_arguments", lambda options: f"{options.source} {options.peers}\n")
    assert run("bench", tmp_path, "--peers", "webp", "-o", tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path} webp\n"
    assert run("bench") == 2


@pytest.mark.usefixtures("stand_in")
def test_a_bottleneck_of_one_s_own(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("train", "--preset", "tiny", "--data", pictures, "-o", tmp_path / "run")
    assert run(*words, "--latents", 36) == 0
    (made,) = StandInRun.made
    assert (made.preset.model.luma, made.preset.model.chroma) == (24, (6, 6))
    assert made.preset.model.latent_channels == 36
    assert run(*words, "--latents", 37) == 2
    assert "37 channels cannot be split into 2 groups" in capsys.readouterr().err
    for count in (2, 4000):
        assert run(*words, "--latents", count) == 2
    assert "4000 latents: a colour has 1 to 256" in capsys.readouterr().err


@pytest.mark.usefixtures("stand_in")
def test_noisy_and_missing_data(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("train", "--preset", "tiny", "--data", pictures, "-o", tmp_path / "run")
    assert run(*words, "--mask", "alpha") == 2
    assert "no picture has a pixel of alpha 0" in capsys.readouterr().err
    rgba = np.dstack([pixels(seed=5, height=96, width=96), np.zeros((96, 96), np.uint8)])
    Image.fromarray(rgba).save(pictures / "open.png")
    assert run(*words, "--mask", "alpha", "--noise", 12) == 0
    (made,) = StandInRun.made
    assert made.options.noise_levels == 12
    assert made.batches.batch(0, 2, 64).shape == (2, 64, 64, 4)
    for option in (("--mask", "alpha"), ("--noise", 12)):
        assert run(*words, *option, "--preset", "video") == 2
        assert f"{option[0]} is for pictures" in capsys.readouterr().err
