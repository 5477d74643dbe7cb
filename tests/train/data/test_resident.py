from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, window_of, write_folder, write_shard

from vaecompress.errors import InputError
from vaecompress.train.data.resident import Resident

FILES = {
    "small.png": encoded(coordinate_picture(80, 80, 1)),
    "tall.png": encoded(coordinate_picture(240, 100, 2)),
    "wide.png": encoded(coordinate_picture(70, 250, 3)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path, FILES)


def test_crops_are_windows_under_all_symmetries(folder: Path) -> None:
    resident = Resident.load([folder], rescale=False)
    windows = [window_of(crop) for step in range(20) for crop in resident.batch(step, 8, 64)]
    assert {turn for *_, turn in windows} == set(range(8))
    assert {picture for picture, *_ in windows} == {1, 2, 3}
    assert max(top for _, top, _, _ in windows) > 150
    assert max(left for _, _, left, _ in windows) > 150


def test_a_batch_depends_on_seed_and_step_alone(folder: Path) -> None:
    first, again = Resident.load([folder], seed=5), Resident.load([folder], seed=5)
    late = first.batch(7, 4, 64)
    first.batch(3, 2, 70)
    assert np.array_equal(first.batch(7, 4, 64), late)
    assert np.array_equal(again.batch(7, 4, 64), late)
    assert not np.array_equal(first.batch(8, 4, 64), late)
    assert not np.array_equal(Resident.load([folder], seed=6).batch(7, 4, 64), late)


def test_pictures_are_drawn_by_area(folder: Path) -> None:
    resident = Resident.load([folder], rescale=False)
    areas = resident.heights * resident.widths
    blue = np.concatenate([resident.batch(step, 50, 64)[:, 0, 0, 2] for step in range(20)])
    share = np.bincount(blue, minlength=4)[1:] / len(blue)
    assert share == pytest.approx(areas / areas.sum(), abs=0.06)


def test_pictures_below_the_crop_are_not_drawn(folder: Path) -> None:
    resident = Resident.load([folder], rescale=False)
    assert set(resident.batch(0, 32, 90)[:, 0, 0, 2]) == {2}
    with pytest.raises(InputError, match="128x128"):
        resident.batch(0, 1, 128)


def test_bad_files_are_counted(folder: Path) -> None:
    whole = FILES["tall.png"]
    bad = {
        "cut.png": whole[: len(whole) // 2],
        "text.png": b"text",
        "tiny.png": encoded(coordinate_picture(63, 200, 4)),
    }
    write_folder(folder, bad)
    resident = Resident.load([folder], frozenset({"small.png"}), rescale=False)
    assert resident.skipped == {"excluded": 1, "corrupt": 2, "too small": 1}
    assert resident.picture_count == 2
    assert np.array_equal(resident.picture(0), coordinate_picture(240, 100, 2))
    assert np.array_equal(resident.picture(1), coordinate_picture(70, 250, 3))


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    write_folder(tmp_path, {"text.png": b"text"})
    with pytest.raises(InputError, match=r"no usable training picture.*corrupt"):
        Resident.load([tmp_path])


def test_large_pictures_get_one_reduced_copy(tmp_path: Path) -> None:
    flat = np.full((400, 600, 3), 77, np.uint8)
    write_folder(tmp_path, {"a.png": encoded(flat), "b.png": FILES["tall.png"]})
    resident = Resident.load([tmp_path], rescale=True, seed=1)
    assert resident.picture_count == 3
    reduced = resident.picture(1)
    factor = reduced.shape[0] / 400
    assert 0.5 <= factor <= 0.9
    assert reduced.shape[1] / 600 == pytest.approx(factor, abs=0.01)
    assert (reduced == 77).all()


def test_shards_give_the_same_batches_as_files(folder: Path, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "shard.tar", FILES)
    from_files = Resident.load([folder / name for name in FILES], seed=2)
    assert np.array_equal(Resident.load([shard], seed=2).batch(0, 6, 64), from_files.batch(0, 6, 64))
