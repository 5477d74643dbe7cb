"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, as an optax transformation.

Source: Vyas et al. 2024, "SOAP: Improving and Stabilizing Shampoo using Adam" (arXiv 2409.11321), algorithms 3 and 4
and the one-sided variant. For a matrix W [m, n] with gradient G the optimiser averages L = E[G G^T] and R = E[G^T G],
keeps orthogonal bases Q_L, Q_R close to their eigenvectors, and runs Adam on Q_L^T G Q_R.

Matrices of one shape are stacked and updated together, and the renewal of their bases is spread over `refresh_every`
steps, so that all steps cost about the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

SideName = Literal["left", "right"]


class Side(NamedTuple):
    """Preconditioner of one side of k stacked matrices; s is the length of that side."""

    covariance: jax.Array  # [k, s, s], average of G G^T (left) or G^T G (right)
    basis: jax.Array  # [k, s, s], orthogonal, columns by falling eigenvalue


class Group(NamedTuple):
    """State of k matrices [m, n] of one shape; a side that is missing in `sides` keeps the identity as its basis."""

    mean: jax.Array  # [k, m, n], average of G, in the original space
    square: jax.Array  # [k, m, n], average of the projected G squared, in the eigenbasis
    sides: dict[SideName, Side]


class SoapState(NamedTuple):
    """State of `scale_by_soap`: gradients seen (int32 scalar) and one group per matrix shape, keyed "MxN"."""

    seen: jax.Array
    groups: dict[str, Group]


def soap(
    learning_rate: float | Callable[[Any], Any],
    b1: float = 0.95,
    b2: float = 0.95,
    eps: float = 1e-8,
    refresh_every: int = 10,
    max_two_sided: int = 400,
    weight_decay: float = 0.0,
) -> optax.GradientTransformation:
    """SOAP on the matrices of a tree, Adam with the same constants on every other leaf.

    ``learning_rate``: step size, or a schedule from the step number to it. ``b1``: decay of the averaged gradient.
    ``b2``: decay of the averaged square and of the preconditioner. ``eps``: added to the root of the averaged square.
    ``refresh_every``: steps between two renewals of a matrix's eigenbasis. ``max_two_sided``: longest side that gets an
    eigenbasis. A matrix with one longer side is preconditioned on the other side only; one with two longer sides is
    left to Adam. ``weight_decay``: decoupled decay of all leaves per unit of learning rate; `update` then needs
    `params`. Returns the transformation. Its state holds arrays only. Matrices do not move on the first step: its
    gradient founds their bases, and Adam in the basis of that same gradient would divide rounding noise by itself.
    """

    def label(leaf: Any) -> str:
        return "soap" if _sides_of(leaf.shape, max_two_sided) else "adam"

    by_label = {
        "soap": scale_by_soap(b1, b2, eps, refresh_every, max_two_sided),
        "adam": optax.scale_by_adam(b1, b2, eps),
    }
    parts = [optax.multi_transform(by_label, lambda params: jax.tree_util.tree_map(label, params))]
    if weight_decay:
        parts.append(optax.add_decayed_weights(weight_decay))
    return optax.chain(*parts, optax.scale_by_learning_rate(learning_rate))


def scale_by_soap(
    b1: float, b2: float, eps: float, refresh_every: int, max_two_sided: int
) -> optax.GradientTransformation:
    """The direction of SOAP (unit learning rate, no sign change) for a tree of matrices; arguments as in `soap`."""

    def init(params: Any) -> SoapState:
        groups = {
            key: _empty_group(len(members), members[0].shape, max_two_sided)
            for key, members in _by_shape(jax.tree_util.tree_leaves(params)).items()
        }
        return SoapState(jnp.zeros((), jnp.int32), groups)

    def update(updates: Any, state: SoapState, params: Any = None) -> tuple[Any, SoapState]:
        leaves, treedef = jax.tree_util.tree_flatten(updates)
        directions: dict[str, Iterator[jax.Array]] = {}
        groups: dict[str, Group] = {}
        chunks_before = 0
        for key, members in _by_shape(leaves).items():
            gradient = jnp.stack(members).astype(jnp.float32)
            direction, group = _direction(gradient, state.groups[key], state.seen, b1, b2, eps)
            group = _found(_observe(gradient, group, b2), state.seen == 0)
            groups[key] = _renew(group, -(state.seen + chunks_before) % refresh_every, refresh_every)
            directions[key] = iter(direction)
            chunks_before += _chunks(len(members), refresh_every)[1]
        moved = [next(directions[_key(leaf)]).astype(leaf.dtype) for leaf in leaves]
        return jax.tree_util.tree_unflatten(treedef, moved), SoapState(state.seen + 1, groups)

    return optax.GradientTransformation(init, update)


def _sides_of(shape: tuple[int, ...], max_two_sided: int) -> list[SideName]:
    """Sides of a leaf that get an eigenbasis."""
    if len(shape) != 2:
        return []
    names: tuple[SideName, SideName] = ("left", "right")
    return [name for name, length in zip(names, shape, strict=True) if length <= max_two_sided]


def _key(leaf: Any) -> str:
    return "x".join(map(str, leaf.shape))


def _by_shape(leaves: list[Any]) -> dict[str, list[Any]]:
    """The leaves by shape, in the order of the tree."""
    groups: dict[str, list[Any]] = {}
    for leaf in leaves:
        groups.setdefault(_key(leaf), []).append(leaf)
    return groups


