"""Pictures set in motion: every pixel comes from the picture, and where a camera pans the frame is a window of it."""

import numpy as np
import pytest
from photo import photo
from PIL import Image

from vaecompress.train.data.synthetic import SIDE, _Path, _Thing, _view, moving_picture


def test_a_camera_that_pans_shows_windows() -> None:
    picture = photo(120, 140)
    path = _Path(np.array([60.0, 70.0]), np.array([1.0, -2.0]), 1.0)
    texture = Image.fromarray(picture)
    for time in (-4, 0, 5):
        top, left = 60 + time - 20, 70 - 2 * time - 24
        assert np.array_equal(_view(texture, path, (40, 48), time), picture[top : top + 40, left : left + 48])


def test_zoom_turn_and_warp_move_points() -> None:
    points = np.array([[0.0, 0.0], [10.0, 0.0]])
    still = np.zeros(2)
    zoomed = _Path(np.array([5.0, 6.0]), still, 1.5, growth=0.1).places(points, 2.0)
    np.testing.assert_allclose(zoomed, [[5, 6], [5 + 15 * np.exp(0.2), 6]])
    turned = _Path(still, still, 1.0, turn=np.pi / 4).places(points, 2.0)
    np.testing.assert_allclose(np.abs(turned), [[0, 0], [0, 10]], atol=1e-9)
    warped = _Path(still, still, 1.0, swell=3.0, waves=(0.1, 0.0), beat=0.5).places(points, 1.0)
    np.testing.assert_allclose(warped, [[3 * np.sin(0.5)] * 2, [10 + 3 * np.sin(1.5), 3 * np.sin(1.5)]])


def test_a_thing_covers_what_is_behind_it_and_moves() -> None:
    texture = Image.fromarray(np.full((200, 200, 3), 200, np.uint8))
    path = _Path(np.array([100.0, 100.0]), np.zeros(2), 1.0)
    thing = _Thing(path, np.array([30.0, 40.0]), np.array([0.0, 2.0]), radius=10.0, bumps=2, bump=0.0)
    behind = np.zeros((60, 80, 3))
    for time in (0.0, 8.0):
        covered = thing.over(behind, texture, time)[..., 0] > 100
        rows, columns = np.nonzero(covered)
        assert (rows.mean(), columns.mean()) == pytest.approx((30, 40 + 2 * time), abs=0.5)
        assert covered.sum() == pytest.approx(np.pi * 100, rel=0.05)


def test_frames_depend_on_chance_alone_and_move() -> None:
    picture = photo(360, 400)
    first, again = (moving_picture(picture, 3, 8, np.random.default_rng(5)) for _ in range(2))
    assert len(first) == 3
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert all(frame.shape == (SIDE, SIDE, 3) for frame in first)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], moving_picture(picture, 3, 8, np.random.default_rng(6))[0])


def test_small_pictures_move_too() -> None:
    frames = moving_picture(photo(64, 90), 5, 4, np.random.default_rng(0))
    assert {frame.shape for frame in frames} == {(64, 90, 3)}
