"""One warm-up of SOAP and Adam, and which leaf gets which."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.train.optimiser import labels, optimiser, warm_up
from vaecompress.train.presets import Recipe

pytestmark = pytest.mark.usefixtures("optax_promotion")


def test_the_rate_warms_up_and_holds():
    rate = warm_up(Recipe(warmup_steps=10, learning_rate=0.5))
    assert [float(rate(step)) for step in (0, 4, 9, 30, 9999)] == pytest.approx([0.05, 0.25, 0.5, 0.5, 0.5])


def test_matrices_the_linear_path_and_the_rest_are_told_apart(random_variables):
    found = labels(random_variables[1]["params"])
    assert found["analysis"]["linear"] == {"kernel": "linear", "bias": "other"}
    assert found["synthesis"]["linear"]["kernel"] == "linear"
    assert found["synthesis"]["head"] == {"kernel": "matrix", "bias": "other"}
    block = found["synthesis"]["stage8"]["block0"]
    assert (block["mix_in"]["kernel"], block["depthwise"]["kernel"]) == ("matrix", "other")
    assert found["encoder_latent"]["log2_gain"] == "other"


def test_gradients_are_clipped_by_their_common_norm():
    """Adam divides a constant gradient by itself; only what remembers two sizes shows that the larger was clipped."""
    recipe = Recipe(steps=100, warmup_steps=1, gradient_clip=1.0, learning_rate=0.1)
    params = {"a": np.zeros(2, np.float32)}
    transform = optimiser(recipe)
    state = transform.init(params)
    _, state = transform.update({"a": np.array([3000.0, 4000.0], np.float32)}, state, params)
    clipped, _ = transform.update({"a": np.array([0.6, 0.8], np.float32)}, state, params)
    np.testing.assert_allclose(clipped["a"], [-0.1, -0.1], rtol=1e-3)
