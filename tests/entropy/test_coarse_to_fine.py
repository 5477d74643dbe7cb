"""Passes take each position once, know what they ask about, and lean along edges."""

import numpy as np
import pytest

from vaecompress.entropy.coarse_to_fine import LEVELS, Neighbours, passes

SIZES = [(1, 1), (1, 7), (4, 4), (4, 100), (3, 5), (12, 8), (32, 48), (65, 33)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_each_position_once_and_from_known_ones_only(height: int, width: int) -> None:
    known, seen = np.zeros((1, height, width), int), np.zeros((height, width), int)
    for one in passes(height, width):
        assert 0 <= one.level < LEVELS
        if one.level:
            assert (Neighbours(one, known).nearest() == 1).all()
            mean, activity = Neighbours(one, known).leaning()
            assert (mean == 1).all()
            assert (activity == 0).all()  # the rings, too, saw ones only
        one.grid(known)[:, one.mask] = 1
        one.grid(seen[None])[0][one.mask] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("slope", [(5, 0), (0, 3), (4, -7)])
def test_a_plane_that_is_even_is_predicted_to_the_bit(slope: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:16, :16]
    plane = (100 + 16 * (slope[0] * rows + slope[1] * columns))[None]
    for one in list(passes(16, 16))[1:]:
        inside = one.mask.copy()
        inside[:3], inside[-3:], inside[:, :3], inside[:, -3:] = False, False, False, False
        mean, _ = Neighbours(one, plane).leaning()
        np.testing.assert_array_equal(mean[0][inside[one.mask]], one.grid(plane)[0][inside])


def test_means_lean_along_an_edge() -> None:
    plane = np.where(np.arange(16) < 7, 0, 1600)[None, None, :].repeat(16, 1)
    last = list(passes(16, 16))[-1]
    mean, _ = Neighbours(last, plane).leaning()
    plain = Neighbours(last, plane).nearest().mean(0)
    wanted = last.of(plane)
    assert np.abs(mean - wanted).sum() < 0.1 * np.abs(plain - wanted).sum()
