"""The picture of codecs at equal size."""

from pathlib import Path

import numpy as np
import pytest
from stand_ins import Quantiser, natural, write_pictures

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.report.crops import CodedCrop, CropSet
from vaecompress_eval.side_by_side import CAPTION_ROWS, GAP, draw, side_by_side

from vaecompress.errors import UsageError


def test_every_crop_is_shown_as_it_is_and_captioned() -> None:
    original, decoded = natural(64, 48), natural(64, 48, seed=1)
    sheet = np.asarray(draw(CropSet("a.png", 0, 0, original, [CodedCrop("codec", 0.5, 30.0, 29.0, decoded)])))
    assert sheet.shape == (64 + CAPTION_ROWS, 2 * 48 + GAP, 3)
    assert np.array_equal(sheet[:64, :48], original)
    assert np.array_equal(sheet[:64, 48 + GAP :], decoded)
    assert (sheet[64:, :48] < 128).any()
    assert (sheet[64:, 48 + GAP :] < 128).any()


def test_a_codec_that_is_not_installed_is_named_with_its_command(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    missing = Quantiser(name="rare", command="pip install rare")
    with pytest.raises(UsageError, match=r"rare is not installed: pip install rare"):
        side_by_side(tmp_path / "picture0.png", [Quantiser(), missing], 0.3)
    assert side_by_side(tmp_path / "picture0.png", [Quantiser()], 0.3).width == 2 * 48 + GAP
