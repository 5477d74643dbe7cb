"""The loss: bits and squared error in the units it names, every rate with a gradient of one size."""

import math

import numpy as np
import pytest

from vaecompress.format import lambda_at

pytest.importorskip("flax", reason="needs the train extra")

import jax

from vaecompress.format import MAX_LAMBDA, MIN_LAMBDA
from vaecompress.train.objective import Measures, measure, positions, rate_distortion
from vaecompress.transforms.latent_coder import Forward
from vaecompress.transforms.synthesis import from_levels


def test_positions_are_one_in_each_equal_range():
    found = np.asarray(positions(jax.random.key(3), 8))
    np.testing.assert_array_equal(np.floor(found * 8), np.arange(8))


def test_lambdas_span_the_qualities():
    np.testing.assert_allclose(
        lambda_at(np.array([0.0, 0.5, 1.0])), [MIN_LAMBDA, math.sqrt(MIN_LAMBDA * MAX_LAMBDA), MAX_LAMBDA], rtol=1e-5
    )


def test_measures_are_bits_a_pixel_and_squared_levels():
    levels = np.random.default_rng(0).integers(10, 245, (2, 64, 64, 3)).astype(np.float32)
    likelihood = np.full((2, 4, 4, 5), 0.25, np.float32), np.full((2, 1, 1, 3), 0.5, np.float32)
    off = from_levels(levels + np.array([2.0, -4.0], np.float32)[:, None, None, None])
    found = measure(levels, Forward(off, *likelihood, None, None, None, None))
    np.testing.assert_allclose(found.y_bpp, 2 * 80 / 4096)
    np.testing.assert_allclose(found.z_bpp, 3 / 4096)
    np.testing.assert_allclose(found.bpp, (160 + 3) / 4096, rtol=1e-6)
    np.testing.assert_allclose(found.squared_error, [4.0, 16.0], rtol=1e-5)
    np.testing.assert_allclose(found.psnr_db, 10 * np.log10(255**2 / np.array([4.0, 16.0])), rtol=1e-5)


def test_errors_under_alpha_0_do_not_count():
    levels = np.full((1, 64, 64, 4), 100.0, np.float32)
    levels[:, :16, :, 3] = 0
    levels[:, 16:, :, 3] = 1
    likelihood = np.full((1, 4, 4, 5), 0.25, np.float32), np.full((1, 1, 1, 3), 0.5, np.float32)

    def measured(wrong_rows):
        decoded = from_levels(levels[..., :3])
        decoded[:, wrong_rows] += 4.0 / 256
        return measure(levels, Forward(decoded, *likelihood, None, None, None, None))

    np.testing.assert_array_equal(measured(slice(0, 16)).squared_error, [0.0])
    np.testing.assert_allclose(measured(slice(8, 32)).squared_error, [16.0 / 4], rtol=1e-4)
    np.testing.assert_allclose(measured(slice(0, 16)).bpp, (160 + 3) / 4096, rtol=1e-6)


def test_the_loss_weighs_distortion_by_lambda_and_every_rate_alike():
    position = np.array([0.0, 1.0], np.float32)
    weight = np.asarray(lambda_at(position))
    measures = Measures(np.array([0.1, 1.0]), np.array([0.02, 0.1]), np.array([100.0, 5.0]))
    wanted = (weight * measures.squared_error + measures.bpp) / np.sqrt(weight)
    np.testing.assert_allclose(rate_distortion(measures, position), wanted, rtol=1e-5)
