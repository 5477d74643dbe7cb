"""Noise is measured and removed: by known decibels, and without harm to what is clean."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import clip, run
from PIL import Image

from vaecompress.apply.denoise import Denoiser, fitting_quality
from vaecompress.apply.noise import estimate_noise
from vaecompress.codec.picture import psnr_db
from vaecompress.models import registry

ROOT = Path(__file__).parents[2]
MODEL = ("--model", "light")


def noisy(pixels: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Clipped 8-bit noise, as cameras have it."""
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return np.asarray(Image.open(ROOT / "sample_media" / "coffee.png"))


@pytest.fixture(scope="module")
def crop(coffee: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(coffee[150:246, 180:308])


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_white_noise_is_measured(sigma: float, coffee: np.ndarray) -> None:
    assert estimate_noise(noisy(coffee, sigma)) == pytest.approx(sigma, rel=0.08, abs=0.8)


def test_noise_of_pictures_that_say_little() -> None:
    assert estimate_noise(np.zeros((5, 200, 3), np.uint8)) == 0
    assert estimate_noise(np.full((64, 64, 1), 200, np.uint8)) == 0
    grey = noisy(np.full((40, 40, 1), 250, np.uint8), 20)
    assert 5 < estimate_noise(grey) < 25


@pytest.mark.parametrize(("sigma", "gain_db"), [(15, 4.0), (25, 5.5), (50, 8.0)])
def test_decibels_are_gained(sigma: float, gain_db: float, crop: np.ndarray) -> None:
    source = noisy(crop, sigma)
    cleaned = Denoiser(registry.load("light", threads=1)).denoise(source, sigma)
    assert psnr_db(crop, cleaned) > psnr_db(crop, source) + gain_db


def test_grey_is_denoised_as_grey(crop: np.ndarray) -> None:
    grey = np.ascontiguousarray(crop[:, :, 1:2])
    source = noisy(grey, 25)
    cleaned = Denoiser(registry.load("light", threads=1)).denoise(source, 25)
    assert cleaned.shape == grey.shape
    assert psnr_db(grey, cleaned) > psnr_db(grey, source) + 4.0


def test_what_is_clean_stays(crop: np.ndarray) -> None:
    flat = np.full((70, 50, 3), 100, np.uint8)
    steps: list[tuple[int, int]] = []
    model = Denoiser(registry.load("tiny", threads=1))
    np.testing.assert_array_equal(model.denoise(flat, progress=lambda *step: steps.append(step)), flat)
    assert not steps
    model.denoise(noisy(flat, 9), 9, lambda *step: steps.append(step))
    assert steps == [(step + 1, 16) for step in range(16)]


def test_the_quality_that_fits() -> None:
    qualities = [fitting_quality(sigma, 3) for sigma in (1, 15, 25, 50, 200)]
    assert qualities == [100, 56, 37, 11, 1]
    assert fitting_quality(25, 1) < fitting_quality(25, 3)


def test_the_verb_keeps_alpha_and_metadata(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = noisy(np.full((48, 64, 4), 120, np.uint8), 20)
    Image.fromarray(samples).save(tmp_path / "a.png", icc_profile=b"profile" * 10)
    words = ("denoise", tmp_path / "a.png", tmp_path / "b.png", "--json", *MODEL)
    assert run(*words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["sigma"] == pytest.approx(20, rel=0.2)
    made = Image.open(tmp_path / "b.png")
    assert made.info["icc_profile"] == b"profile" * 10
    assert np.array_equal(np.asarray(made)[:, :, 3], samples[:, :, 3])
    assert np.asarray(made)[:, :, :3].std() < 0.5 * samples[:, :, :3].std()
    assert run(*words) == 8
    assert run(*words, "--force", "--sigma", 0.5) == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), samples)


def test_a_denoised_file_is_smaller(crop: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.png"
    Image.fromarray(noisy(crop, 20)).save(source)
    assert run("encode", source, tmp_path / "noisy.bin", *MODEL, "-q", 70) == 0
    capsys.readouterr()
    assert run("encode", source, tmp_path / "clean.bin", *MODEL, "-q", 70, "--json", "--denoise") == 0
    assert json.loads(capsys.readouterr().out)["notes"][0].startswith("noise of ")
    assert (tmp_path / "clean.bin").stat().st_size < 0.6 * (tmp_path / "noisy.bin").stat().st_size
    assert run("decode", tmp_path / "clean.bin", tmp_path / "b.png") == 0
    found = np.asarray(Image.open(tmp_path / "b.png"))
    assert psnr_db(crop, found) > psnr_db(crop, noisy(crop, 20)) + 4.0


def test_what_cannot_be_denoised_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip(tmp_path)
    assert run("encode", tmp_path / "frames", tmp_path / "b.bin", *MODEL, "--denoise") == 2
    assert "go with pictures" in capsys.readouterr().err
    picture = tmp_path / "frames" / "0.png"
    assert run("encode", "--denoise", picture, tmp_path / "b.bin", *MODEL) == 2
    assert "--denoise is the last word" in capsys.readouterr().err
    assert run("encode", picture, tmp_path / "b.bin", "--lossless", "--denoise") == 2
    assert run("denoise", tmp_path / "clip.bin", tmp_path / "b.png") == 3
