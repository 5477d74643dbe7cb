"""A run: every step saved, resumed to the bit, stopped by NaN and Ctrl-C with the last good checkpoint kept."""

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp
from small_model import SMALL

from vaecompress.errors import DivergedError, UsageError
from vaecompress.train import checkpoint, loop
from vaecompress.train.checkpoint import latest_step, load_weights
from vaecompress.train.curves import read_rows
from vaecompress.train.loop import Run, RunOptions, Weights
from vaecompress.train.objective import measure, rate_distortion
from vaecompress.train.optimiser import optimiser, warm_up
from vaecompress.train.presets import Preset, Recipe
from vaecompress.train.saver import WEIGHTS_NAME
from vaecompress.train.schedule import Schedule
from vaecompress.train.step import init_state, make_evaluation, make_preset_step
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.vae import HyperpriorVAE, init_variables

RECIPE = Recipe(steps=7, batch_size=2, crops=((1.0, 64),), warmup_steps=2, exact_share=0.3, basis_refresh=2)
PRESET = Preset(SMALL, RECIPE)
EXACT_START = 5
START = Schedule(RECIPE).moment(0.0)
"""What the first step is told."""
LOGGED, STEPS = [], []
"""What the run that nothing interrupts told its listeners."""

OPTIONS = RunOptions(log_every=2, validate_every=4)


