"""Gradient search for better latents of one picture: stochastic Gumbel annealing through the float decoder.

After Yang, Bamler and Mandt 2020 (arXiv 2006.04240, section 3.2): every latent is drawn between the two integers around
it, by Gumbel-softmax at a falling temperature, and Adam follows the gradient of lambda * D + R. Large pictures are done
window by window, each with the latents around it held, so that memory stays bounded.
"""

from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.encoder.effort import Progress
from vaecompress.encoder.latents import TARGET_UNIT
from vaecompress.export.restore import restore
from vaecompress.format import HYPER_PATCH, PATCH, lambda_at, quality_position
from vaecompress.media.tiling import Box, Tile, tiles
from vaecompress.models.file import ModelFile
from vaecompress.transforms.latent_coder import scale_index
from vaecompress.transforms.likelihoods import bits
from vaecompress.transforms.synthesis import from_levels
from vaecompress.transforms.vae import HyperpriorVAE

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]
Latents = dict[str, jax.Array]
"""Latents ``y`` [1, h, w, M] and hyper-latents ``z`` [1, h/4, w/4, Z], not rounded."""

CORE, HALO = 768, 64
"""Side of what one window changes and the width of what it sees around that, in pixels."""

LEARNING_RATE, FINAL_RATE = 0.02, 0.1
FIRST_TEMPERATURE, LAST_TEMPERATURE = 0.5, 0.1
ADAM_DECAYS, ADAM_EPSILON = (0.9, 0.999), 1e-8
EDGE = 1e-4
"""How near to an integer a latent's place between two of them is told apart from it."""


class Problem(NamedTuple):
    """A window: the picture [1, H, W, 3] in 0..255, what of it counts [1, H, W, 1], what may change, the quality.

    An error times ``counts`` is squared.

    ``colours`` [3, 3] turns errors into those that are seen: of a grey picture the mean of the three.
    """

    levels: jax.Array
    counts: jax.Array
    colours: jax.Array
    free: Latents
    position: jax.Array


class State(NamedTuple):
    """Latents, Adam's two moments of their gradients, and the steps done."""

    latents: Latents
    first: Latents
    second: Latents
    step: jax.Array


class GradientRefiner:
    """Refines with one model's decoder. See :class:`vaecompress.encoder.effort.Refiner`."""

    def __init__(self, file: ModelFile) -> None:
        """Raises CorruptError when the file lacks a parameter."""
        self._model, variables = restore(file)
        self._variables = jax.device_put(variables)
        self._turn = Lock()

    def __call__(
        self,
        pixels: Pixels,
        y: Array,
        z: Array,
        quality: int,
        steps: int,
        weights: Array | None = None,
        progress: Progress | None = None,
    ) -> tuple[Array, Array]:
        """Better latents y and z. One call runs at a time: a step keeps all cores busy."""
        y, z = y.copy(), z.copy()
        windows = list(_windows(z.shape[2] * HYPER_PATCH, z.shape[3] * HYPER_PATCH))
        with self._turn:
            for count, tile in enumerate(windows):
                problem, start = _cut(pixels, y, z, tile, quality, weights)
                state = _start(start)
                for step in range(steps):
                    state = _step(self._model, self._variables, problem, state, steps)
                    state.step.block_until_ready()  # else steps queue up, and Ctrl-C waits for all of them
                    if progress is not None:
                        progress(count * steps + step + 1, len(windows) * steps)
                _put_back(state.latents, y, z, tile)
        return y, z


def _windows(height: int, width: int) -> Iterator[Tile]:
    """Tiles in pixels, all padded to one size, so that one compiled step serves them all."""
    for tile in tiles(height, width, CORE, HALO, HYPER_PATCH):
        top, bottom = _span(tile.core.top, height)
        left, right = _span(tile.core.left, width)
        yield Tile(tile.core, Box(top, left, bottom, right))


def _span(core_start: int, side: int) -> tuple[int, int]:
    length = min(CORE + 2 * HALO, side)
    start = max(0, min(core_start - HALO, side - length))
    return start, start + length


