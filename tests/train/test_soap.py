"""The SOAP optimiser: against Adam, its symmetry, its bases, its state."""

from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.typing import NDArray

from vaecompress.train.soap import Group, SoapState, soap

pytestmark = pytest.mark.usefixtures("optax_promotion")

SHAPES = {"a": (6, 8), "b": (6, 8), "c": (6, 8), "square": (5, 5), "wide": (4, 30), "kernel": (2, 3, 4), "bias": (7,)}


def _tree(seed: int) -> dict[str, jax.Array]:
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.normal(size=shape), jnp.float32) for name, shape in SHAPES.items()}


def _orthogonal(size: int, seed: int) -> NDArray[np.float64]:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def _run(tx: Any, gradients: list[Any]) -> tuple[list[Any], Any]:
    state, updates = tx.init(gradients[0]), []
    step = jax.jit(tx.update)
    for gradient in gradients:
        update, state = step(gradient, state)
        updates.append(update)
    return updates, state


def _groups(state: Any) -> dict[str, Group]:
    nodes = jax.tree_util.tree_leaves(state, is_leaf=lambda x: isinstance(x, SoapState))
    return next(node.groups for node in nodes if isinstance(node, SoapState))


def _final_loss(tx: Any, left: jax.Array, right: jax.Array, target: jax.Array, steps: int) -> float:
    """Loss |left (W - target) right|^2 after the given steps from W = 0."""

    def loss(w: jax.Array) -> jax.Array:
        return jnp.sum((left @ (w - target) @ right) ** 2)

    def body(_: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        w, state = carry
        update, state = tx.update(jax.grad(loss)(w), state, w)
        return optax.apply_updates(w, update), state

    w = jnp.zeros_like(target)
    return float(loss(jax.jit(lambda c: jax.lax.fori_loop(0, steps, body, c))((w, tx.init(w)))[0]))


def test_beats_the_best_adam_on_a_rotated_ill_conditioned_quadratic() -> None:
    m, n, steps = 16, 24, 300
    scales_left, scales_right = np.logspace(0, -1.5, m), np.logspace(0, -1.5, n)
    left = jnp.asarray(scales_left[:, None] * _orthogonal(m, 1), jnp.float32)
    right = jnp.asarray(_orthogonal(n, 2) * scales_right, jnp.float32)
    target = jnp.asarray(np.random.default_rng(3).normal(size=(m, n)), jnp.float32)

    def best(make: Any) -> float:
        rates = [optax.linear_schedule(rate, 0.0, steps) for rate in (0.01, 0.03, 0.1, 0.3)]
        return min(_final_loss(make(rate), left, right, target, steps) for rate in rates)

    adam = best(lambda rate: optax.adam(rate, b1=0.95, b2=0.95))
    ours = best(soap)
    assert ours < adam / 10


def test_identity_bases_give_adam() -> None:
    # A first gradient of zero founds identity bases; Adam starts one step later.
    gradients = [jax.tree_util.tree_map(jnp.zeros_like, _tree(0)), *(_tree(seed) for seed in range(1, 9))]
    ours, _ = _run(soap(1e-2, refresh_every=1000), gradients)
    adam, _ = _run(optax.adam(1e-2, b1=0.95, b2=0.95), gradients[1:])
    for name in ("a", "b", "c", "square", "wide"):
        assert not np.any(ours[0][name])
        for mine, theirs in zip(ours[1:], adam, strict=True):
            np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-5, atol=1e-8)


