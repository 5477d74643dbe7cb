"""SOAP on the matrices, Adam on everything else, one warm-up of both."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from vaecompress.train.presets import Recipe
from vaecompress.train.soap import soap
from vaecompress.transforms.coded_vae import ENCODER

Rate = Callable[[Any], jax.Array]


def warm_up(recipe: Recipe) -> Rate:
    """Learning rate by the steps since the optimiser was fresh: up to the peak, and there it stays."""

    def rate(step: Any) -> jax.Array:
        warm = jnp.minimum(1.0, (jnp.asarray(step, jnp.float32) + 1.0) / max(1, recipe.warmup_steps))
        return jnp.asarray(recipe.learning_rate * warm, jnp.float32)

    return rate


def optimiser(recipe: Recipe) -> optax.GradientTransformation:
    """Clip by global norm, then SOAP or Adam; the linear path, which starts as a DCT, moves at a lower rate.

    Its updates are those of the warm-up's rate: the caller scales them by ``Schedule.decay``. On coded crops the
    encoder's own networks stay as they are.
    """
    rate = warm_up(recipe)
    return optax.chain(
        optax.clip_by_global_norm(recipe.gradient_clip),
        optax.multi_transform(
            {
                "matrix": soap(rate, refresh_every=recipe.basis_refresh),
                "linear": optax.chain(soap(rate, refresh_every=recipe.basis_refresh), optax.scale(recipe.linear_rate)),
                "other": optax.adam(rate, b1=0.9, b2=0.99),
                "kept": optax.set_to_zero(),
            },
            partial(labels, kept=ENCODER if recipe.coded else ()),
        ),
    )


def labels(params: Any, kept: Collection[str] = ()) -> Any:
    """Which optimiser each leaf gets: ``matrix`` for dense kernels, ``linear`` for the linear path's, ``other``.

    Or ``kept``, in the networks called so.
    """

    def label(path: tuple[Any, ...], leaf: jax.Array) -> str:
        names = [entry.key for entry in path]
        if names[0] in kept:
            return "kept"
        if names[-1] != "kernel" or leaf.ndim != 2:
            return "other"
        return "linear" if names[-2] == "linear" else "matrix"

    return jax.tree_util.tree_map_with_path(label, params)
