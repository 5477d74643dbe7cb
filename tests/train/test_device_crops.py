from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, window_of, write_folder

from vaecompress.train.resident import Resident

jax = pytest.importorskip("jax", reason="needs jax (the train extra)")


def test_device_crops_are_windows_drawn_by_area(tmp_path: Path) -> None:
    from vaecompress.train.device_crops import device_batch

    sides = {1: (60, 90), 2: (240, 100), 3: (70, 250)}
    files = {f"{blue}.png": encoded(coordinate_picture(*side, blue)) for blue, side in sides.items()}
    resident = Resident.load([write_folder(tmp_path, files)], rescale=False)
    arrays = jax.device_put(resident.device_arrays())
    draw = jax.jit(device_batch, static_argnums=(2, 3))
    crops = np.concatenate([np.asarray(draw(arrays, jax.random.key(step), 32, 64)) for step in range(8)])
    assert crops.dtype == np.uint8
    windows = [window_of(crop) for crop in crops]
    assert {turn for *_, turn in windows} == set(range(8))
    assert {picture for picture, *_ in windows} == {2, 3}
    assert np.mean([picture == 2 for picture, *_ in windows]) == pytest.approx(24 / 41.5, abs=0.1)
    assert max(top for _, top, _, _ in windows) > 150
    assert max(left for _, _, left, _ in windows) > 150