@pytest.fixture
def foreground():
    """Ctrl-C as a program in the foreground sees it, whatever these tests run in."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def picture(seed, side):
    """Waves of a random direction and colour under a little noise."""
    rng = np.random.default_rng(seed)
    rows, columns, _ = np.ogrid[:side, :side, :3]
    slope = rng.normal(0, 0.2, (3, 3))
    waves = 128 + 80 * np.sin(rows * slope[0] + columns * slope[1] + slope[2])
    return np.clip(waves + rng.normal(0, 4, (side, side, 3)), 0, 255).astype(np.uint8)


class Crops:
    """Crops by the step alone; presses Ctrl-C while it makes those of step ``interrupt_at``."""

    def __init__(self, interrupt_at=None):
        self.interrupt_at = interrupt_at
        self.asked = []

    def batch(self, step, batch_size, crop):
        self.asked.append(step)
        if step == self.interrupt_at:
            signal.raise_signal(signal.SIGINT)
        return np.stack([picture(1000 * step + index, crop) for index in range(batch_size)])


def run(folder, crops=None, pictures=(), options=OPTIONS, report=lambda line: None, **listeners):
    return Run(PRESET, crops or Crops(), pictures, folder, options, report, **listeners)


@pytest.fixture(scope="module", autouse=True)
def short_calibration():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CALIBRATION_BATCHES", 3)
        yield


def rate(step, start_step=0):
    """The learning rate of ``step``, in a run whose optimiser was fresh at ``start_step``."""
    return float(warm_up(RECIPE)(step - start_step)) * Schedule(RECIPE).decay(step / RECIPE.steps)


def assert_equal(left, right):
    for a, b in zip(jax.tree_util.tree_leaves(left), jax.tree_util.tree_leaves(right), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder, last state and reports of a run that nothing interrupts."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    LOGGED.clear()
    STEPS.clear()
    options = replace(OPTIONS, tensorboard=True, facts={"command": {"preset": "small"}})
    listeners = {"log": LOGGED.append, "progress": lambda *done: STEPS.append(done)}
    return (
        folder,
        run(folder, pictures=[picture(1, 256)], options=options, report=lines.append, **listeners).train(),
        lines,
    )


def test_the_last_step_is_saved(whole):
    folder, state, _ = whole
    assert int(state.step) == 7
    assert latest_step(folder) == 7
    _, saved, meta = checkpoint.load_state(folder, state)
    assert_equal(saved, state)
    assert meta["recipe"]["steps"] == 7
    assert ModelConfig.from_dict(meta["model"]) == SMALL
    rows = [row for row in read_rows(folder / "curves.csv") if row.step == 7 and row.series != "train"]
    assert meta["validation_losses"] == pytest.approx({row.series: row.loss for row in rows}, abs=1e-4)
    assert "cpu" in meta["machine"]
    assert "cores" in meta["machine"]


def test_curves_tell_steps_rates_and_every_quality(whole):
    folder, _, _ = whole
    rows = read_rows(folder / "curves.csv")
    training = [row for row in rows if row.series == "train"]
    assert [row.step for row in training] == [2, 4, 6, 7]
    assert [row.pixels for row in training] == [step * 2 * 64 * 64 for step in (2, 4, 6, 7)]
    assert [row.learning_rate for row in training] == pytest.approx([rate(row.step - 1) for row in training])
    assert all(row.steps_per_s > 0 and row.bpp > 0 and row.psnr_db > 10 for row in training)
    assert [row.series for row in rows if row.step == 4][1:] == ["q11", "q31", "q50", "q70", "q90"]
    assert sum(row.step == 7 for row in rows) == 6
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_listeners_are_told_every_row_and_every_step(whole):
    folder, _, _ = whole
    rows = read_rows(folder / "curves.csv")
    assert [(row.step, row.series) for row in LOGGED] == [(row.step, row.series) for row in rows]
    assert [(step, 7) for step in range(8)] == STEPS


def test_the_run_says_what_it_is(whole):
    assert {path.name for path in (whole[0] / "tensorboard").iterdir()} == {row.series for row in LOGGED}
    config = json.loads((whole[0] / "config.json").read_text())
    assert config["command"] == {"preset": "small"}
    assert config["recipe"]["steps"] == 7
    assert ModelConfig.from_dict(config["model"]) == SMALL
    assert (config["options"]["compute_dtype"], config["options"]["validate_every"]) == ("float32", 4)
    assert "cpu" in config["machine"]


def test_without_matplotlib_the_curves_are_a_table_only(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "find_spec", lambda name: None)
    run(tmp_path).train()
    assert (tmp_path / "curves.csv").exists()
    assert not (tmp_path / "curves.png").exists()


def test_progress_names_rate_distortion_speed_and_time_left(whole):
    _, _, lines = whole
    first = next(line for line in lines if line.startswith("step 2 "))
    for word in ("loss", "bpp", "dB", "steps/s", "MP/s", "data", "min left"):
        assert word in first
    assert lines[-1].startswith("7 steps in ")


def test_grids_are_calibrated_where_rounding_enters_the_loop(tmp_path):
    crops = Crops()
    state = run(tmp_path, crops).train()
    assert crops.asked == [*range(EXACT_START), 7, 8, 9, EXACT_START, 6]
    exponents = np.concatenate([np.ravel(leaf) for leaf in jax.tree_util.tree_leaves(state.ranges)])
    assert (exponents == np.rint(exponents)).all()
    assert np.unique(exponents).size > 4


@pytest.mark.parametrize("step", [2, EXACT_START - 1, EXACT_START])
def test_resuming_gives_the_state_of_an_uninterrupted_run_to_the_bit(whole, tmp_path, foreground, step):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Crops(interrupt_at=step)).train()
    assert latest_step(tmp_path) == step + 1
    assert_equal(run(tmp_path).train(), whole[1])
    steps = [row.step for row in read_rows(tmp_path / "curves.csv") if row.series == "train"]
    assert steps == sorted({2, 4, 6, 7, step + 1})


def test_another_decay_branches_off_the_state_before_it(whole, tmp_path, foreground):
    folder, state, _ = whole
    kept = folder / loop.BEFORE_DECAY
    assert latest_step(kept) == 4
    shutil.copytree(kept, tmp_path / "again")
    assert_equal(run(tmp_path / "again").train(), state)
    assert not (tmp_path / "again" / loop.BEFORE_DECAY).exists()
    shutil.copytree(kept, tmp_path / "longer")
    options = replace(OPTIONS, log_every=1, budget_minutes=1e9)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "longer", Crops(interrupt_at=4), options=options).train()
    (row,) = read_rows(tmp_path / "longer" / "curves.csv")
    assert (row.step, row.learning_rate) == (5, pytest.approx(RECIPE.learning_rate))


def poisoned(monkeypatch, from_step):
    """Every step function's weights turn to NaN in step ``from_step``."""

    def broken(*arguments):
        take_step = make_preset_step(*arguments)

        def step(state, batch, moment):
            before = int(state.step)
            state, report = take_step(state, batch, moment)
            if before < from_step:
                return state, report
            nan = jax.tree_util.tree_map(lambda leaf: leaf * np.nan, state.params)
            return state._replace(params=nan), report._replace(loss=jnp.float32(np.nan))

        return step

    monkeypatch.setattr(loop, "make_preset_step", broken)


@pytest.mark.parametrize(("log_every", "message"), [(1, "loss is nan at step 4"), (100, "not finite at step 4")])
def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch, log_every, message):
    poisoned(monkeypatch, from_step=3)
    with pytest.raises(DivergedError, match=message):
        run(tmp_path, options=replace(OPTIONS, log_every=log_every, save_seconds=0.0)).train()
    assert latest_step(tmp_path) == 3
    monkeypatch.undo()
    assert int(run(tmp_path).train().step) == 7


