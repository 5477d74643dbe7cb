"""Prediction from moved blocks: held against the formulas of FORMAT.md, sample by sample."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vaecompress.codec import prediction
from vaecompress.codec.prediction import FUTURE, PAST, RAMP, TAPS, MotionField, Reference, average, predict

Array = npt.NDArray[Any]


def noise(seed: int, height: int, width: int) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def random_field(seed: int, height: int, width: int, reach: int) -> MotionField:
    rng = np.random.default_rng(seed)
    grid = (-(-height // 8), -(-width // 8))
    past, future = rng.integers(-reach, reach + 1, (2, *grid, 2)).astype(np.int16)
    return MotionField(rng.integers(0, 3, grid).astype(np.uint8), past, future)


def sample(picture: Array, row: int, column: int) -> Array:
    """The sample at a position in quarters of a pixel, with coordinates clamped to the picture."""
    height, width, _ = picture.shape
    total = np.zeros(3, np.int64)
    for j, down in enumerate(TAPS[row % 4]):
        for i, right in enumerate(TAPS[column % 4]):
            y = min(max(row // 4 + j - 3, 0), height - 1)
            x = min(max(column // 4 + i - 3, 0), width - 1)
            total += down * right * picture[y, x].astype(np.int64)
    return np.clip((total + 2048) >> 12, 0, 255)


def plain(field: MotionField, past: Array, future: Array, second: bool, y: int, x: int) -> Array:
    """A pixel of A, or of B."""
    ramp = (*RAMP, *reversed(RAMP))
    rows, columns = field.mode.shape
    total = np.zeros(3, np.int64)
    for block_row in {(y - 4) // 8, (y + 4) // 8}:
        for block_column in {(x - 4) // 8, (x + 4) // 8}:
            place = min(max(block_row, 0), rows - 1), min(max(block_column, 0), columns - 1)
            from_future = field.mode[place] == FUTURE or (second and field.mode[place] != PAST)
            down, right = (field.future if from_future else field.past)[place].tolist()
            weight = ramp[y - 8 * block_row + 4] * ramp[x - 8 * block_column + 4]
            total += weight * sample(future if from_future else past, 4 * y + down, 4 * x + right)
    return (total + 128) >> 8


@pytest.mark.parametrize(("height", "width", "reach"), [(40, 27, 30), (1, 1, 9), (9, 130, 600), (70, 8, 1)])
def test_every_pixel_is_what_the_formulas_say(height: int, width: int, reach: int) -> None:
    past, future = noise(1, height, width), noise(2, height, width)
    field = random_field(3, height, width, reach)
    found = predict(field, Reference(past), Reference(future))
    rng = np.random.default_rng(4)
    places = [
        (0, 0),
        (height - 1, width - 1),
        *zip(rng.integers(0, height, 40), rng.integers(0, width, 40), strict=True),
    ]
    for y, x in places:
        for second, picture in enumerate(found):
            assert picture[y, x].tolist() == plain(field, past, future, bool(second), int(y), int(x)).tolist()


def test_bands_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    past, future, field = noise(1, 100, 60), noise(2, 100, 60), random_field(3, 100, 60, 100)
    whole = predict(field, Reference(past), Reference(future))
    monkeypatch.setattr(prediction, "COMPILES", False)
    monkeypatch.setattr(prediction, "BAND_BLOCKS", 20)
    monkeypatch.setattr(prediction, "WINDOWS_AT_ONCE", 3)
    for one, other in zip(whole, predict(field, Reference(past), Reference(future)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("height", "width", "reach"), [(18, 13, 30), (1, 1, 9), (9, 30, 600)])
def test_loops_give_what_arrays_give(height: int, width: int, reach: int, monkeypatch: pytest.MonkeyPatch) -> None:
    past, future = noise(5, height, width), noise(6, height, width)
    field = random_field(7, height, width, reach)
    for other in (future, None):
        found = []
        for compiles in (True, False):
            monkeypatch.setattr(prediction, "COMPILES", compiles)
            found.append(predict(field, Reference(past), None if other is None else Reference(other)))
        assert np.array_equal(found[0], found[1])


def test_what_stands_still_stays_as_it_is() -> None:
    past = noise(1, 50, 70)
    first, second = predict(MotionField.still(50, 70), Reference(past), None)
    assert np.array_equal(first, past)
    assert np.array_equal(second, past)


def test_a_plane_is_the_samples_at_a_phase() -> None:
    picture = noise(1, 12, 15)
    plane = Reference(picture).planes(5)[4 * 1 + 2]
    assert plane.shape == (22, 25, 3)
    for y, x in [(0, 0), (21, 24), (7, 9)]:
        assert plane[y, x].tolist() == sample(picture, 4 * (y - 5) + 1, 4 * (x - 5) + 2).tolist()


def test_the_mean_rounds_up() -> None:
    assert average(np.array([[[1, 2, 255]]], np.uint8), np.array([[[2, 2, 255]]], np.uint8)).tolist() == [[[2, 2, 255]]]
