"""The classic autoencoder, 224x224x3 to 10x10x3 and back, twice: quantised with a learned prior, and Gaussian.

``python -m vaecompress_eval.classic_vae SOURCES --validation FILE -o curves.png`` trains both on the same crops and
draws their learning curves; docs/vae.md reads them. Both minimise lambda D + R: squared error in 8-bit levels, bits a
pixel. For one R is what its learned prior charges (Ballé et al. 2017, arXiv 1611.01704), for the other the divergence
of posterior and prior (Kingma and Welling 2014, arXiv 1312.6114).
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from vaecompress.entropy.coder import encode
from vaecompress.entropy.tables import TableSet, table_from_pmf
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import listed_names, middles, validation_images
from vaecompress.transforms.likelihoods import FactorizedPrior, bits, interval_mass
from vaecompress.transforms.resample import depth_to_space, space_to_depth
from vaecompress.transforms.tfp import distributions as tfd

from .console import ProgressBar, exit_code

Array = jax.Array
Pixels = npt.NDArray[np.uint8]

SIDE, LATENTS = 224, 3
START_GAIN = 8.0
"""Quantised latents start this much larger: below half a step all would round to 0."""

LARGEST = 100
"""Symbols beyond +-LARGEST are escapes of the coder."""


class Analysis(nn.Module):
    """Pictures [B, 224, 224, 3] in -1/2..1/2 to latents [B, 10, 10, ``outputs``].

    A halving is a convolution of 2x2 in steps of 2: samples rearranged, and a product of matrices.
    """

    width: int
    outputs: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for scale in (1, 2, 3, 4):  # 112, 56, 28, 14
            x = nn.leaky_relu(nn.Dense(scale * self.width)(space_to_depth(x, 2)))
        return nn.Conv(self.outputs, (5, 5), padding="VALID")(x)


class Synthesis(nn.Module):
    """The mirror: latents [B, 10, 10, LATENTS] to pictures [B, 224, 224, 3]."""

    width: int

    @nn.compact
    def __call__(self, y: Array) -> Array:
        x = nn.leaky_relu(nn.ConvTranspose(4 * self.width, (5, 5), padding="VALID")(y))  # 14
        for scale in (3, 2, 1):
            x = nn.leaky_relu(depth_to_space(nn.Dense(4 * scale * self.width)(x), 2))
        return depth_to_space(nn.Dense(4 * 3)(x), 2)


class Coded(NamedTuple):
    """Latents as the decoder gets them, pictures from them, and bits of each picture [B]."""

    y_hat: Array
    x_hat: Array
    bits: Array


class QuantisedVAE(nn.Module):
    """The posterior is a box, one step wide; the prior is learned. Without a key, latents are rounded, as in a file."""

    width: int = 24

    def setup(self) -> None:
        self.analysis, self.synthesis = Analysis(self.width, LATENTS), Synthesis(self.width)
        self.prior = FactorizedPrior(LATENTS, sets=1)

    def __call__(self, x: Array, key: Array | None = None) -> Coded:
        y = START_GAIN * self.analysis(x)
        y_hat = jnp.round(y) if key is None else y + jax.random.uniform(key, y.shape, minval=-0.5, maxval=0.5)
        return Coded(y_hat, self.synthesis(y_hat / START_GAIN), _total(bits(self.mass(y_hat))))

    def mass(self, y_hat: Array) -> Array:
        """What the prior thinks of latents [B, h, w, LATENTS]."""
        return self.prior(y_hat, jnp.zeros(len(y_hat), jnp.int32))


class GaussianVAE(nn.Module):
    """The posterior is normal, as wide as the encoder says; the prior is the standard normal."""

    width: int = 24

    def setup(self) -> None:
        self.analysis, self.synthesis = Analysis(self.width, 2 * LATENTS), Synthesis(self.width)

    def __call__(self, x: Array, key: Array | None = None, grid: float = 0.0) -> Coded:
        """Without a key the means are decoded. On a ``grid`` they are rounded to it, and cost what the prior says."""
        mean, log_scale = jnp.split(self.analysis(x), 2, axis=-1)
        posterior, prior = tfd.Normal(mean, jnp.exp(log_scale)), tfd.Normal(0.0, 1.0)
        if grid:
            y_hat = grid * jnp.round(mean / grid)
            mass = interval_mass(tfd.Normal(0.0, 1.0 / grid), y_hat / grid)
            return Coded(y_hat, self.synthesis(y_hat), _total(bits(mass)))
        y_hat = mean if key is None else mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        return Coded(y_hat, self.synthesis(y_hat), _total(tfd.kl_divergence(posterior, prior)) / jnp.log(2.0))


Classic = QuantisedVAE | GaussianVAE


def _total(values: Array) -> Array:
    return jnp.sum(values, axis=(1, 2, 3))


class Point(NamedTuple):
    """Means over pictures: the loss, bits a picture, and PSNR in dB of the mean squared error."""

    loss: Any
    bits: Any
    psnr_db: Any


def judged(coded: Coded, levels: Array, weight: float) -> Point:
    """What is minimised, and its parts, of pictures ``levels`` uint8 [B, 224, 224, 3]; ``weight`` is lambda."""
    error = jnp.mean(jnp.square(256.0 * coded.x_hat + 128.0 - levels.astype(jnp.float32)))
    rate = jnp.mean(coded.bits)
    return Point(weight * error + rate / SIDE**2, rate, 10.0 * jnp.log10(255.0**2 / error))


class Trained(NamedTuple):
    """Weights, and the learning curve: (step, :class:`Point`) on validation pictures."""

    params: Any
    curve: list[tuple[int, Point]]


def train(
    model: Classic,
    batches: Resident,
    tests: Pixels,
    steps: int,
    batch_size: int = 8,
    weight: float = 1e-4,
    checks: int = 20,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Adam, 2e-3 at most, a cosine down to nothing. ``tests`` uint8 [N, 224, 224, 3] are coded ``checks`` times.

    The quantised one is tested rounded, the Gaussian one sampled.
    """
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, SIDE, SIDE, 3)), jax.random.key(0))
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(2e-3, steps)))

    @jax.jit
    def step(params: Any, state: Any, levels: Array, key: Array) -> tuple[Any, Any]:
        def loss(params: Any) -> Array:
            coded: Any = model.apply(params, centred(levels), key)
            return jnp.asarray(judged(coded, levels, weight).loss)

        with jax.numpy_dtype_promotion("standard"):  # optax raises its decay rates to whole numbers
            updates, state = optimiser.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    @jax.jit
    def check(params: Any, levels: Array, key: Array) -> Point:
        coded: Any = model.apply(params, centred(levels), None if isinstance(model, QuantisedVAE) else key)
        return judged(coded, levels, weight)

    state, curve, every = optimiser.init(params), [], max(1, steps // checks)
    shown = jnp.asarray(tests)
    for index in range(steps):
        if index % every == 0:
            curve.append((index, check(params, shown, jax.random.key(1))))
        levels = jnp.asarray(batches.batch(index, batch_size, SIDE))
        params, state = step(params, state, levels, jax.random.fold_in(jax.random.key(2), index))
        progress(index + 1, steps)
    return Trained(params, [*curve, (steps, check(params, shown, jax.random.key(1)))])


def centred(levels: Any) -> Array:
    """uint8 pictures in -1/2..1/2."""
    return jnp.asarray(levels, jnp.float32) / 256.0 - 0.5


def file_of(model: QuantisedVAE, params: Any, y_hat: Array) -> bytes:
    """The bytes of rounded latents [1, 10, 10, LATENTS], by integer tables of the learned prior."""
    line = jnp.broadcast_to(jnp.arange(-LARGEST, LARGEST + 1.0)[None, :, None, None], (1, 2 * LARGEST + 1, 1, LATENTS))
    masses = np.asarray(model.apply(params, line, method="mass"), np.float64)[0, :, 0]
    tables = TableSet.from_tables([table_from_pmf(-LARGEST, masses[:, channel]) for channel in range(LATENTS)])
    symbols = np.asarray(y_hat, np.int32).reshape(-1, LATENTS)
    return encode(
        [(symbols[:, channel], np.full(len(symbols), channel, np.uint16)) for channel in range(LATENTS)], tables
    )


def best_grid(model: GaussianVAE, params: Any, tests: Pixels, weight: float = 1e-4) -> tuple[float, Point]:
    """The grid, a power of two, on which rounding the means costs least, and what it costs."""
    found = []
    for grid in (1.0, 0.5, 0.25, 0.125, 0.0625):
        coded: Any = model.apply(params, centred(tests), None, grid)
        found.append((grid, judged(coded, jnp.asarray(tests), weight)))
    return min(found, key=lambda pair: float(pair[1].loss))


def plot(curves: dict[str, Trained], path: Path) -> None:
    """Loss, bits a picture and PSNR by step, a line each. Needs matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    for panel, name in zip(panels, ("loss", "bits a picture", "PSNR [dB]"), strict=True):
        panel.set(title=name, xlabel="step")
    for name, trained in curves.items():
        steps = [step for step, _ in trained.curve]
        for panel, values in zip(panels, zip(*(point for _, point in trained.curve), strict=True), strict=True):
            panel.plot(steps, [float(value) for value in values], label=name)
    panels[0].legend()
    figure.savefig(path, dpi=80)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "sources", type=Path, nargs="+", help="pictures, folders or tar shards, of 224 pixels a side at least"
    )
    parser.add_argument("--validation", type=Path, required=True, metavar="FILE", help="names to test on")
    parser.add_argument("--steps", type=int, default=400, help="of 8 crops (400)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="plot of the learning curves")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    names = listed_names([options.validation])
    tests = middles(validation_images(options.sources, sorted(names)), SIDE)
    batches = Resident.load(options.sources, names)
    curves = {}
    for name, model in (("quantised", QuantisedVAE()), ("Gaussian", GaussianVAE())):
        bar = ProgressBar()
        curves[name] = train(model, batches, tests, options.steps, progress=partial(_told, bar))
        bar.close()
        print(_line(name, curves[name].curve[-1][1]))
    grid, point = best_grid(GaussianVAE(), curves["Gaussian"].params, tests)
    print(_line(f"Gaussian, means rounded to 1/{1 / grid:.0f}", point))
    plot(curves, options.output)


def _told(bar: ProgressBar, done: int, total: int) -> None:
    bar(done, total, "steps")


def _line(name: str, point: Point) -> str:
    return f"{name}: loss {point.loss:.3f}, {point.bits:.0f} bits a picture, {point.psnr_db:.2f} dB"


if __name__ == "__main__":
    raise SystemExit(main())
