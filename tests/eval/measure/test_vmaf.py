"""VMAF, where an ffmpeg with libvmaf is at hand."""

import numpy as np
import pytest
from stand_ins import natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure import vmaf
from vaecompress_eval.measure.vmaf import vmaf_ffmpeg, vmaf_of_picture


@pytest.mark.skipif(vmaf_ffmpeg() is None, reason="no ffmpeg with libvmaf: pip install imageio-ffmpeg")
def test_worse_pictures_score_less() -> None:
    picture = natural(96, 128)
    coarse = picture // 64 * 64 + 32
    same, worse = vmaf_of_picture(picture, picture), vmaf_of_picture(picture, coarse)
    assert same is not None
    assert worse is not None
    assert same > 90 > worse + 10


def test_without_ffmpeg_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vmaf, "vmaf_ffmpeg", lambda: None)
    assert vmaf_of_picture(*[np.zeros((64, 64, 3), np.uint8)] * 2) is None
