"""The state of a run and the jitted functions that move it, each made and compiled once for its arguments."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vaecompress.train import devices
from vaecompress.train.objective import Measures, measure, positions, rate_distortion
from vaecompress.train.optimiser import optimiser
from vaecompress.train.presets import Preset, Recipe
from vaecompress.transforms.vae import HyperpriorVAE, Variables

Array = jax.Array


class TrainState(NamedTuple):
    """Everything a resumed run needs. ``ranges`` are the calibrated grids of the exact phase."""

    step: Array
    params: Any
    ema: Any
    ranges: Any
    optimiser: Any


class StepReport(NamedTuple):
    """Means over a batch: loss, bits a pixel, PSNR in dB; and the gradient's norm before clipping."""

    loss: Array
    bpp: Array
    psnr_db: Array
    gradient_norm: Array


StepFunction = Callable[[TrainState, Array, Any], tuple[TrainState, StepReport]]


def init_state(preset: Preset, variables: Variables, start_step: int = 0) -> TrainState:
    """State at ``start_step`` from ``variables``, with a fresh optimiser, on every device."""
    params = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, jnp.float32), variables["params"])
    state = TrainState(
        step=jnp.asarray(start_step, jnp.int32),
        params=params,
        ema=params,
        ranges=jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, jnp.float32), variables["ranges"]),
        optimiser=optimiser(preset.recipe).init(params),
    )
    placed: TrainState = devices.replicate(state)
    return placed


@cache
def make_step(preset: Preset, compute_dtype: Any, exact_phase: bool) -> StepFunction:
    """One step on a batch of 8-bit crops [B, H, W, 3], at ``Progress.decay`` of the learning rate.

    ``exact_phase``: with rounding in the loop, and then in float32 whatever ``compute_dtype`` says. Weights, their
    average, gradients and the optimiser are float32 in both phases, and float32 products are never rounded to fewer
    bits, as a GPU otherwise does.
    """
    recipe = preset.recipe
    model = HyperpriorVAE(preset.model, jnp.float32 if exact_phase else compute_dtype)
    transform = optimiser(recipe)

    @jax.default_matmul_precision("highest")
    def step(state: TrainState, batch: Array, decay: Any) -> tuple[TrainState, StepReport]:
        noise_key, position_key = jax.random.split(jax.random.fold_in(jax.random.key(recipe.seed), state.step))
        position = positions(position_key, batch.shape[0])
        levels = batch.astype(jnp.float32)

        def loss(params: Any) -> tuple[Array, Measures]:
            variables = {"params": params, "ranges": state.ranges}
            forward: Any = model.apply(variables, levels, position, exact_phase, True, rngs={"noise": noise_key})
            measures = measure(levels, forward)
            return jnp.mean(rate_distortion(measures, position)), measures

        (value, measures), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
        updates, opt_state = transform.update(gradient, state.optimiser, state.params)
        params = jax.tree_util.tree_map(lambda leaf, update: leaf + decay * update, state.params, updates)
        new = TrainState(state.step + 1, params, _average(recipe, state, params), state.ranges, opt_state)
        report = StepReport(value, jnp.mean(measures.bpp), jnp.mean(measures.psnr_db), optax.global_norm(gradient))
        return new, report

    return jax.jit(step, donate_argnums=0, out_shardings=devices.replicated())


def _average(recipe: Recipe, state: TrainState, params: Any) -> Any:
    """Exponential moving average of the weights, faster while the run is young."""
    age = state.step.astype(jnp.float32)
    decay = jnp.minimum(recipe.ema_decay, (1.0 + age) / (10.0 + age))
    return jax.tree_util.tree_map(lambda mean, new: mean + (1.0 - decay) * (new - mean), state.ema, params)


@cache
def make_calibration(preset: Preset) -> Callable[[TrainState, Array], TrainState]:
    """Widens ``ranges`` to what a batch shows, at the averaged weights and at every quality of the batch."""
    model = HyperpriorVAE(preset.model)

    def calibrate(state: TrainState, batch: Array) -> TrainState:
        position = jnp.linspace(0.0, 1.0, batch.shape[0])
        variables = {"params": state.ema, "ranges": state.ranges}
        _, seen = model.apply(variables, batch.astype(jnp.float32), position, mutable=["ranges"])
        return state._replace(ranges=seen["ranges"])

    return jax.jit(calibrate, out_shardings=devices.replicated())


@cache
def make_evaluation(preset: Preset) -> Callable[[Variables, Array, Array, bool], Measures]:
    """Rate (of rounded symbols) and distortion of 8-bit pictures [B, H, W, 3] at positions [B]; float or exact."""
    model = HyperpriorVAE(preset.model)

    def evaluate(variables: Variables, batch: Array, position: Array, exact_phase: bool) -> Measures:
        levels = batch.astype(jnp.float32)
        forward: Any = model.apply(variables, levels, position, exact_phase)
        return measure(levels, forward)

    return jax.jit(evaluate, static_argnums=3, out_shardings=devices.replicated())
