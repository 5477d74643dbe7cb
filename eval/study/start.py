"""Where the linear path starts in the rows of the training study: its kernels [768, M] and [M, 768]."""

from typing import Any, Protocol

import flax.linen as nn
import jax
import numpy as np
import numpy.typing as npt

from vaecompress.format import PATCH
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.linear import COLOUR, dct_matrix
from vaecompress.transforms.vae import Variables

from .rows import Setup

Matrix = npt.NDArray[np.floating[Any]]
Kernels = tuple[Matrix, Matrix]

YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""Rows: luma and colour differences of BT.601."""

KLT_BATCHES, KLT_CROPS, KLT_SIDE = 32, 64, 128
KLT_FIRST_STEP = 1 << 24
"""Crops for the KLT are drawn as if for steps that no run reaches."""


class Batches(Protocol):
    """Where crops come from."""

    def batch(self, step: int, batch_size: int, crop: int) -> npt.NDArray[np.uint8]:
        """Crops uint8 [batch_size, crop, crop, 3] of step ``step``."""
        ...


def placed(variables: Variables, setup: Setup, batches: Batches) -> Variables:
    """Fresh ``variables`` with the linear path's kernels as the row wants them."""
    if setup.start == "dct":
        return variables
    analysis, synthesis = _kernels(setup, batches)

    def choose(path: tuple[Any, ...], leaf: jax.Array) -> Any:
        names = [entry.key for entry in path]
        if names[-2:] != ["linear", "kernel"]:
            return leaf
        return np.asarray(analysis if names[0] == "analysis" else synthesis, np.float32).reshape(leaf.shape)

    return {**variables, "params": jax.tree_util.tree_map_with_path(choose, variables["params"])}


def _kernels(setup: Setup, batches: Batches) -> Kernels:
    config = setup.preset.model
    if setup.start == "random":
        init = nn.initializers.lecun_normal()
        keys, inputs = jax.random.split(jax.random.key(setup.preset.recipe.seed)), PATCH * PATCH * 3
        shape = (inputs, config.latent_channels)
        return np.asarray(init(keys[0], shape)), np.asarray(init(keys[1], shape[::-1]))
    if setup.start == "klt":
        return karhunen_loeve(batches, config.latent_channels)
    return recoloured(config, np.eye(3) if setup.start == "rgb" else YCBCR)


def karhunen_loeve(batches: Batches, channels: int) -> Kernels:
    """Orthonormal kernels of the ``channels`` strongest directions of training patches, their mean included."""
    moment = np.zeros((PATCH * PATCH * 3,) * 2)
    across = KLT_SIDE // PATCH
    for index in range(KLT_BATCHES):
        crops = batches.batch(KLT_FIRST_STEP + index, KLT_CROPS, KLT_SIDE).astype(np.float32) - 128.0
        patches = crops.reshape(-1, across, PATCH, across, PATCH, 3).swapaxes(2, 3).reshape(-1, len(moment))
        moment += patches.T @ patches
    vectors = np.linalg.eigh(moment)[1][:, : -channels - 1 : -1]
    return vectors, vectors.T


def recoloured(config: ModelConfig, colours: Matrix) -> Kernels:
    """The DCT in another colour space, whose rows are scaled so that a step of each coefficient is one of RGB."""
    back = np.linalg.inv(colours)
    size = np.linalg.norm(back, axis=0)
    colours, back = colours * size[:, None], back / size
    columns = dct_matrix(config).reshape(PATCH * PATCH, 3, -1)
    component = np.repeat(np.arange(3), (config.luma, *config.chroma))
    basis = np.einsum("pcm,mc->pm", columns, COLOUR[component])
    analysis = np.einsum("pm,mc->pcm", basis, colours[component])
    synthesis = np.einsum("pm,cm->mpc", basis, back[:, component])
    return analysis.reshape(PATCH * PATCH * 3, -1), synthesis.reshape(-1, PATCH * PATCH * 3)
