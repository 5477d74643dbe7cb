"""A training step and a validation of the study, assembled from what a row asks for."""

from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from vaecompress.train.loop import VALIDATION_POSITIONS
from vaecompress.train.objective import Measures, measure
from vaecompress.train.optimiser import Rate, labels, optimiser, warm_up
from vaecompress.train.step import StepFunction, TrainState, init_state, make_evaluation, make_step
from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.vae import Variables, init_variables

from .loss import distortion, weighted
from .model import StudyVAE
from .rows import Setup
from .start import Batches, placed

Array = jax.Array
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
    return init_state(optimiser_of(setup), variables)


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


def _on_matrices(setup: Setup, rate: Rate) -> Any:
    if setup.method == "muon":
        larger = MUON_RATE / setup.preset.recipe.learning_rate
        return optax.contrib.muon(lambda step: larger * rate(step))
    if setup.method == "adamw":
        return optax.adamw(rate, b1=0.9, b2=0.99, weight_decay=ADAMW_DECAY)
    return optax.adam(rate, b1=0.9, b2=0.99)


def step_of(setup: Setup, exact_phase: bool) -> StepFunction:
    """The jitted :data:`StepFunction` of a row, the same one for rows whose steps do not differ, so compiled once."""
    recipe = replace(setup.preset.recipe, seed=0, batch_size=1, crops=(), decay_share=0.0, exact_share=0.0)
    preset = replace(setup.preset, recipe=recipe)
    return _make_step(replace(setup, preset=preset, start="dct", data="clean", exact=False), exact_phase)


@lru_cache(maxsize=2)
def _make_step(setup: Setup, exact_phase: bool) -> StepFunction:
    model = model_of(setup)

    def forward_pass(variables: Variables, levels: Array, position: Array, key: Array, place: Array) -> Forward:
        """Rounding in the loop is made for the baseline's quantisation only."""
        rngs = {"noise": key}
        if setup.quantisation in ("mixed", "straight-through"):
            noise = setup.quantisation == "mixed"
            found: Any = model.apply(variables, levels, position, exact_phase, noise, rngs=rngs)
        else:
            sharpness = LAST_SHARPNESS**place if setup.quantisation == "soft" else None
            found = model.apply(variables, levels, position, sharpness, rngs=rngs, method="relaxed")
        return cast(Forward, found)

    def loss(levels: Array, forward: Forward, measures: Measures, position: Array) -> Array:
        distorted = distortion(setup.distortion, levels, _decoded(forward))
        return weighted(distorted, measures.bpp, position, setup.weight_power)

    return make_step(optimiser_of(setup), setup.preset.recipe.ema_decay, forward_pass, loss)


def _decoded(forward: Forward) -> Array:
    """The decoded pictures in 8-bit levels, not rounded."""
    return forward.x_hat * 256.0 + 128.0


def validate(
    setup: Setup, state: TrainState, pictures: npt.NDArray[np.uint8], exact: bool
) -> tuple[list[float], list[float]]:
    """Losses of the averaged weights at the five qualities of a run's validation: by MSE, and by MS-SSIM instead.

    ``pictures`` [N, H, W, 3]; symbols are rounded. ``exact``: in exact arithmetic, which needs calibrated ranges.
    """
    evaluate = make_evaluation(model_of(setup), _distortions_and_bpp)
    variables = {"params": state.ema, "ranges": state.ranges}
    means = []
    for place in VALIDATION_POSITIONS:
        parts = []
        for start in range(0, len(pictures), VALIDATED_AT_ONCE):
            batch = jnp.asarray(pictures[start : start + VALIDATED_AT_ONCE])
            position = jnp.full(len(batch), place, jnp.float32)
            distortions, bpp = evaluate(variables, batch, position, exact)
            parts.append(np.stack([weighted(each, bpp, position) for each in distortions]))
        means.append(np.concatenate(parts, axis=1).mean(axis=1))
    by_mse, by_ms_ssim = np.stack(means, axis=1).tolist()
    return by_mse, by_ms_ssim


def _distortions_and_bpp(levels: Array, forward: Forward) -> tuple[tuple[Array, Array], Array]:
    """Of pictures [B, H, W, 3]: squared error and what stands for MS-SSIM, both [B], and bits per pixel [B]."""
    measures = measure(levels, forward)
    return (measures.squared_error, distortion("ms-ssim", levels, _decoded(forward))), measures.bpp