def test_averaged_squares_follow_their_axes_when_eigenvalues_change_places() -> None:
    # Diagonal gradients have permutations as eigenbases, in which Adam is the Adam of the original space. A large
    # eps keeps the rounding noise of the other entries small.
    rng = np.random.default_rng(0)
    diagonals = [np.exp(rng.normal(size=5) * 2) * rng.choice([-1, 1], 5) for _ in range(12)]
    gradients = [jnp.asarray(np.diag(diagonal), jnp.float32) for diagonal in diagonals]
    ours, _ = _run(soap(1e-2, b2=0.5, eps=0.1, refresh_every=1), gradients)
    adam, _ = _run(optax.adam(1e-2, b1=0.95, b2=0.5, eps=0.1), gradients[1:])
    for mine, theirs in zip(ours[1:], adam, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_other_leaves_and_matrices_long_on_both_sides_are_left_to_adam() -> None:
    gradients = [_tree(seed) for seed in range(5)]
    ours, state = _run(soap(1e-2, max_two_sided=5), gradients)
    adam, _ = _run(optax.adam(1e-2, b1=0.95, b2=0.95), gradients)
    for name in ("a", "b", "c", "kernel", "bias"):
        for mine, theirs in zip(ours, adam, strict=True):
            np.testing.assert_array_equal(mine[name], theirs[name])
    groups = _groups(state)
    assert {key: set(group.sides) for key, group in groups.items()} == {"5x5": {"left", "right"}, "4x30": {"left"}}


@pytest.mark.parametrize(("shape", "right_seed"), [((6, 6), 2), ((6, 9), None)])
def test_rotating_the_problem_rotates_the_path(shape: tuple[int, int], right_seed: int | None) -> None:
    # Sides up to 8 are rotated; 9 is the long side of a one-sided matrix. Each covariance has full rank and spread
    # eigenvalues from the first gradient on, so that the founding bases are unique but for signs.
    m, n = shape
    u = _orthogonal(m, 1)
    v = np.eye(n) if right_seed is None else _orthogonal(n, right_seed)
    rng = np.random.default_rng(0)
    plain = [np.arange(1, m + 1)[:, None] * rng.normal(size=shape) * np.arange(1, n + 1) for _ in range(12)]
    tx = soap(1.0, refresh_every=3, max_two_sided=8)
    straight, _ = _run(tx, [jnp.asarray(g, jnp.float32) for g in plain])
    turned, _ = _run(tx, [jnp.asarray(u @ g @ v, jnp.float32) for g in plain])
    for a, b in zip(straight, turned, strict=True):
        np.testing.assert_allclose(u @ a @ v, b, atol=1e-2)


def test_bases_stay_orthogonal_and_find_the_eigenvectors() -> None:
    rng = np.random.default_rng(0)
    scales = np.logspace(0, -2, 6)
    rotations = [_orthogonal(6, seed) for seed in range(3)]
    gradients = [
        {
            str(i): jnp.asarray(q @ (scales[:, None] * rng.normal(size=(6, 8))), jnp.float32)
            for i, q in enumerate(rotations)
        }
        for _ in range(60)
    ]
    _, state = _run(soap(1e-3, refresh_every=2), gradients)
    side = _groups(state)["6x8"].sides["left"]
    for covariance, basis in zip(side.covariance, side.basis, strict=True):
        np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-5)
        turned = basis.T @ covariance @ basis
        assert np.all(np.diff(np.diag(turned)) < 0)
        spread = np.sqrt(np.outer(np.diag(turned), np.diag(turned)))
        assert np.max(np.abs(turned - np.diag(np.diag(turned))) / spread) < 0.3


def test_every_basis_is_renewed_once_a_round_in_turn() -> None:
    tx = soap(1e-3, refresh_every=5)
    step = jax.jit(tx.update)
    state = step(_tree(0), tx.init(_tree(0)))[1]
    renewals = []
    for seed in range(1, 11):
        before = _groups(state)
        state = step(_tree(seed), state)[1]
        after = _groups(state)
        renewals.append(
            {
                (key, i)
                for key, group in after.items()
                for i in range(len(group.mean))
                if np.any(group.sides["left"].basis[i] != before[key].sides["left"].basis[i])
            }
        )
    everyone = {("6x8", 0), ("6x8", 1), ("6x8", 2), ("5x5", 0), ("4x30", 0)}
    assert [len(names) for names in renewals] == [1] * 10
    assert set().union(*renewals[:5]) == set().union(*renewals[5:]) == everyone


def test_state_survives_serialisation() -> None:
    tx = soap(1e-2, refresh_every=2)
    gradients = [_tree(seed) for seed in range(8)]
    _, state = _run(tx, gradients[:5])
    restored = flax.serialization.from_bytes(tx.init(gradients[0]), flax.serialization.to_bytes(state))
    step = jax.jit(tx.update)
    for gradient in gradients[5:]:
        expected, state = step(gradient, state)
        actual, restored = step(gradient, restored)
        jax.tree_util.tree_map(np.testing.assert_array_equal, actual, expected)


def test_a_jitted_training_step_is_traced_once() -> None:
    tx = soap(optax.linear_schedule(1e-2, 0.0, 12), refresh_every=3, weight_decay=1e-4)
    traces: list[None] = []

    def step(params: Any, state: Any, gradient: Any) -> tuple[Any, Any]:
        traces.append(None)
        update, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, update), state

    jitted = jax.jit(step)
    params = _tree(0)
    state = tx.init(params)
    kinds = jax.tree_util.tree_map(lambda x: (x.dtype, x.shape, x.weak_type), state)
    for seed in range(12):
        params, state = jitted(params, state, _tree(seed))
    assert len(traces) == 1
    assert jax.tree_util.tree_map(lambda x: (x.dtype, x.shape, x.weak_type), state) == kinds
    assert not any(x.weak_type for x in jax.tree_util.tree_leaves((params, state)))


def test_weight_decay_is_decoupled() -> None:
    params = _tree(0)
    tx = soap(0.5, weight_decay=0.1)
    zero = jax.tree_util.tree_map(jnp.zeros_like, params)
    update, _ = jax.jit(tx.update)(zero, tx.init(params), params)
    for name, weight in params.items():
        np.testing.assert_allclose(update[name], -0.05 * weight, rtol=1e-6)
