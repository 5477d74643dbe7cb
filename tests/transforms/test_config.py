"""The shape of a model: what it can be, and where qualities lie."""

import pytest

from vaecompress.errors import UsageError
from vaecompress.format import MAX_LAMBDA, MIN_LAMBDA, quality_lambda
from vaecompress.train.presets import PRESETS, preset
from vaecompress.transforms.config import ModelConfig


@pytest.mark.parametrize("name", PRESETS)
def test_a_shape_survives_json(name):
    config = preset(name).model
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert config.latent_channels == config.luma + sum(config.chroma)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(UsageError, match="tiny, light, base, large"):
        preset("huge")


@pytest.mark.parametrize(("luma", "splits"), [(7, 1), (6, 4)])
def test_channels_that_cannot_be_split_are_refused(luma, splits):
    with pytest.raises(UsageError, match="cannot be split"):
        ModelConfig(luma=luma, chroma=(2, 2), linear_splits=splits)


def test_lambda_is_log_linear_in_quality():
    assert quality_lambda(1) == pytest.approx(MIN_LAMBDA)
    assert quality_lambda(100) == pytest.approx(MAX_LAMBDA)
    ratios = [quality_lambda(q + 1) / quality_lambda(q) for q in (1, 50, 99)]
    assert ratios == pytest.approx([ratios[0]] * 3)
