"""What errors count: everywhere alike, or by weights of patches."""

import numpy as np
import pytest
from photo import photo

from vaecompress.codec.picture import squared_error
from vaecompress.encoder.distortion import ColourError, VideoError, ssim_weights, weights_of
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.prepare import prepare
from vaecompress.errors import UsageError
from vaecompress.models import registry


def busy_right_half(height: int = 96, width: int = 160) -> np.ndarray:
    """A shade that changes slowly, and noise of its brightness in the right half."""
    rows, columns = np.mgrid[:height, :width]
    picture = 100 + 0.3 * rows + 0.2 * columns
    picture[:, width // 2 :] += np.random.default_rng(1).normal(0, 8, (height, width // 2))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)[:, :, None].repeat(3, 2)


@pytest.mark.parametrize("measure", [ColourError(), VideoError()])
@pytest.mark.parametrize("size", [(64, 48), (71, 53)])
def test_weights_count_patch_by_patch(measure, size):
    original = photo(*size)
    decoded = np.clip(original.astype(int) + np.random.default_rng(0).integers(-9, 10, original.shape), 0, 255)
    decoded = decoded.astype(np.uint8)
    shape = tuple(-(-side // 16) for side in size)
    plain = measure.total(original, decoded)
    assert measure.total(original, decoded, np.ones(shape, np.float32)) == pytest.approx(plain, rel=1e-5)
    parts = 0.0
    for row in range(shape[0]):
        weights = np.zeros(shape, np.float32)
        weights[row] = 1.0
        parts += measure.total(original, decoded, 4.0 * weights)
    assert parts == pytest.approx(4.0 * plain, rel=1e-5)


def test_what_hides_errors_counts_less():
    weights = ssim_weights(busy_right_half())
    assert weights.shape == (6, 10)
    assert np.exp(np.log(weights).mean()) == pytest.approx(1.0, abs=1e-5)
    assert weights[:, :5].min() > 1.2 * weights[:, 5:].max()
    assert ssim_weights(busy_right_half(37, 90)[:, :, :1]).shape == (3, 6)


def test_tuning_moves_errors_to_where_they_are_hidden(tiny_model_path):
    codec, pixels = PictureEncoder(registry.load(tiny_model_path, threads=1)), busy_right_half()
    errors = []
    for tune in ("psnr", "ssim"):
        decoded = codec.encode(pixels, 50, prepare(3, codec.model, tune)).pixels
        errors.append([squared_error(pixels[:, half], decoded[:, half]) for half in (slice(0, 80), slice(80, None))])
    smooth, busy = np.divide(errors[1], errors[0])
    assert busy > 1.0
    assert smooth < 0.9


def test_another_tune_is_refused():
    assert weights_of("psnr") is EFFORTS[3].weights is None
    with pytest.raises(UsageError, match="tune is msssim: must be one of psnr, ssim"):
        weights_of("msssim")
