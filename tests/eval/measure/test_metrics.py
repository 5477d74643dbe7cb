"""The measures against values worked out by hand and against TensorFlow."""

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure import metrics


def noisy_pair(height: int, width: int, sigma: float = 12.0) -> tuple[metrics.Pixels, metrics.Pixels]:
    rng = np.random.default_rng(7)
    ramp = np.add.outer(np.arange(height) * 1.3, np.arange(width) * 0.9)[..., None] + np.array([0.0, 40.0, 90.0])
    texture = 40.0 * np.sin(ramp / 9.0)
    original = (ramp % 180.0 + 30.0 + texture).clip(0, 255)
    decoded = (original + rng.normal(0.0, sigma, original.shape)).clip(0, 255)
    return original.astype(np.uint8), decoded.astype(np.uint8)


def test_psnr_of_a_constant_error_is_known() -> None:
    original = np.full((4, 4, 3), 100, np.uint8)
    decoded = np.full((4, 4, 3), 110, np.uint8)
    assert metrics.psnr(original, decoded) == pytest.approx(20.0 * np.log10(255.0 / 10.0))


def test_luma_psnr_weights_the_channels() -> None:
    original = np.full((4, 4, 3), 100, np.uint8)
    decoded = original + np.array([10, 0, 0], np.uint8)
    measured = metrics.psnr(metrics.luma(original), metrics.luma(decoded))
    assert measured == pytest.approx(20.0 * np.log10(255.0 / 2.99))


def test_equal_pictures_have_no_finite_psnr() -> None:
    picture, _ = noisy_pair(200, 190)
    quality = metrics.measure(picture, picture)
    assert quality.psnr_rgb_db is None
    assert quality.psnr_luma_db is None
    assert quality.ms_ssim == pytest.approx(1.0)


def test_a_picture_smaller_than_the_window_has_only_psnr() -> None:
    original = np.zeros((1, 1, 3), np.uint8)
    quality = metrics.measure(original, original + np.uint8(5))
    assert quality.psnr_rgb_db == pytest.approx(20.0 * np.log10(51.0))
    assert (quality.ssim, quality.ms_ssim, quality.ms_ssim_db) == (None, None, None)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.measure(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8))


@pytest.mark.parametrize(("height", "width"), [(176, 192), (161, 203), (256, 177)])
def test_ms_ssim_agrees_with_tensorflow(height: int, width: int) -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="the reference MS-SSIM comes from tensorflow")
    for sigma in (3.0, 40.0):
        original, decoded = noisy_pair(height, width, sigma)
        reference = float(tensorflow.image.ssim_multiscale(original, decoded, max_val=255.0))
        assert metrics.ms_ssim(original, decoded) == pytest.approx(reference, abs=2e-5)


def test_similarity_in_db() -> None:
    assert metrics.similarity_db(0.99) == pytest.approx(20.0)
    assert metrics.similarity_db(1.0) is None


def test_ssimulacra2_falls_with_noise() -> None:
    if not metrics.has_ssimulacra2():
        pytest.skip("not installed: pip install ssimulacra2")
    scores = [metrics.ssimulacra2(*noisy_pair(96, 80, sigma)) for sigma in (2.0, 12.0, 40.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] is not None
    assert 60.0 < scores[0] <= 100.0


def test_without_its_package_ssimulacra2_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "find_spec", lambda name: None)
    assert metrics.measure(*noisy_pair(40, 40)).ssimulacra2 is None
