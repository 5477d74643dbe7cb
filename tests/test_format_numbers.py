"""The numbers of ``vaecompress.format`` are those of FORMAT.md, and those that models are trained with."""

import re
from importlib.resources import files

import numpy as np
import pytest

from vaecompress import format as numbers

TEXT = files("vaecompress.bitstream").joinpath("FORMAT.md").read_text(encoding="utf-8")
IN_TEXT = {
    "PATCH": r"one for each (\d+) x 16 pixels",
    "HYPER_FACTOR": r"w  = (\d+) W'",
    "HYPER_PATCH": r"W' = \(W \+ 63\) / (\d+)",
    "LATENT_LIMIT": r"the latent y = 16 r \+ mean, clipped to\s+-8191 \.\. (\d+)",
    "HYPER_LATENT_LIMIT": r"One outside -127 \.\. (\d+) is\s+corrupt",
    "RESIDUAL_LIMIT": r"`residual` = r clipped to -127 \.\. (\d+)",
    "SCALE_LIMIT": r"(\d+) for `z`, `residual` and `scale`",
    "MAX_QUALITY": r"quality       1 \.\. (\d+)",
}


@pytest.mark.parametrize("name", IN_TEXT)
def test_a_number_is_that_of_the_text(name: str) -> None:
    found = re.search(IN_TEXT[name], TEXT)
    assert found is not None
    assert int(found[1]) == getattr(numbers, name)


def test_a_mean_counts_parts_of_a_step_as_the_text_says() -> None:
    found = re.search(r"Means count 1/(\d+) of a quantisation step", TEXT)
    assert found is not None
    assert int(found[1]) == 1 << numbers.STEP_BITS


def test_lambda_runs_log_linearly_over_the_qualities() -> None:
    assert numbers.quality_lambda(1) == pytest.approx(numbers.MIN_LAMBDA)
    assert numbers.quality_lambda(100) == pytest.approx(numbers.MAX_LAMBDA)
    positions = np.linspace(0, 1, 5)
    ratios = np.diff(np.log(numbers.lambda_at(positions)))
    np.testing.assert_allclose(ratios, ratios[0])


def test_training_and_coding_choose_the_same_prior() -> None:
    jnp = pytest.importorskip("jax.numpy", reason="needs the train extra")
    from vaecompress.transforms.config import ModelConfig
    from vaecompress.transforms.vae import HyperpriorVAE

    qualities = range(numbers.MIN_QUALITY, numbers.MAX_QUALITY + 1)
    positions = jnp.asarray([numbers.quality_position(quality) for quality in qualities], jnp.float32)
    for prior_sets in range(1, 101):
        model = HyperpriorVAE(ModelConfig(prior_sets=prior_sets))
        chosen = np.asarray(model.prior_set(positions))
        assert chosen.tolist() == [numbers.prior_set(quality, prior_sets) for quality in qualities]
