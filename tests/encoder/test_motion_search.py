"""Motion search: it finds motion, and what it writes is what a decoder reads."""

import numpy as np
import pytest

from vaecompress.codec.motion import MODE, first_contexts, no_blocks, read_motion, to_field
from vaecompress.codec.prediction import PAST, Pixels, average

pytest.importorskip("numba", reason="motion search needs numba, the extra video")

from vaecompress.encoder.motion_search import SearchReference, predict_triple, search_motion


def moving(shift: float, height: int = 96, width: int = 130) -> Pixels:
    """A smooth pattern ``shift`` pixels down and twice as many to the right."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - shift, x - 2 * shift
    wave = np.sin(y / 5 + np.sin(x / 11)) * np.cos(x / 4 + y / 9) + 0.5 * np.sin((x + 2 * y) / 23)
    return np.clip(128 + np.stack([wave, 0.8 * wave, 1.1 * wave], 2) * 70, 0, 255).astype(np.uint8)


def error(a: Pixels, b: Pixels) -> float:
    return float(np.mean((a.astype(float) - b)[8:-8, 12:-12] ** 2))


@pytest.mark.parametrize("shift", [3.0, 5.25])
def test_a_pan_is_found_and_costs_little(shift: float) -> None:
    now, past = moving(shift), moving(0)
    first, second, bits = predict_triple(now, past, None, 0.01)
    assert error(now, first) < 0.02 * error(now, past)
    assert np.array_equal(first, second)
    assert bits < 500


def test_between_two_frames_motion_is_found_and_read_back() -> None:
    past, now, future = moving(0), moving(2), moving(4)
    rows, columns = 12, 17
    contexts, nothing = first_contexts(), no_blocks(rows, columns)
    found = search_motion(now, SearchReference(past), SearchReference(future), nothing, (1, 1), contexts, 0.01)
    assert (found.blocks[:, :, MODE] != PAST).mean() > 0.5
    first, second, _ = predict_triple(now, past, future, 0.01)
    assert error(now, average(first, second)) < 0.02 * error(now, past)
    again = first_contexts()
    assert np.array_equal(read_motion(found.data, nothing, (1, 1), again), found.blocks)
    assert np.array_equal(contexts, again)
    assert to_field(found.blocks).mode.shape == (rows, columns)


def test_a_still_frame_costs_nothing() -> None:
    picture = moving(0)
    first, second, bits = predict_triple(picture, picture, picture, 0.01)
    assert np.array_equal(average(first, second), picture)
    assert bits <= 40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 90), (65, 9)])
def test_any_size(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    past, now = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    first, _, bits = predict_triple(now, past, past, 0.05)
    assert first.shape == now.shape
    assert bits >= 0


def test_a_small_motion_of_noise_is_found_to_the_pixel() -> None:
    """Noise darker and brighter than the block it is compared with: differences of either sign count."""
    noise = np.random.default_rng(0).integers(0, 256, (72, 104, 3), dtype=np.uint8)
    past, now = np.ascontiguousarray(noise[:64, :96]), np.ascontiguousarray(noise[2:66, 3:99])
    first, _, _ = predict_triple(now, past, None, 0.1)
    assert np.mean(np.abs(first[8:-8, 8:-8].astype(int) - now[8:-8, 8:-8]) > 2) < 0.05
