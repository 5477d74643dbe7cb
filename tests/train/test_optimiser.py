"""One schedule over SOAP and Adam, and which leaf gets which."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress.train.optimiser import labels, optimiser, schedule
from vaecompress.train.presets import Recipe

RECIPE = Recipe(steps=100, warmup_steps=10, decay_share=0.4, final_rate=0.1, learning_rate=0.5)


def test_the_rate_warms_up_holds_and_decays():
    rate = schedule(RECIPE)
    assert float(rate(0)) == pytest.approx(0.05)
    assert [float(rate(step)) for step in (9, 30, 60)] == pytest.approx([0.5] * 3)
    assert float(rate(80)) == pytest.approx(0.5 * 0.55)
    assert float(rate(100)) == pytest.approx(0.05)
    falling = [float(rate(step)) for step in range(60, 101)]
    assert falling == sorted(falling, reverse=True)


def test_a_start_from_weights_warms_up_again_and_keeps_its_place():
    fresh, later = schedule(RECIPE), schedule(RECIPE, 70)
    assert float(later(0)) == pytest.approx(float(fresh(70)) / 10)
    assert float(later(15)) == pytest.approx(float(fresh(85)))


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
