"""Tables fitted to what a frozen model codes."""

from pathlib import Path

import numpy as np

from vaecompress.codec.picture import psnr_db
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.models import file as model_file
from vaecompress.models.loaded import LoadedModel
from vaecompress.train.data.resident import Resident
from vaecompress.train.fit_tables import choose_pictures, fit_tables


def _picture(seed: int, side: int = 192) -> np.ndarray:
    random = np.random.default_rng(seed)
    waves = np.cumsum(np.cumsum(random.normal(size=(side, side, 3)), 0), 1)
    return np.uint8(128 + 127 * np.tanh(waves / waves.std()))


def test_fitted_tables_code_like_pictures_in_fewer_bytes(tiny_model_path: Path) -> None:
    data = tiny_model_path.read_bytes()
    fitted = fit_tables(data, [_picture(seed) for seed in range(3)], [60])
    before, after = (LoadedModel(model_file.parse(d)) for d in (data, fitted))
    unseen = _picture(99)
    coded = [PictureEncoder(model).encode(unseen, 60, EFFORTS[1]) for model in (before, after)]
    assert len(coded[1].payload.coded) < len(coded[0].payload.coded)
    assert psnr_db(unseen, coded[1].pixels) > psnr_db(unseen, coded[0].pixels) - 0.05
    assert after.file.networks == before.file.networks
    assert after.model_id != before.model_id


def test_pictures_are_chosen_alike_each_time(tmp_path: Path) -> None:
    import imageio.v3 as iio

    for seed in range(3):
        iio.imwrite(tmp_path / f"{seed}.png", _picture(seed, 600))
    resident = Resident.load([tmp_path], rescale=False)
    first, second = list(choose_pictures(resident)), list(choose_pictures(resident))
    assert [p.shape for p in first] == [(512, 512, 3)] * 3
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
