"""The linear path: 16x16 patches to latents and back, starting as a DCT in an orthonormal colour space.

A codec that starts as a transform codec learns from there (AuxT, arXiv 2501.13751, shows the worth of a linear
auxiliary path). Optimal gains of a uniform quantiser grow with the square root of lambda.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.format import MAX_LAMBDA, MIN_LAMBDA, PATCH
from vaecompress.transforms.config import ModelConfig

Matrix = npt.NDArray[np.float32]

COLOUR = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64) / np.sqrt([[3.0], [2.0], [6.0]])
"""Rows: luma, orange-blue, green-magenta; orthonormal."""

REFERENCE_GAIN, REFERENCE_LAMBDA = 26.5, 0.0932


def dct_matrix(config: ModelConfig) -> Matrix:
    """[768, M]: column m is the basis picture of latent channel m over a (dy, dx, colour) patch; orthonormal."""
    index = np.arange(PATCH)
    basis = np.cos(np.pi * (index[None] + 0.5) * index[:, None] / PATCH) * np.sqrt(2 / PATCH)
    basis[0] /= np.sqrt(2)
    frequencies = sorted(((u, v) for u in range(PATCH) for v in range(PATCH)), key=lambda f: f[0] ** 2 + f[1] ** 2)
    columns = [
        np.einsum("y,x,c->yxc", basis[u], basis[v], COLOUR[component]).ravel()
        for component, count in enumerate((config.luma, *config.chroma))
        for u, v in frequencies[:count]
    ]
    return np.asarray(np.stack(columns, axis=1), np.float32)


def dct_init(config: ModelConfig, inverse: bool) -> Callable[..., jax.Array]:
    """Initialiser of the linear path's kernel: [768, M], or its inverse [M, 768]."""

    def start(_: jax.Array, shape: tuple[int, int], dtype: Any = jnp.float32) -> jax.Array:
        matrix = dct_matrix(config)
        return jnp.asarray(matrix.T if inverse else matrix, dtype).reshape(shape)

    return start


def initial_log2_gain(config: ModelConfig) -> Matrix:
    """[anchors, M]: log2 of the gain at each quality anchor."""
    log_lambda = np.linspace(np.log2(MIN_LAMBDA), np.log2(MAX_LAMBDA), config.quality_anchors)
    gain = np.log2(REFERENCE_GAIN) + 0.5 * (log_lambda - np.log2(REFERENCE_LAMBDA))
    return np.repeat(gain[:, None], config.latent_channels, axis=1).astype(np.float32)
