"""Steps, losses, relaxations and starts of the study."""

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

import jax
import jax.numpy as jnp
import optax
from study_models import MODEL, PRESET, Crops
from vaecompress_eval.measure import metrics
from vaecompress_eval.study import start
from vaecompress_eval.study import step as study_step
from vaecompress_eval.study.data import Corrupted
from vaecompress_eval.study.loss import distortion, ms_ssim, weighted
from vaecompress_eval.study.model import soft_mean, soft_round
from vaecompress_eval.study.rows import BASELINE, Setup
from vaecompress_eval.study.step import first_state, step_of

from vaecompress.train import step
from vaecompress.train.objective import Measures, rate_distortion
from vaecompress.train.step import Moment
from vaecompress.transforms.linear import COLOUR, dct_matrix

MIXTURES = [
    Setup(PRESET, "random", "adamw", "noise", "smooth-l1", 1.0, "logistic"),
    Setup(PRESET, "klt", "muon", "soft", "mix", 0.0, "laplace"),
    Setup(PRESET, "ycbcr", "adam", "straight-through", "ms-ssim", 0.5, "normal"),
]
"""Every part that a row may put in place of the baseline's; parts know nothing of each other."""


@pytest.fixture(autouse=True)
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "KLT_BATCHES", 1)


def test_the_baseline_is_the_shipped_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same losses, gradients and averages. SOAP, which both get from one function, would blow rounding up: not here."""
    descent = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.01))
    monkeypatch.setattr(step, "optimiser", lambda recipe: descent)
    monkeypatch.setattr(study_step, "optimiser", lambda recipe: descent)
    recipe = replace(PRESET.recipe, ema_decay=0.05)  # no other test's, for steps are kept by their preset
    setup, batch = BASELINE.setup(replace(PRESET, recipe=recipe), 0), Crops().batch(0, 2, 64)
    library = step.make_preset_step(setup.preset, jnp.float32, False)
    expected, ours = first_state(setup, Crops()), first_state(setup, Crops())
    for decay in (1.0, 0.5):
        moment = Moment(np.int32(0), np.float32(0.0), np.float32(decay))
        expected, report = library(expected, jnp.asarray(batch), moment)
        ours, found = step_of(setup, False)(ours, jnp.asarray(batch), moment)
        assert float(found.loss) == pytest.approx(float(report.loss), rel=1e-5)
    start = first_state(setup, Crops()).params
    for one, other, first in zip(*map(jax.tree_util.tree_leaves, (ours.ema, expected.ema, start)), strict=True):
        np.testing.assert_allclose(one - first, other - first, rtol=1e-2, atol=1e-6)


def types(tree: object) -> list[tuple[object, bool]]:
    return [(leaf.dtype, leaf.weak_type) for leaf in jax.tree_util.tree_leaves(tree)]


@pytest.mark.parametrize("setup", MIXTURES, ids=lambda setup: setup.quantisation)
def test_every_part_takes_steps(setup: Setup) -> None:
    now, batch = first_state(setup, Crops()), Crops().batch(0, 2, 64)
    step, losses, kinds = step_of(setup, False), [], types(now)
    for _ in range(3):
        now, report = step(now, jnp.asarray(batch), Moment(np.int32(0), np.float32(0.5), np.float32(1.0)))
        losses.append(float(report.loss))
    assert np.all(np.isfinite(losses))
    assert len(set(losses)) == 3
    assert types(now) == kinds, "the second step would compile anew, on the clock"
    assert all(bool(np.isfinite(leaf).all()) for leaf in jax.tree_util.tree_leaves(now))


def test_sharp_soft_rounding_is_rounding() -> None:
    x = jnp.asarray([-1.7, -0.2, 0.0, 0.3, 2.6])
    np.testing.assert_allclose(soft_round(x, jnp.asarray(60.0)), jnp.round(x), atol=1e-4)
    np.testing.assert_allclose(soft_round(x, jnp.asarray(1e-3)), x, atol=1e-4)
    assert soft_round(x, None) is x


def test_the_soft_mean_is_what_was_there_on_average() -> None:
    rng = np.random.default_rng(0)
    x, sharpness = rng.uniform(-3.0, 3.0, 2_000_000), jnp.asarray(4.0)
    noisy = np.asarray(soft_round(jnp.asarray(x), sharpness)) + rng.uniform(-0.5, 0.5, x.shape)
    for place in (-0.9, 0.2, 0.5, 1.3):
        seen = x[np.abs(noisy - place) < 0.01].mean()
        assert float(soft_mean(jnp.asarray(place), sharpness)) == pytest.approx(seen, abs=0.01)


def test_ms_ssim_is_that_of_the_evaluation() -> None:
    rng = np.random.default_rng(0)
    original = Crops().batch(1, 1, 192)
    decoded = np.clip(original + rng.normal(0, 12, original.shape), 0, 255).astype(np.uint8)
    found = ms_ssim(jnp.asarray(original, jnp.float32), jnp.asarray(decoded, jnp.float32))
    assert float(found[0]) == pytest.approx(metrics.ms_ssim(original[0], decoded[0]), abs=1e-4)


def test_distortions_of_known_errors() -> None:
    levels = jnp.full((2, 64, 64, 3), 100.0)
    decoded = levels + jnp.asarray([3.0, 20.0])[:, None, None, None]
    np.testing.assert_allclose(distortion("mse", levels, decoded), [9.0, 400.0], rtol=1e-5)
    np.testing.assert_allclose(distortion("smooth-l1", levels, decoded), [9.0, 8.0 * (40.0 - 8.0)], rtol=1e-5)
    assert np.all(np.abs(distortion("ms-ssim", levels, levels)) < 0.2)


def test_weights_agree_at_the_middle_lambda() -> None:
    position = jnp.asarray([0.1, 0.5, 0.9])
    squared, bpp = jnp.asarray([90.0, 30.0, 10.0]), jnp.asarray([0.2, 0.6, 1.5])
    by_library = rate_distortion(Measures(bpp, jnp.zeros(3), squared), position)
    half, one, none = (np.asarray(weighted(squared, bpp, position, power)) for power in (0.5, 1.0, 0.0))
    np.testing.assert_allclose(half, by_library, rtol=1e-5)
    np.testing.assert_allclose([one[1], none[1]], half[1], rtol=1e-5)
    assert one[0] > half[0] > none[0]
    assert one[2] < half[2] < none[2]


@pytest.mark.parametrize("colours", [np.eye(3), start.YCBCR], ids=["rgb", "ycbcr"])
def test_colours_are_undone(colours: np.ndarray) -> None:
    analysis, synthesis = start.recoloured(MODEL, colours)
    np.testing.assert_allclose(synthesis @ analysis, np.eye(MODEL.latent_channels), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(synthesis, axis=1), 1.0, rtol=1e-5)


def test_the_baselines_colours_give_the_baselines_kernels() -> None:
    analysis, synthesis = start.recoloured(MODEL, COLOUR)
    np.testing.assert_allclose(analysis, dct_matrix(MODEL), atol=1e-5)
    np.testing.assert_allclose(synthesis, dct_matrix(MODEL).T, atol=1e-5)


def test_the_klt_holds_more_of_the_patches_than_the_dct() -> None:
    analysis, synthesis = start.karhunen_loeve(Crops(), MODEL.latent_channels)
    np.testing.assert_allclose(synthesis @ analysis, np.eye(MODEL.latent_channels), atol=1e-5)
    crops = Crops().batch(start.KLT_FIRST_STEP, start.KLT_CROPS, start.KLT_SIDE)
    patches = crops[:, :16, :16].reshape(len(crops), -1) - 128.0
    energy, by_dct = (np.sum((patches @ kernel) ** 2) for kernel in (analysis, dct_matrix(MODEL)))
    assert by_dct < energy <= np.sum(patches**2)


@pytest.mark.parametrize(("data", "low_db", "high_db"), [("noise", 35.0, 37.5), ("jpeg", 20.0, 45.0)])
def test_corrupted_crops_are_a_function_of_the_step(data, low_db: float, high_db: float) -> None:
    corrupted, clean = Corrupted(Crops(), data, 0), Crops().batch(3, 2, 64)
    found = corrupted.batch(3, 2, 64)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, corrupted.batch(3, 2, 64))
    psnr_db = 20 * math.log10(255.0 / np.sqrt(np.mean((found.astype(float) - clean) ** 2)))
    assert low_db < psnr_db < high_db
