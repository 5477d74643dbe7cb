"""A training step and a validation of the study, assembled from what a row asks for."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from vaecompress.train.loop import VALIDATION_POSITIONS
from vaecompress.train.objective import measure, positions
from vaecompress.train.optimiser import Schedule, labels, optimiser, warm_up
from vaecompress.train.presets import Recipe
from vaecompress.train.step import TrainState
from vaecompress.transforms.vae import Forward, init_variables

from .loss import MS_SSIM_UNIT, distortion, ms_ssim, weighted
from .model import StudyVAE
from .rows import Setup
from .start import Batches, placed

Array = jax.Array
StepFunction = Callable[[TrainState, Any, Any, Any, Any], tuple[TrainState, Array]]
"""State, crops [B, H, W, 3], seed, place 0..1 in the run, multiplier of the learning rate: new state and loss."""

MUON_RATE = 0.02
ADAMW_DECAY = 0.01
LAST_SHARPNESS = 12.0
VALIDATED_AT_ONCE = 8


def model_of(setup: Setup) -> StudyVAE:
    """The row's model."""
    return StudyVAE(setup.preset.model, prior=setup.prior)


def first_state(setup: Setup, batches: Batches) -> TrainState:
    """Where a row starts."""
    variables = placed(init_variables(model_of(setup), setup.preset.recipe.seed), setup, batches)
    variables = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, jnp.float32), variables)
    params, ranges = variables["params"], variables["ranges"]
    average = jax.tree_util.tree_map(jnp.copy, params)  # a step gives its state away: no array may be in it twice
    return TrainState(jnp.zeros((), jnp.int32), params, average, ranges, optimiser_of(setup).init(params))


def optimiser_of(setup: Setup) -> Any:
    """The library's optimiser, or one that treats the matrices in another way and everything else alike."""
    recipe = setup.preset.recipe
    if setup.method == "soap":
        return optimiser(recipe)
    rate = warm_up(recipe)
    return optax.chain(
        optax.clip_by_global_norm(recipe.gradient_clip),
        optax.multi_transform(
            {
                "matrix": _on_matrices(setup, rate),
                "linear": optax.chain(_on_matrices(setup, rate), optax.scale(recipe.linear_rate)),
                "other": optax.adam(rate, b1=0.9, b2=0.99),
            },
            labels,
        ),
    )


def _on_matrices(setup: Setup, rate: Schedule) -> Any:
    if setup.method == "muon":
        larger = MUON_RATE / setup.preset.recipe.learning_rate
        return optax.contrib.muon(lambda step: larger * rate(step))
    if setup.method == "adamw":
        return optax.adamw(rate, b1=0.9, b2=0.99, weight_decay=ADAMW_DECAY)
    return optax.adam(rate, b1=0.9, b2=0.99)


def make_step(setup: Setup, exact_phase: bool) -> Any:
    """The jitted :data:`StepFunction` of a row, the same one for rows whose steps do not differ, so compiled once."""
    recipe = replace(setup.preset.recipe, seed=0, batch_size=1, crops=(), decay_share=0.0, exact_share=0.0)
    preset = replace(setup.preset, recipe=recipe)
    return _make_step(replace(setup, preset=preset, start="dct", data="clean", exact=False), exact_phase)


@lru_cache(maxsize=2)
def _make_step(setup: Setup, exact_phase: bool) -> Any:
    recipe, model, transform = setup.preset.recipe, model_of(setup), optimiser_of(setup)

    @jax.default_matmul_precision("highest")
    def step(state: TrainState, batch: Array, seed: Array, place: Array, decay: Array) -> tuple[TrainState, Array]:
        noise_key, position_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), state.step))
        position = positions(position_key, batch.shape[0])
        levels = batch.astype(jnp.float32)

        def loss(params: Any) -> Array:
            variables = {"params": params, "ranges": state.ranges}
            forward = _forward(setup, model, variables, levels, position, noise_key, place, exact_phase)
            distorted = distortion(setup.distortion, levels, _decoded(forward))
            return jnp.mean(weighted(distorted, measure(levels, forward).bpp, position, setup.weight_power))

        value, gradient = jax.value_and_grad(loss)(state.params)
        updates, optimiser_state = transform.update(gradient, state.optimiser, state.params)
        params = jax.tree_util.tree_map(lambda leaf, update: leaf + decay * update, state.params, updates)
        average = _average(recipe, state, params)
        return TrainState(state.step + 1, params, average, state.ranges, optimiser_state), value

    return jax.jit(step, donate_argnums=0)


