from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, window_of, write_folder, write_shard

from vaecompress.errors import InputError
from vaecompress.train.data.sources import MASKED, DataOptions

pytest.importorskip("tensorflow", reason="needs tensorflow (the train extra)")

from vaecompress.train.data.stream import CROPS_PER_PICTURE, Pipeline

FILES = {
    "small.png": encoded(coordinate_picture(80, 80, 1)),
    "tall.png": encoded(coordinate_picture(240, 100, 2)),
    "wide.png": encoded(coordinate_picture(70, 250, 3)),
}
PLAIN = DataOptions(rescale=False, seed=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path, FILES)


def test_crops_are_windows_under_all_symmetries(folder: Path) -> None:
    batches = list(islice(Pipeline([folder], PLAIN).batches(0, 6, 64), 24))
    assert all(batch.shape == (6, 64, 64, 3) and batch.dtype == np.uint8 for batch in batches)
    windows = [window_of(crop) for batch in batches for crop in batch]
    assert {turn for *_, turn in windows} == set(range(8))
    assert {picture for picture, *_ in windows} == {1, 2, 3}
    assert max(top for _, top, _, _ in windows) > 150


def test_without_flips_crops_stand_upright(folder: Path) -> None:
    batch = Pipeline([folder], DataOptions(rescale=False, flip=False)).batch(0, 12, 64)
    assert {turn for *_, turn in map(window_of, batch)} == {0}


def test_any_step_can_be_resumed_at(folder: Path) -> None:
    options = DataOptions(jitter=0.5, seed=3)
    whole = list(islice(Pipeline([folder], options).batches(0, 3, 64), 3 * CROPS_PER_PICTURE))
    for step in (1, CROPS_PER_PICTURE, CROPS_PER_PICTURE + 3):
        resumed = list(islice(Pipeline([folder], options).batches(step, 3, 64), 4))
        assert np.array_equal(resumed, whole[step : step + 4])
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(Pipeline([folder], DataOptions(jitter=0.5, seed=2)).batch(0, 3, 64), whole[0])


def test_batches_in_any_order_are_the_same(folder: Path) -> None:
    pipeline = Pipeline([folder], PLAIN)
    forward = [pipeline.batch(step, 2, 64) for step in range(4)]
    assert np.array_equal(pipeline.batch(2, 2, 64), forward[2])
    assert pipeline.batch(3, 2, 70).shape == (2, 70, 70, 3)
    assert np.array_equal(pipeline.batch(3, 2, 64), forward[3])


def test_shards_give_the_same_batches_as_files(folder: Path, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "shard.tar", FILES)
    from_files = Pipeline([folder / name for name in FILES], PLAIN).batch(0, 4, 64)
    assert np.array_equal(Pipeline([shard], PLAIN).batch(0, 4, 64), from_files)


def test_rescaling_reduces_half_of_the_crops(folder: Path) -> None:
    batches = Pipeline([folder], DataOptions(rescale=True, flip=False)).batches(0, 8, 64)
    spans = [int(np.ptp(crop[..., 0])) for batch in islice(batches, 16) for crop in batch]
    reduced = [span for span in spans if span > 63]
    assert 0.15 < len(reduced) / len(spans) < 0.6
    assert max(reduced) <= 63 / 0.5 + 2


def test_jitter_changes_colours_within_bounds(tmp_path: Path) -> None:
    write_folder(tmp_path, {"grey.png": encoded(np.full((64, 64, 3), 100, np.uint8))})
    plain = Pipeline([tmp_path], PLAIN).batch(0, 16, 64)
    assert (plain == 100).all()
    jittered = Pipeline([tmp_path], DataOptions(jitter=0.5)).batch(0, 16, 64)[:, 0, 0, 0].astype(int)
    assert len(set(jittered)) > 5
    assert abs(jittered - 100).max() <= 0.3 * 0.5 * 255 + 1


def test_bad_files_are_counted_and_never_drawn(folder: Path) -> None:
    whole = FILES["tall.png"]
    bad = {"cut.png": whole[: len(whole) // 2], "text.png": b"text", "tiny.png": encoded(coordinate_picture(63, 99, 9))}
    write_folder(folder, bad)
    pipeline = Pipeline([folder], DataOptions(frozenset({"small.png"}), rescale=False))
    assert pipeline.skipped == {"excluded": 1, "corrupt": 1, "too small": 1}
    first = [batch for batch, _ in zip(pipeline.batches(0, 8, 64), range(CROPS_PER_PICTURE), strict=False)]
    assert {window_of(crop)[0] for batch in first for crop in batch} == {2, 3}
    assert pipeline.skipped["corrupt"] == 2
    assert np.array_equal(pipeline.batch(0, 8, 64), first[0]), "known damage changes no batch"


def test_nothing_to_train_on(tmp_path: Path) -> None:
    write_folder(tmp_path, {"text.png": b"text"})
    with pytest.raises(InputError, match=r"no usable training picture.*corrupt"):
        Pipeline([tmp_path], PLAIN)


def test_a_crop_larger_than_every_picture(folder: Path) -> None:
    with pytest.raises(InputError, match="128x128"):
        Pipeline([folder], PLAIN).batch(0, 1, 128)


def test_only_damaged_pictures(tmp_path: Path) -> None:
    write_folder(tmp_path, {"cut.png": FILES["tall.png"][:200]})
    with pytest.raises(InputError, match="damaged pictures in a row"):
        Pipeline([tmp_path], PLAIN).batch(0, 1, 64)


def test_alpha_comes_along_and_keeps_its_values(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((64, 64, 3), 100, np.uint8), np.zeros((64, 64), np.uint8)])
    rgba[:16, :, 3] = 200
    write_folder(tmp_path, {"a.png": encoded(rgba)})
    crops = Pipeline([tmp_path], DataOptions(jitter=0.5), MASKED).batch(0, 16, 64)
    assert crops.shape == (16, 64, 64, 4)
    assert set(np.unique(crops[..., 3])) == {0, 200}
    assert (crops[..., 3] == 200).mean() == 0.25
    assert len(np.unique(crops[..., 0])) > 5
