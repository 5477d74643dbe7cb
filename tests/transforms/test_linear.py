"""The linear path starts as an orthonormal DCT with gains that grow with the root of lambda."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.format import MAX_LAMBDA, MIN_LAMBDA, PATCH
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.linear import COLOUR, dct_init, dct_matrix, initial_log2_gain

CONFIG = ModelConfig(luma=40, chroma=(12, 8))


def test_colour_space_is_orthonormal():
    np.testing.assert_allclose(COLOUR @ COLOUR.T, np.eye(3), atol=1e-12)


def test_columns_are_orthonormal():
    matrix = dct_matrix(CONFIG)
    assert matrix.shape == (PATCH * PATCH * 3, CONFIG.latent_channels)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(60), atol=1e-5)


def test_first_channels_are_flat_in_each_colour():
    matrix = dct_matrix(CONFIG).reshape(PATCH, PATCH, 3, -1)
    for colour, first in enumerate((0, 40, 52)):
        np.testing.assert_allclose(matrix[..., first], np.broadcast_to(COLOUR[colour] / PATCH, (16, 16, 3)), atol=1e-6)


def test_every_coefficient_there_is_gives_the_patch_back():
    config = ModelConfig(luma=256, chroma=(256, 256))
    forward, back = (dct_init(config, inverse)(None, (768, 768)) for inverse in (False, True))
    patch = np.random.default_rng(0).normal(size=768).astype(np.float32)
    np.testing.assert_allclose(patch @ forward @ back, patch, atol=1e-4)


def test_initial_gain_grows_with_the_root_of_lambda():
    gain = initial_log2_gain(CONFIG)
    assert gain.shape == (CONFIG.quality_anchors, CONFIG.latent_channels)
    np.testing.assert_allclose(gain[-1] - gain[0], 0.5 * np.log2(MAX_LAMBDA / MIN_LAMBDA), atol=1e-5)
