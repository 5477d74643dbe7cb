"""Crops for the report: the worst place, at equal size."""

import numpy as np
import pytest
from stand_ins import Quantiser, natural

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.measure.pictures import Picture
from vaecompress_eval.report.crops import CROP_SIDE, crop_set, worst_region
from vaecompress_eval.run.file_of_size import file_of_size


@pytest.mark.parametrize(("top", "left"), [(0, 0), (44, 144), (17, 90)])
def test_the_worst_region_is_where_the_error_is(top: int, left: int) -> None:
    original = np.zeros((300, 400, 3), np.uint8)
    decoded = original.copy()
    decoded[top : top + CROP_SIDE, left : left + CROP_SIDE] = 9
    assert worst_region(original, decoded) == (top, left)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (100, 300), (256, 256), (257, 90)])
def test_a_region_never_leaves_the_picture(height: int, width: int) -> None:
    top, left = worst_region(np.zeros((height, width, 3), np.uint8), np.ones((height, width, 3), np.uint8))
    assert 0 <= top <= max(0, height - CROP_SIDE)
    assert 0 <= left <= max(0, width - CROP_SIDE)


def test_bisection_finds_the_nearest_file() -> None:
    picture = natural(60, 60)
    peer = Quantiser(settings=(64, 8))
    every = {step: len(peer.encode(picture, step)) for step in range(8, 65)}
    for target in (every[10] + 3, every[30], every[60]):
        setting, data = file_of_size(peer, picture, target)
        assert len(data) == every[int(setting)]
        assert abs(len(data) - target) == min(abs(size - target) for size in every.values())


@pytest.mark.parametrize("target", [10, 2000, 10**6])
def test_sizes_that_are_known_spare_encodings(target: int) -> None:
    picture = natural(60, 60)
    peer = Quantiser(settings=(64, 48, 32, 16, 8))
    known = {step: len(peer.encode(picture, step)) for step in peer.settings}
    alone = file_of_size(peer, picture, target)
    peer.calls.clear()
    assert file_of_size(peer, picture, target, known) == alone
    assert len(peer.calls) <= 5
    assert len(set(peer.calls)) == len(peer.calls)


def test_a_crop_set_codes_at_the_size_of_the_first() -> None:
    picture = Picture("p.png", "", natural(60, 70), ())
    peers = [Quantiser(), Quantiser(name="other"), Quantiser(name="broken", refuse=64)]
    crops = crop_set(picture, peers, 6.0)
    assert [crop.codec for crop in crops.coded] == ["quantiser", "other"]
    assert crops.coded[0].bpp == crops.coded[1].bpp == pytest.approx(6.0, abs=0.7)
    assert crops.original.shape == crops.coded[0].pixels.shape == (60, 70, 3)
    assert crops.coded[0].psnr_db == crops.coded[0].crop_psnr_db
