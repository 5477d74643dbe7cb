"""A mask moves bits: what is white keeps its quality, what is black gets coarser and cheaper."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import clip, run
from photo import photo
from PIL import Image

import vaecompress
from vaecompress.apply.region import OUTSIDE_WEIGHT, masked, patch_weights, read_mask
from vaecompress.encoder.distortion import weights_of
from vaecompress.encoder.effort import Effort
from vaecompress.limits import Limits

MODEL = ("--model", "light")
HEIGHT, WIDTH = 128, 192
COFFEE = np.asarray(Image.open(Path(__file__).parents[2] / "sample_media" / "coffee.png"))[150:278, 100:292]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region")
    Image.fromarray(COFFEE).save(folder / "a.png")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, : WIDTH // 2] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    Image.fromarray(mask[::2, ::2]).save(folder / "half.png")
    assert run("encode", folder / "a.png", folder / "plain.bin", *MODEL) == 0
    return folder


def error(stream: Path, columns: slice) -> float:
    decoded = vaecompress.decode(stream).pixels
    return float(np.square(decoded[:, columns].astype(float) - COFFEE[:, columns]).mean())


@pytest.mark.parametrize(("effort", "size", "worse"), [(1, 0.95, 1.1), (3, 0.9, 1.5)])
def test_black_is_cheaper_and_white_as_good(effort: int, size: float, worse: float, desk: Path) -> None:
    plain, masked = desk / f"plain{effort}.bin", desk / f"masked{effort}.bin"
    assert run("encode", desk / "a.png", plain, *MODEL, "--effort", effort) == 0
    assert run("encode", desk / "a.png", masked, *MODEL, "--effort", effort, "--roi", desk / "mask.png") == 0
    assert masked.stat().st_size < size * plain.stat().st_size
    white, black = slice(0, 96), slice(96, 192)
    assert error(masked, white) < 1.05 * error(plain, white)
    assert error(masked, black) > worse * error(plain, black)


def test_at_equal_size_white_is_better(desk: Path) -> None:
    size = (desk / "plain.bin").stat().st_size
    assert run("encode", desk / "a.png", desk / "same.bin", *MODEL, "--size", size, "--roi", desk / "mask.png") == 0
    assert (desk / "same.bin").stat().st_size <= size
    assert error(desk / "same.bin", slice(0, 96)) < 0.95 * error(desk / "plain.bin", slice(0, 96))


def test_a_white_mask_changes_nothing(desk: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT), "white").save(desk / "white.png")
    assert run("encode", desk / "a.png", desk / "white.bin", *MODEL, "--roi", desk / "white.png") == 0
    assert (desk / "white.bin").read_bytes() == (desk / "plain.bin").read_bytes()


def test_masks_of_other_sizes_are_scaled_and_said_so(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", desk / "a.png", desk / "b.bin", *MODEL, "--json", "--roi", desk / "half.png") == 0
    assert json.loads(capsys.readouterr().out)["notes"] == ["mask of 96x64 scaled to 192x128"]


def test_videos_and_missing_masks_are_refused(desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip(tmp_path)
    assert run("encode", tmp_path / "frames", tmp_path / "b.bin", *MODEL, "--roi", desk / "mask.png") == 2
    assert "go with pictures" in capsys.readouterr().err
    assert run("encode", desk / "a.png", tmp_path / "c.bin", *MODEL, "--roi", tmp_path / "none.png") == 3


def test_another_mask_is_another_output(desk: Path, tmp_path: Path) -> None:
    words = ("encode", desk / "a.png", "-o", tmp_path / "out", *MODEL, "--resume", "--roi")
    assert run(*words, desk / "mask.png") == 0
    assert run(*words, desk / "mask.png") == 0
    assert run(*words, desk / "half.png") == 8


def test_weights_of_patches() -> None:
    mask = np.zeros((40, 70), np.uint8)
    mask[20, 20], mask[0, 69] = 255, 128
    weights = patch_weights(mask)
    assert weights.shape == (3, 5)
    assert weights[1, 1] == 1
    assert weights[0, 0] == weights[2, 3] == pytest.approx(OUTSIDE_WEIGHT)
    assert weights[0, 4] == pytest.approx(OUTSIDE_WEIGHT**0.5, rel=0.02)


def test_transparent_parts_of_a_mask_are_black(tmp_path: Path) -> None:
    samples = np.full((2, 2, 4), 255, np.uint8)
    samples[0, 0, 3] = 0
    Image.fromarray(samples).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", 2, 2, Limits())[0].tolist() == [[0, 255], [255, 255]]


def test_a_mask_goes_with_a_tuning() -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:16] = 255
    plain = Effort(weights=weights_of("ssim"))
    pixels = photo(32, 32)
    assert plain.weights is not None
    tuned = masked(plain, mask).weights
    assert tuned is not None
    np.testing.assert_allclose(tuned(pixels), plain.weights(pixels) * [[1, 1], [OUTSIDE_WEIGHT] * 2], rtol=1e-6)
