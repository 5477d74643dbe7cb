from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, window_of, write_folder

from vaecompress.errors import InputError
from vaecompress.train.data.resident import Resident

pytest.importorskip("jax", reason="needs jax (the train extra)")

from vaecompress.train.data.device_crops import DeviceResident

FILES = {
    f"{blue}.png": encoded(coordinate_picture(*side, blue))
    for blue, side in {1: (60, 90), 2: (240, 100), 3: (70, 250)}.items()
}


def test_crops_are_windows_drawn_by_area(tmp_path: Path) -> None:
    pictures = DeviceResident(Resident.load([write_folder(tmp_path, FILES)], rescale=False))
    crops = np.concatenate([pictures.batch(step, 32, 64) for step in range(8)])
    assert crops.dtype == np.uint8
    windows = [window_of(crop) for crop in crops]
    assert {turn for *_, turn in windows} == set(range(8))
    assert {picture for picture, *_ in windows} == {2, 3}
    assert np.mean([picture == 2 for picture, *_ in windows]) == pytest.approx(24 / 41.5, abs=0.1)
    assert max(top for _, top, _, _ in windows) > 150
    assert max(left for _, _, left, _ in windows) > 150


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, FILES)
    pictures = DeviceResident(Resident.load([folder], seed=5))
    late = pictures.batch(7, 4, 64)
    assert not np.array_equal(pictures.batch(3, 4, 64), late)
    assert np.array_equal(DeviceResident(Resident.load([folder], seed=5)).batch(7, 4, 64), late)
    assert not np.array_equal(DeviceResident(Resident.load([folder], seed=6)).batch(7, 4, 64), late)


def test_a_crop_larger_than_every_picture(tmp_path: Path) -> None:
    pictures = DeviceResident(Resident.load([write_folder(tmp_path, FILES)], rescale=False))
    with pytest.raises(InputError, match="128x128"):
        pictures.batch(0, 1, 128)
