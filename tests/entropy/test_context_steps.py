"""Context steps: each latent belongs to one, all are of one size, and neighbours differ."""

import numpy as np
import pytest

from vaecompress.entropy.context_steps import group_index, group_masks


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_every_latent_is_coded_once_in_steps_of_one_size(steps):
    masks = group_masks(steps, 6, 8, 5)
    assert masks.shape == (steps, 6, 8, 5)
    np.testing.assert_array_equal(masks.sum(axis=0), 1)
    assert set(masks.sum(axis=(1, 2))[:, 0]) == {6 * 8 // steps}


def test_two_steps_are_a_checkerboard_that_alternates_with_the_channel():
    rows, columns, channels = np.ogrid[:4, :4, :2]
    np.testing.assert_array_equal(group_index(2, rows, columns, channels), (rows + columns + channels) % 2)


def test_four_steps_visit_every_square_of_four_in_an_order_that_rotates():
    first = group_index(4, *np.ogrid[:2, :2], 0)
    np.testing.assert_array_equal(first, [[0, 2], [3, 1]])
    for channel in range(8):
        square = group_index(4, np.arange(2)[:, None] + 6, np.arange(2) + 4, channel)
        np.testing.assert_array_equal(square, (first + channel) % 4)
