"""The pixel filter: as FORMAT.md says, the same in bands, without effect on what is flat, never worse."""

from pathlib import Path

import numpy as np
import plain_decoder
import pytest
from photo import photo

from vaecompress.codec import pixel_filter
from vaecompress.codec.pixel_filter import apply_changes, filter_changes, filtered
from vaecompress.encoder.picture import PictureEncoder, best_strength
from vaecompress.errors import CorruptError
from vaecompress.models import registry

WEIGHTS = np.random.default_rng(5).integers(-30, 31, (3, 3, 2)).astype(np.int16)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (2, 2, 3), (37, 23, 3)])
@pytest.mark.parametrize("strength", [1, 4, 8])
def test_it_is_that_of_the_format(shape: tuple[int, int, int], strength: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    expected = plain_decoder.filtered(pixels.astype(np.int64), WEIGHTS, strength)
    np.testing.assert_array_equal(filtered(pixels, WEIGHTS, strength), expected)


def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photo(90, 40)
    whole = filter_changes(pixels, WEIGHTS)
    monkeypatch.setattr(pixel_filter, "BAND_ROWS", 7)
    np.testing.assert_array_equal(filter_changes(pixels, WEIGHTS), whole)


def test_what_is_flat_stays_and_brightness_too() -> None:
    flat = np.full((9, 9, 3), 77, np.uint8)
    np.testing.assert_array_equal(filtered(flat, WEIGHTS, 8), flat)
    assert (filter_changes(photo(), WEIGHTS).astype(int).sum((0, 1)) == 0).all()


def test_a_strength_that_there_is_not() -> None:
    with pytest.raises(CorruptError, match="strength 9"):
        filtered(photo(), WEIGHTS, 9)


def test_the_best_strength_is_found() -> None:
    decoded = photo()
    changes = filter_changes(decoded, WEIGHTS)
    for strength in range(9):
        assert best_strength(apply_changes(decoded, changes, strength), decoded, changes) == strength
    assert best_strength(decoded, decoded, np.zeros_like(changes)) == 0


def test_a_filtered_picture_decodes_and_is_no_worse(tiny_model_path: Path) -> None:
    codec = PictureEncoder(registry.load(tiny_model_path, threads=1))
    pixels, used = photo(160, 96), 0
    for quality in (10, 50, 90):
        coded = codec.encode(pixels, quality)
        plain = codec.decode_unfiltered(coded.payload.coded[1:], pixels.shape, quality)
        error, before = (np.square(pixels.astype(int) - one).sum() for one in (coded.pixels, plain))
        assert error <= 1.001 * before
        used += coded.payload.coded[0] > 0
        np.testing.assert_array_equal(codec.decode(coded.payload, pixels.shape, quality), coded.pixels)
    assert used
