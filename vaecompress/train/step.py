"""The state of a run and the jitted functions that move it, each made and compiled once for its arguments."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import optax

from vaecompress.train import devices
from vaecompress.train.model import Model, apply, at_any_quality, drawn, model_of, noisy, own_positions, pictures
from vaecompress.train.objective import Measures, measure, rate_distortion
from vaecompress.train.optimiser import optimiser
from vaecompress.train.presets import Preset
from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.layers import one_grid_a_stage
from vaecompress.transforms.vae import Variables

Array = jax.Array
T = TypeVar("T")


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


class Moment(NamedTuple):
    """When a step is taken: ``seed`` of the run's randomness, ``place`` 0..1 in it, multiplier of the learning rate."""

    seed: Any
    place: Any
    decay: Any


StepFunction = Callable[[TrainState, Array, Moment], tuple[TrainState, StepReport]]

ForwardPass = Callable[[Variables, Array, Array, Array, Array], Forward]
"""Variables, a batch [B, H, W, C] in 8-bit levels, positions [B], a key of noise, and the place 0..1 in the run."""

Loss = Callable[[Array, Forward, Measures, Array], Array]
"""Pictures [B, H, W, 3 or 4] in 8-bit levels, what their forward pass gave, its measures, positions [B]: losses [B]."""

Draw = Callable[[Array, Array], tuple[Array, Array]]
"""A batch [B, H, W, C] in 8-bit levels and a key, to what is trained on of it, and the positions [B] it is coded at."""


def init_state(transform: optax.GradientTransformation, variables: Variables, start_step: int = 0) -> TrainState:
    """State at ``start_step`` from ``variables``, with a fresh optimiser, on every device."""
    params = jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, jnp.float32), variables["params"])
    state = TrainState(
        step=jnp.asarray(start_step, jnp.int32),
        params=params,
        ema=params,
        ranges=jax.tree_util.tree_map(lambda leaf: jnp.asarray(leaf, jnp.float32), variables["ranges"]),
        optimiser=transform.init(params),
    )
    placed: TrainState = devices.replicate(state)
    return placed


def make_step(
    transform: optax.GradientTransformation,
    ema_decay: float,
    forward_pass: ForwardPass,
    loss_of: Loss,
    draw: Draw = at_any_quality,
) -> StepFunction:
    """One step on a batch of 8-bit crops [B, H, W, C].

    Weights, their average, gradients and the optimiser are float32, and float32 products are never rounded to fewer
    bits, as a GPU otherwise does.
    """

    @jax.default_matmul_precision("highest")
    def step(state: TrainState, batch: Array, moment: Moment) -> tuple[TrainState, StepReport]:
        noise_key, position_key = jax.random.split(jax.random.fold_in(jax.random.key(moment.seed), state.step))
        levels, position = draw(batch.astype(jnp.float32), position_key)

        def loss(params: Any) -> tuple[Array, Measures]:
            variables = {"params": params, "ranges": state.ranges}
            forward = forward_pass(variables, levels, position, noise_key, moment.place)
            measures = measure(pictures(levels), forward)
            return jnp.mean(loss_of(pictures(levels), forward, measures, position)), measures

        (value, measures), gradient = jax.value_and_grad(loss, has_aux=True)(state.params)
        with jax.numpy_dtype_promotion("standard"):  # optax raises its decay rates to whole numbers
            updates, opt_state = transform.update(gradient, state.optimiser, state.params)
        params = jax.tree_util.tree_map(lambda leaf, update: leaf + moment.decay * update, state.params, updates)
        new = TrainState(state.step + 1, params, _average(ema_decay, state, params), state.ranges, opt_state)
        report = StepReport(value, jnp.mean(measures.bpp), jnp.mean(measures.psnr_db), optax.global_norm(gradient))
        return new, report

    return jax.jit(step, donate_argnums=0, out_shardings=devices.replicated())


@cache
def make_preset_step(
    preset: Preset[Any], compute_dtype: Any, exact_phase: bool, noise_levels: float = 0.0
) -> StepFunction:
    """The step of a preset; ``exact_phase``: with rounding in the loop, in float32 whatever ``compute_dtype`` says.

    Pictures go in under noise of ``noise_levels``, and the loss compares with what they were without.
    """
    model = model_of(preset.model, jnp.float32 if exact_phase else compute_dtype, preset.recipe.coded)

    def forward_pass(variables: Variables, levels: Array, position: Array, key: Array, place: Array) -> Forward:
        if noise_levels:
            levels = noisy(levels, noise_levels, jax.random.fold_in(key, 1))
        found: Any = apply(model, variables, levels, position, exact_phase, True, rngs={"noise": key})
        return cast(Forward, found)

    def loss(levels: Array, forward: Forward, measures: Measures, position: Array) -> Array:
        return rate_distortion(measures, position)

    return make_step(optimiser(preset.recipe), preset.recipe.ema_decay, forward_pass, loss, partial(drawn, model))


def _average(ema_decay: float, state: TrainState, params: Any) -> Any:
    """Exponential moving average of the weights, faster while the run is young."""
    age = state.step.astype(jnp.float32)
    decay = jnp.minimum(ema_decay, (1.0 + age) / (10.0 + age))
    return jax.tree_util.tree_map(lambda mean, new: mean + (1.0 - decay) * (new - mean), state.ema, params)


@cache
def make_calibration(model: Model) -> Callable[[TrainState, Array], TrainState]:
    """Widens ``ranges`` to what a batch shows, at the averaged weights and at every quality of the batch.

    All sums of a stage get one grid.
    """

    def calibrate(state: TrainState, batch: Array) -> TrainState:
        levels = batch.astype(jnp.float32)
        own = own_positions(model, levels)
        position = jnp.linspace(0.0, 1.0, batch.shape[0]) if own is None else own
        variables = {"params": state.ema, "ranges": state.ranges}
        _, seen = apply(model, variables, levels, position, mutable=["ranges"])
        return state._replace(ranges=one_grid_a_stage(seen["ranges"]))

    return jax.jit(calibrate, out_shardings=devices.replicated())


@cache
def make_evaluation(model: Model, judge: Callable[[Array, Forward], T]) -> Callable[[Variables, Array, Array, bool], T]:
    """What ``judge`` says of the pictures of 8-bit batches [B, H, W, C], coded in rounded symbols at positions [B].

    In float arithmetic or exact.
    """

    def evaluate(variables: Variables, batch: Array, position: Array, exact_phase: bool) -> T:
        levels = batch.astype(jnp.float32)
        return judge(pictures(levels), apply(model, variables, levels, position, exact_phase))

    return jax.jit(evaluate, static_argnums=3, out_shardings=devices.replicated())
