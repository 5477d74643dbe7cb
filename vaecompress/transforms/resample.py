"""Moves between space and channels, and the 3x3 depthwise sum in the form that trains fast on a CPU.

All arrays are [N, H, W, C]. Channel order inside a block is (dy, dx, c), as in ONNX DepthToSpace (mode DCR) and
SpaceToDepth.
"""

import jax
import jax.numpy as jnp

Array = jax.Array


def space_to_depth(x: Array, block: int) -> Array:
    """[N, H, W, C] -> [N, H / block, W / block, block * block * C]."""
    n, h, w, c = x.shape
    x = x.reshape(n, h // block, block, w // block, block, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h // block, w // block, block * block * c)


def depth_to_space(x: Array, block: int) -> Array:
    """[N, H, W, block * block * C] -> [N, H * block, W * block, C]; undoes :func:`space_to_depth`."""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, block, block, c // (block * block))
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * block, w * block, c // (block * block))


def _shifts(x: Array) -> list[Array]:
    """The nine zero-padded shifts of x, row by row: entry 3 * i + j holds x[h + i - 1, w + j - 1]."""
    _, h, w, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return [padded[:, i : i + h, j : j + w, :] for i in range(3) for j in range(3)]


@jax.custom_vjp
def depthwise3x3(x: Array, kernel: Array) -> Array:
    """Zero-padded 3x3 cross-correlation of each channel with its own kernel: x [N, H, W, C], kernel [3, 3, C].

    Nine shifts and a custom gradient: XLA's grouped convolution is many times slower to train on a CPU.
    """
    taps = kernel.reshape(9, -1)
    total = jnp.zeros_like(x)
    for tap, shifted in enumerate(_shifts(x)):
        total = total + shifted * taps[tap]
    return total


def _depthwise_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return depthwise3x3(x, kernel), (x, kernel)


def _depthwise_backward(saved: tuple[Array, Array], grad: Array) -> tuple[Array, Array]:
    x, kernel = saved
    # Sums over positions as products with ones: XLA's own sum, and the einsum, take three times as long on a CPU.
    ones = jnp.ones((1, grad.size // grad.shape[-1]), grad.dtype)
    products = ((shifted * grad).reshape(-1, grad.shape[-1]) for shifted in _shifts(x))
    kernel_grad = jnp.concatenate([jnp.matmul(ones, rows, preferred_element_type=jnp.float32) for rows in products])
    return depthwise3x3(grad, kernel[::-1, ::-1]), kernel_grad.reshape(kernel.shape).astype(kernel.dtype)


depthwise3x3.defvjp(_depthwise_forward, _depthwise_backward)