def _forward(
    setup: Setup, model: StudyVAE, variables: Any, levels: Array, position: Array, key: Array, place: Array, exact: bool
) -> Forward:
    """The forward pass of training; rounding in the loop is made for the baseline's quantisation only."""
    rngs = {"noise": key}
    if setup.quantisation in ("mixed", "straight-through"):
        noise = setup.quantisation == "mixed"
        found: Any = model.apply(variables, levels, position, exact, noise, rngs=rngs)
    else:
        sharpness = LAST_SHARPNESS**place if setup.quantisation == "soft" else None
        found = model.apply(variables, levels, position, sharpness, rngs=rngs, method="relaxed")
    forward: Forward = found
    return forward


def _decoded(forward: Forward) -> Array:
    """The decoded pictures in 8-bit levels, not rounded."""
    return forward.x_hat * 256.0 + 128.0


def _average(recipe: Recipe, state: TrainState, params: Any) -> Any:
    """Exponential moving average of the weights, as in a run: faster while it is young."""
    age = state.step.astype(jnp.float32)
    decay = jnp.minimum(recipe.ema_decay, (1.0 + age) / (10.0 + age))
    return jax.tree_util.tree_map(lambda mean, new: mean + (1.0 - decay) * (new - mean), state.ema, params)


@lru_cache(maxsize=2)
def make_calibration(model: StudyVAE) -> Any:
    """Jitted: ranges widened to what a batch shows, at the averaged weights and at every quality of the batch."""

    def calibrate(average: Any, ranges: Any, batch: Array) -> Any:
        position = jnp.linspace(0.0, 1.0, batch.shape[0])
        variables = {"params": average, "ranges": ranges}
        return model.apply(variables, batch.astype(jnp.float32), position, mutable=["ranges"])[1]["ranges"]

    return jax.jit(calibrate)


def validate(
    setup: Setup, state: TrainState, pictures: npt.NDArray[np.uint8], exact: bool
) -> tuple[list[float], list[float]]:
    """Losses of the averaged weights at the five qualities of a run's validation: by MSE, and by MS-SSIM instead.

    ``pictures`` [N, H, W, 3]; symbols are rounded. ``exact``: in exact arithmetic, which needs calibrated ranges.
    """
    evaluate = _make_evaluation(model_of(setup))
    variables = {"params": state.ema, "ranges": state.ranges}
    means = []
    for place in VALIDATION_POSITIONS:
        parts = []
        for start in range(0, len(pictures), VALIDATED_AT_ONCE):
            batch = pictures[start : start + VALIDATED_AT_ONCE]
            parts.append(np.asarray(evaluate(variables, batch, np.full(len(batch), place, np.float32), exact)))
        means.append(np.concatenate(parts, axis=1).mean(axis=1))
    by_mse, by_ms_ssim = np.stack(means, axis=1).tolist()
    return by_mse, by_ms_ssim


@lru_cache(maxsize=2)
def _make_evaluation(model: StudyVAE) -> Any:
    """Jitted: losses [2, B] of pictures [B, H, W, 3] at positions [B], by MSE and by MS-SSIM."""

    def evaluate(variables: Any, batch: Array, position: Array, exact: bool) -> Array:
        levels = batch.astype(jnp.float32)
        forward: Any = model.apply(variables, levels, position, exact)
        measures = measure(levels, forward)
        unlike = MS_SSIM_UNIT * (1.0 - ms_ssim(levels, _decoded(forward)))
        return jnp.stack([weighted(d, measures.bpp, position) for d in (measures.squared_error, unlike)])

    return jax.jit(evaluate, static_argnums=3)
