"""Padding repeats the edge, and cropping undoes it."""

import numpy as np
import pytest

from vaecompress.media.padding import crop, fill_hidden, pad_edge, padded_size


@pytest.mark.parametrize(("size", "expected"), [(1, 64), (63, 64), (64, 64), (65, 128)])
def test_padded_size(size, expected):
    assert padded_size(size, 64) == expected


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 8, 1), (8, 7, 3)])
def test_pad_edge_repeats_the_edge_and_crop_undoes_it(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    padded = pad_edge(pixels, 8)
    assert padded.shape == (8, 8, shape[2])
    np.testing.assert_array_equal(crop(padded, *shape[:2]), pixels)
    for row in range(8):
        for column in range(8):
            source = pixels[min(row, shape[0] - 1), min(column, shape[1] - 1)]
            np.testing.assert_array_equal(padded[row, column], source)


def test_pad_edge_copies_nothing_when_nothing_is_missing():
    pixels = np.zeros((16, 8, 3), np.uint8)
    assert pad_edge(pixels, 8) is pixels


def test_what_is_hidden_becomes_what_is_around_it() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((37, 50, 3), (200, 100, 50), np.uint8)
    seen = np.ones((37, 50), bool)
    seen[5:30, 10:41] = False
    noisy = np.where(seen[:, :, None], pixels, rng.integers(0, 256, pixels.shape).astype(np.uint8))
    assert np.array_equal(fill_hidden(noisy, seen), pixels)
    assert fill_hidden(noisy, np.ones_like(seen)) is noisy
    assert np.array_equal(fill_hidden(noisy, np.zeros_like(seen)), np.full_like(noisy, 128))
    seen[:] = False
    seen[36, 49] = True
    assert np.array_equal(fill_hidden(pixels, seen), pixels)
    varied = rng.integers(0, 256, pixels.shape).astype(np.uint8)
    seen = rng.random((37, 50)) < 0.3
    assert np.array_equal(fill_hidden(varied, seen)[seen], varied[seen])