def _empty_group(k: int, shape: tuple[int, int], max_two_sided: int) -> Group:
    sides: dict[SideName, Side] = {}
    for name in _sides_of(shape, max_two_sided):
        s = shape[0] if name == "left" else shape[1]
        sides[name] = Side(jnp.zeros((k, s, s), jnp.float32), jnp.tile(jnp.eye(s, dtype=jnp.float32), (k, 1, 1)))
    return Group(jnp.zeros((k, *shape), jnp.float32), jnp.zeros((k, *shape), jnp.float32), sides)


def _matmul(equation: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """Batched product in full float32: a GPU's default would round the factors to 10 bits."""
    return jnp.einsum(equation, a, b, precision=jax.lax.Precision.HIGHEST)


def _project(x: jax.Array, sides: dict[SideName, Side]) -> jax.Array:
    """Q_L^T x Q_R for x [k, m, n]."""
    if "left" in sides:
        x = _matmul("kia,kij->kaj", sides["left"].basis, x)
    if "right" in sides:
        x = _matmul("kij,kjb->kib", x, sides["right"].basis)
    return x


def _project_back(x: jax.Array, sides: dict[SideName, Side]) -> jax.Array:
    """Q_L x Q_R^T for x [k, m, n]."""
    if "left" in sides:
        x = _matmul("kia,kaj->kij", sides["left"].basis, x)
    if "right" in sides:
        x = _matmul("kib,kjb->kij", x, sides["right"].basis)
    return x


def _direction(
    gradient: jax.Array, group: Group, seen: jax.Array, b1: float, b2: float, eps: float
) -> tuple[jax.Array, Group]:
    """Adam in the current bases (algorithm 3); zero, with the moments untouched, on the founding step (0 seen)."""
    live = (seen > 0).astype(jnp.float32)
    mean = group.mean + live * (1 - b1) * (gradient - group.mean)
    square = group.square + live * (1 - b2) * (_project(gradient, group.sides) ** 2 - group.square)
    # On the founding step the moments are zero: any weight but zero will do.
    steps = jnp.maximum(seen, 1).astype(jnp.float32)
    mean_weight, square_weight = 1 - b1**steps, 1 - b2**steps
    step = _project(mean, group.sides) / mean_weight / (jnp.sqrt(square / square_weight) + eps)
    return _project_back(step, group.sides), group._replace(mean=mean, square=square)


def _observe(gradient: jax.Array, group: Group, b2: float) -> Group:
    """Average G G^T and G^T G into the covariances."""
    sides = {}
    for name, side in group.sides.items():
        product = _matmul("kij,klj->kil" if name == "left" else "kji,kjl->kil", gradient, gradient)
        sides[name] = side._replace(covariance=side.covariance + (1 - b2) * (product - side.covariance))
    return group._replace(sides=sides)


def _found(group: Group, founding: jax.Array) -> Group:
    """Take the eigenvectors of the covariances, by falling eigenvalue, as bases if `founding`."""

    def eigenvectors(side: Side) -> jax.Array:
        _, vectors = jnp.linalg.eigh(side.covariance)
        return jnp.flip(vectors, axis=2)

    sides = {}
    for name, side in group.sides.items():
        sides[name] = side._replace(basis=jax.lax.cond(founding, eigenvectors, lambda side: side.basis, side))
    return group._replace(sides=sides)


def _chunks(k: int, refresh_every: int) -> tuple[int, int]:
    """How many of k matrices to renew at once, and how many such steps renew all of them within `refresh_every`."""
    size = math.ceil(k / refresh_every)
    return size, math.ceil(k / size)


def _renew(group: Group, turn: jax.Array, refresh_every: int) -> Group:
    """Renew the bases of the chunk of matrices whose turn it is, if there is one."""
    k = group.mean.shape[0]
    size, chunks = _chunks(k, refresh_every)
    # The last chunk may overlap the one before: a few bases are then renewed twice a round.
    start = jnp.minimum(turn * size, k - size)
    chunk = jax.tree_util.tree_map(lambda x: jax.lax.dynamic_slice_in_dim(x, start, size), group)
    chunk = jax.lax.cond(turn < chunks, _power_iteration, lambda chunk: chunk, chunk)
    renewed: Group = jax.tree_util.tree_map(
        lambda x, part: jax.lax.dynamic_update_slice_in_dim(x, part, start, 0), group, chunk
    )
    return renewed


def _power_iteration(group: Group) -> Group:
    """Bases after one power iteration and QR (algorithm 4).

    The columns are first sorted by the eigenvalues they stand for, and the averaged squares with them: QR favours its
    first columns, and a basis that changed its order by itself would leave the squares on the wrong axes.
    """
    square, sides = group.square, {}
    for name, side in group.sides.items():
        image = _matmul("kij,kja->kia", side.covariance, side.basis)
        order = jnp.argsort(-jnp.sum(side.basis * image, axis=1), axis=1)
        if name == "left":
            square = jnp.take_along_axis(square, order[:, :, None], axis=1)
        else:
            square = jnp.take_along_axis(square, order[:, None, :], axis=2)
        sorted_image = jnp.take_along_axis(image, order[:, None, :], axis=2)
        sides[name] = side._replace(basis=jnp.linalg.qr(sorted_image)[0])
    return group._replace(square=square, sides=sides)
