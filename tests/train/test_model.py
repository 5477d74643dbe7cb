"""What a model takes of a batch: pictures at any quality, triples at their own, time reversed half of the time."""

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import jax.numpy as jnp
from small_model import SMALL

from vaecompress.format import quality_position
from vaecompress.train.data.triples import ONE_SIDED
from vaecompress.train.model import drawn, fresh_variables, model_of, own_positions, pictures
from vaecompress.transforms.config import VideoConfig

VIDEO = VideoConfig(SMALL, condition_width8=8, condition_width16=8)
KEY = jax.random.key(3)


def triples(tags):
    """Frames of 1, predictions of 2 and 3."""
    planes = [np.full((len(tags), 64, 64, 3), level, np.float32) for level in (1, 2, 3)]
    tag = np.broadcast_to(np.array(tags, np.float32)[:, None, None, None], (len(tags), 64, 64, 1))
    return jnp.concatenate([*planes, tag], axis=-1)


def test_pictures_are_coded_at_random_qualities():
    batch = jnp.ones((8, 64, 64, 3))
    model = model_of(SMALL)
    levels, position = drawn(model, batch, KEY)
    assert levels is batch
    assert (np.floor(np.asarray(position) * 8) == np.arange(8)).all()
    assert own_positions(model, batch) is None
    assert pictures(batch).shape == batch.shape


def test_triples_are_coded_at_their_own_quality_in_either_direction_of_time():
    qualities = [1, 50, 100, 7, 60, 100, 33, 90]
    batch = triples([qualities[0] + ONE_SIDED, *qualities[1:6], qualities[6] + ONE_SIDED, qualities[7]])
    levels, position = drawn(model_of(VIDEO), batch, KEY)
    np.testing.assert_allclose(position, [quality_position(quality) for quality in qualities], atol=1e-6)
    ways = {tuple(levels[i, 0, 0, [0, 3, 6]].tolist()) for i in range(8)}
    assert ways == {(1, 2, 3), (1, 3, 2)}
    assert np.array_equal(pictures(levels), np.ones((8, 64, 64, 3)))
    assert np.array_equal(levels[..., 9], batch[..., 9])


@pytest.mark.parametrize("config", [SMALL, VIDEO], ids=["stills", "video"])
def test_fresh_variables_are_those_of_the_kind(config):
    shapes = jax.eval_shape(lambda: fresh_variables(model_of(config), 0))
    assert ("conditioning" in shapes["params"]) == (config is VIDEO)