def test_weights_start_another_run_with_a_fresh_optimiser(whole, tmp_path):
    folder, state, _ = whole
    weights, meta = load_weights(folder / WEIGHTS_NAME)
    for name in ("params", "ranges"):
        wanted = state.ema if name == "params" else state.ranges
        for saved, leaf in zip(*map(jax.tree_util.tree_leaves, (weights[name], wanted)), strict=True):
            np.testing.assert_allclose(saved, leaf, rtol=2.0**-10, atol=1e-6)
    assert meta["step"] == 7
    crops = Crops()
    continued = run(tmp_path, crops).train(Weights(weights, 6, {"minutes": 5.0}))
    assert crops.asked == [7, 8, 9, 6]
    (row,) = [row for row in read_rows(tmp_path / "curves.csv") if row.series == "train"]
    assert row.learning_rate == pytest.approx(rate(6, start_step=6))
    assert row.learning_rate < rate(6)
    assert json.loads((tmp_path / "checkpoint-00000007.json").read_text())["meta"]["start_step"] == 6
    assert load_weights(tmp_path / WEIGHTS_NAME)[1]["before"] == {"minutes": 5.0}
    moved = np.abs(continued.params["synthesis"]["head"]["bias"] - weights["params"]["synthesis"]["head"]["bias"])
    assert 0 < moved.max() < 0.01


def test_weights_of_a_finished_run_cannot_start_one_as_long(tmp_path):
    with pytest.raises(UsageError, match="more steps"):
        run(tmp_path).train(Weights({}, 7))


def test_loss_falls_on_one_batch():
    model, take_step = HyperpriorVAE(SMALL), make_preset_step(PRESET, jnp.float32, False)
    state = init_state(optimiser(RECIPE), init_variables(model, 0))
    batch, position = jnp.asarray(Crops().batch(0, 2, 64)), jnp.asarray([0.3, 0.7])

    def loss(state):
        variables = {"params": state.params, "ranges": state.ranges}
        measures = make_evaluation(model, measure)(variables, batch, position, False)
        return float(rate_distortion(measures, position).mean())

    before = loss(state)
    for _ in range(6):
        state, _ = take_step(state, batch, START)
    assert loss(state) < 0.98 * before


def test_noise_goes_in_and_what_is_hidden_costs_no_error():
    take_step = make_preset_step(PRESET, jnp.float32, False, 60.0)
    reports = []
    for alpha in (0, 255):
        state = init_state(optimiser(RECIPE), init_variables(HyperpriorVAE(SMALL), 0))
        flat = np.full((2, 64, 64, 4), 128, np.uint8)
        flat[..., 3] = alpha
        reports.append(take_step(state, flat, START)[1])
    hidden, seen = reports
    assert float(hidden.psnr_db) == pytest.approx(10 * np.log10(255**2 / 1e-3))
    assert float(hidden.bpp) == float(seen.bpp) > 0.05
    assert 25 < float(seen.psnr_db) < 40, "10 log10(255^2 / 60^2) is 12.6: the target has no noise"


def test_half_precision_compute_keeps_a_float32_state_and_a_close_loss():
    batch, reports = Crops().batch(0, 2, 64), {}
    for dtype in (jnp.float32, jnp.bfloat16):
        state = init_state(optimiser(RECIPE), init_variables(HyperpriorVAE(SMALL), 0))
        state, reports[dtype] = make_preset_step(PRESET, dtype, False)(state, batch, START)
        kinds = {leaf.dtype for leaf in jax.tree_util.tree_leaves(state)}
        assert kinds == {jnp.dtype(jnp.float32), jnp.dtype(jnp.int32)}
    assert float(reports[jnp.bfloat16].loss) == pytest.approx(float(reports[jnp.float32].loss), rel=0.02)


@pytest.mark.parametrize("phase", [(jnp.bfloat16, True), (jnp.float32, False)], ids=["exact", "float"])
def test_products_of_float32_keep_all_their_bits(phase):
    """A GPU rounds the factors of float32 products to 11 bits unless told otherwise."""
    state = init_state(optimiser(RECIPE), init_variables(HyperpriorVAE(SMALL), 0))
    text = jax.make_jaxpr(make_preset_step(PRESET, *phase))(state, Crops().batch(0, 2, 64), START).pretty_print()
    products = [line for line in text.splitlines() if "dot_general[" in line]
    assert products
    assert text.count("dot_general[") == text.count("precision=(Precision.HIGHEST, Precision.HIGHEST)")
    assert "bf16" not in text


def test_a_budget_of_minutes_ends_the_run_decayed_and_exact(tmp_path):
    lines = []
    options = replace(OPTIONS, log_every=1, budget_minutes=1e-4)
    state = run(tmp_path, options=options, report=lines.append).train()
    assert int(state.step) >= 2
    rows = read_rows(tmp_path / "curves.csv")
    assert rows[-1].minutes >= 1e-4
    assert rows[-1].learning_rate == pytest.approx(RECIPE.learning_rate * RECIPE.final_rate)
    assert load_weights(tmp_path / WEIGHTS_NAME)[1]["calibrated"]
    assert int(run(tmp_path, options=options).train().step) == int(state.step)
