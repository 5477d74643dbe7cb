"""SOAP on the matrices, Adam on everything else, one schedule over both."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from vaecompress.train.presets import Recipe
from vaecompress.train.soap import soap

Schedule = Callable[[Any], jax.Array]


def schedule(recipe: Recipe, start_step: int = 0) -> Schedule:
    """Learning rate by step: warm-up (also after a start from weights at ``start_step``), hold, cosine decay."""
    decay_steps = max(1, int(recipe.steps * recipe.decay_share))

    def rate(step: Any) -> jax.Array:
        step = jnp.asarray(step, jnp.float32) + start_step
        warm = jnp.minimum(1.0, (step - start_step + 1.0) / max(1, recipe.warmup_steps))
        done = jnp.clip((step - (recipe.steps - decay_steps)) / decay_steps, 0.0, 1.0)
        cosine = recipe.final_rate + (1.0 - recipe.final_rate) * 0.5 * (1.0 + jnp.cos(jnp.pi * done))
        return jnp.asarray(recipe.learning_rate * warm * cosine, jnp.float32)

    return rate


def optimiser(recipe: Recipe, start_step: int = 0) -> optax.GradientTransformation:
    """Clip by global norm, then SOAP or Adam; the linear path, which starts as a DCT, moves at a lower rate."""
    rate = schedule(recipe, start_step)
    return optax.chain(
        optax.clip_by_global_norm(recipe.gradient_clip),
        optax.multi_transform(
            {
                "matrix": soap(rate, refresh_every=recipe.basis_refresh),
                "linear": optax.chain(
                    soap(rate, refresh_every=recipe.basis_refresh), optax.scale(recipe.linear_rate)
                ),
                "other": optax.adam(rate, b1=0.9, b2=0.99),
            },
            labels,
        ),
    )


def labels(params: Any) -> Any:
    """Which optimiser each leaf gets: ``matrix`` for dense kernels, ``linear`` for the linear path's, ``other``."""

    def label(path: tuple[Any, ...], leaf: jax.Array) -> str:
        names = [entry.key for entry in path]
        if names[-1] != "kernel" or leaf.ndim != 2:
            return "other"
        return "linear" if names[-2] == "linear" else "matrix"

    return jax.tree_util.tree_map_with_path(label, params)
