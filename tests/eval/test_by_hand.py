"""The benchmark's figures held against files and plain arithmetic that share nothing with it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from stand_ins import natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_cli.main import main
from vaecompress_eval.measure.pictures import find_pictures
from vaecompress_eval.measure.results import ResultCache
from vaecompress_eval.peers.catalogue import find_peers
from vaecompress_eval.run.pictures import run


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    """Over all samples of two 8-bit pictures."""
    return 10 * math.log10(255**2 / np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))


def luma(pixels: np.ndarray) -> np.ndarray:
    """BT.601."""
    red, green, blue = np.moveaxis(pixels.astype(np.float64), 2, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def measured(folder: Path, codec: str) -> dict[float, dict]:
    """The lines that the benchmark keeps, by setting."""
    cache = folder / "cache"
    run(find_pictures(folder), find_peers([codec]), ResultCache(cache), lambda *_: None)
    return {line["setting"]: line for line in map(json.loads, cache.read_text().splitlines())}


@pytest.fixture
def picture(tmp_path: Path) -> np.ndarray:
    pixels = natural(83, 101)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return pixels


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_webp_by_hand(tmp_path: Path, picture: np.ndarray) -> None:
    lines = measured(tmp_path, "webp")
    for setting in (12, 85):
        file = tmp_path / "own.file"
        Image.fromarray(picture).save(file, "WEBP", quality=setting, method=6)
        decoded = np.asarray(Image.open(file).convert("RGB"))
        assert lines[setting]["file_bytes"] == file.stat().st_size
        assert lines[setting]["bpp"] == 8 * file.stat().st_size / (83 * 101)
        assert lines[setting]["psnr_rgb_db"] == pytest.approx(psnr_db(picture, decoded), abs=1e-6)
        assert lines[setting]["psnr_luma_db"] == pytest.approx(psnr_db(luma(picture), luma(decoded)), abs=1e-6)


def test_our_codec_by_its_commands(tmp_path: Path, picture: np.ndarray, tiny_model_path: Path) -> None:
    """What ``encode`` and ``decode`` leave on disk is what the report says."""
    line = measured(tmp_path, str(tiny_model_path))[72]
    coded, decoded = str(tmp_path / "coded.bin"), tmp_path / "decoded.png"
    source = str(tmp_path / "picture.png")
    assert main(["encode", source, coded, "-q", "72", "--model", str(tiny_model_path)]) == 0
    assert main(["decode", coded, str(decoded)]) == 0
    assert line["file_bytes"] == Path(coded).stat().st_size
    assert line["psnr_rgb_db"] == pytest.approx(psnr_db(picture, np.asarray(Image.open(decoded))), abs=1e-6)
