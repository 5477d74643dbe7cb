"""Tiles: cores cover once, padded boxes reach the halo, tiled work equals whole work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecompress.errors import UsageError
from vaecompress.media.tiling import Box, tiles


@settings(deadline=None)
@given(
    height=st.integers(1, 100),
    width=st.integers(1, 100),
    core=st.integers(3, 8),
    halo=st.integers(0, 4),
    multiple=st.sampled_from([1, 4, 16]),
)
def test_cores_cover_exactly_once_and_boxes_are_aligned(height, width, core, halo, multiple):
    covered = np.zeros((height, width), int)
    for tile in tiles(height, width, core * multiple, halo * multiple, multiple):
        covered[tile.core.slices] += 1
        for core_edge, padded_edge, limit in (
            (tile.core.top, tile.padded.top, 0),
            (tile.core.left, tile.padded.left, 0),
            (tile.core.bottom, tile.padded.bottom, height),
            (tile.core.right, tile.padded.right, width),
        ):
            assert abs(core_edge - padded_edge) == halo * multiple or padded_edge == limit
            assert padded_edge % multiple == 0 or padded_edge == limit
    assert (covered == 1).all()


def test_tiled_filter_equals_whole_filter():
    picture = np.random.default_rng(1).integers(0, 256, (37, 53))

    def sum_of_neighbours(values):
        padded = np.pad(values, 1)
        return sum(np.roll(padded, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1))[1:-1, 1:-1]

    whole = sum_of_neighbours(picture)
    joined = np.zeros_like(whole)
    for tile in tiles(*picture.shape, core=16, halo=1):
        joined[tile.core.slices] = sum_of_neighbours(picture[tile.padded.slices])[tile.core.within(tile.padded).slices]
    np.testing.assert_array_equal(joined, whole)


def test_box_arithmetic():
    box = Box(top=16, left=32, bottom=48, right=40)
    assert (box.height, box.width) == (32, 8)
    assert box.within(Box(8, 8, 64, 64)) == Box(8, 24, 40, 32)
    assert box.scaled(1, 8) == Box(2, 4, 6, 5)
    assert box.scaled(2) == Box(32, 64, 96, 80)


@pytest.mark.parametrize(
    "arguments", [(0, 5, 8, 0, 1), (5, 5, 0, 0, 1), (5, 5, 8, -8, 1), (5, 5, 12, 8, 8), (5, 5, 8, 4, 8)]
)
def test_tiles_refuse_what_makes_no_sense(arguments):
    with pytest.raises(UsageError):
        list(tiles(*arguments))