def _cut(
    pixels: Pixels, y: Array, z: Array, tile: Tile, quality: int, weights: Array | None
) -> tuple[Problem, Latents]:
    """One window of a picture, and its latents channels last, in steps."""
    seen, core = tile.padded, tile.core.within(tile.padded)
    rows, columns = seen.slices
    inside = pixels[rows, columns]
    levels = np.zeros((1, seen.height, seen.width, 3), np.float32)
    counts = np.zeros((1, seen.height, seen.width, 1), np.float32)
    levels[0, : inside.shape[0], : inside.shape[1]] = inside
    counts[0, : inside.shape[0], : inside.shape[1]] = 1
    if weights is not None:
        places = (
            np.minimum(np.arange(span.start, span.stop) // PATCH, side - 1)
            for span, side in zip((rows, columns), weights.shape, strict=True)
        )
        counts[0, :, :, 0] *= np.sqrt(weights[np.ix_(*places)])
    start, free = {}, {}
    for name, values, patch in (("y", y * np.float32(1 / TARGET_UNIT), PATCH), ("z", z, HYPER_PATCH)):
        rows, columns = seen.scaled(1, patch).slices
        start[name] = jnp.asarray(values[:, :, rows, columns].transpose(0, 2, 3, 1))
        mask = np.zeros((1, *start[name].shape[1:3], 1), np.float32)
        rows, columns = core.scaled(1, patch).slices
        mask[:, rows, columns] = 1
        free[name] = jnp.asarray(mask)
    position = jnp.full((1,), quality_position(quality), jnp.float32)
    colours = jnp.eye(3) if pixels.shape[2] == 3 else jnp.full((3, 3), 1 / 3)
    return Problem(jnp.asarray(levels), jnp.asarray(counts), colours, free, position), start


def _put_back(latents: Latents, y: Array, z: Array, tile: Tile) -> None:
    """Copy the core of a window's latents into those of the picture."""
    for name, values, patch, unit in (("y", y, PATCH, TARGET_UNIT), ("z", z, HYPER_PATCH, 1)):
        rows, columns = tile.core.within(tile.padded).scaled(1, patch).slices
        found = np.asarray(latents[name])[:, rows, columns].transpose(0, 3, 1, 2) * np.float32(unit)
        rows, columns = tile.core.scaled(1, patch).slices
        if values.dtype == np.int16:
            found = np.clip(np.rint(found), -(1 << 15), (1 << 15) - 1)
        values[:, :, rows, columns] = found


def _start(latents: Latents) -> State:
    zeros = {name: jnp.zeros_like(value) for name, value in latents.items()}
    return State(latents, zeros, zeros, jnp.zeros((), jnp.int32))


@partial(jax.jit, static_argnums=0)
def _step(model: HyperpriorVAE, variables: Any, problem: Problem, state: State, steps: jax.Array) -> State:
    """One step of Adam on one draw."""
    done = state.step.astype(jnp.float32)
    progress = done / steps
    temperature = FIRST_TEMPERATURE * (LAST_TEMPERATURE / FIRST_TEMPERATURE) ** progress
    rate = LEARNING_RATE * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + jnp.cos(jnp.pi * progress)))
    key = jax.random.fold_in(jax.random.key(0), state.step)
    gradient = jax.grad(_cost)(state.latents, model, variables, problem, key, temperature)

    def moved(value: jax.Array, first: jax.Array, second: jax.Array, free: jax.Array) -> jax.Array:
        size = jnp.sqrt(second / (1 - ADAM_DECAYS[1] ** (done + 1.0))) + ADAM_EPSILON
        return value - rate * free * first / (1 - ADAM_DECAYS[0] ** (done + 1.0)) / size

    first = _averaged(state.first, gradient, ADAM_DECAYS[0])
    second = _averaged(state.second, {name: value * value for name, value in gradient.items()}, ADAM_DECAYS[1])
    latents = {
        name: moved(value, first[name], second[name], problem.free[name]) for name, value in state.latents.items()
    }
    return State(latents, first, second, state.step + 1)


def _averaged(mean: Latents, new: Latents, decay: float) -> Latents:
    return {name: decay * mean[name] + (1 - decay) * new[name] for name in mean}


def _cost(
    latents: Latents, model: HyperpriorVAE, variables: Any, problem: Problem, key: jax.Array, temperature: jax.Array
) -> jax.Array:
    """lambda * D + R in bits of one draw; only what counts of the picture enters D."""
    keys = iter(jax.random.split(key, 1 + model.config.context_steps))
    z_hat = _drawn(latents["z"], next(keys), temperature, problem.free["z"])

    def draw(residual: jax.Array, log2_scale: jax.Array) -> jax.Array:
        drawn = _drawn(residual, next(keys), temperature, problem.free["y"])
        return jnp.where(scale_index(log2_scale) == 0, 0.0, drawn)

    forward: Any = model.apply(variables, latents["y"], z_hat, problem.position, draw, method="code_latents")
    error = (forward.x_hat - from_levels(problem.levels)) * 256.0 * problem.counts @ problem.colours
    rate = jnp.sum(bits(forward.y_likelihood)) + jnp.sum(bits(forward.z_likelihood))
    return jnp.asarray(lambda_at(problem.position)[0] * jnp.sum(error * error) / 3.0 + rate)


def _drawn(x: jax.Array, key: jax.Array, temperature: jax.Array, free: jax.Array) -> jax.Array:
    """A soft choice between the integers around x; the nearest where it is not ``free``.

    Logits -atanh(distance) / T, one logistic variate for the difference of two Gumbel ones.
    """
    low = jax.lax.stop_gradient(jnp.floor(x))
    place = jnp.clip(x - low, EDGE, 1.0 - EDGE)
    odds = (jnp.arctanh(place) - jnp.arctanh(1.0 - place)) / temperature
    share = jax.nn.sigmoid((odds + jax.random.logistic(key, x.shape)) / temperature)
    return jnp.asarray(jnp.where(free > 0, low + share, jnp.round(x)))
