"""Triples: written, read, cut and turned as one, left out by the clip that they were made of."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, write_folder
from triple_files import coordinate_triple, write_triples

from vaecompress.errors import InputError
from vaecompress.train.data.made import name_of, origin_of
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import DataOptions, validation_images
from vaecompress.train.data.triples import ONE_SIDED, SUFFIX, TAG, TRIPLES, Triple

MADE = {
    "a.mp4": [coordinate_triple(60, 2), coordinate_triple(12, 0)],
    "b.c.png": [coordinate_triple(100, 1)],
}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_triples(tmp_path / "shard.tar", MADE)


def test_a_file_holds_all_of_a_triple() -> None:
    triple = coordinate_triple(60, 2)
    again = Triple.from_bytes(triple.to_bytes())
    assert np.array_equal(again.pictures, triple.pictures)
    assert (again.quality, again.distances, again.one_sided) == (60, (1, 2), False)
    assert coordinate_triple(60, 0).one_sided
    assert triple.window(10, 20, 64).pictures.shape == (3, 64, 64, 3)
    assert triple.window(10, 20, 64).pictures[0, 0, 0].tolist() == [20, 10, 1]


@pytest.mark.parametrize("source", ["clip.mp4", "a.b.png", "x"])
def test_names_tell_what_a_triple_was_made_of(source: str) -> None:
    assert origin_of(name_of(source, 7, SUFFIX)) == source
    assert origin_of(name_of(source, 7, SUFFIX).removesuffix(SUFFIX) + f"-2{SUFFIX}") == source


def test_in_memory_a_triple_has_ten_channels(shard: Path) -> None:
    resident = Resident.load([shard], rescale=False, kind=TRIPLES)
    assert resident.pixels.shape == (3 * 80 * 100, 10)
    two_sided, one_sided = resident.picture(0), resident.picture(1)
    assert np.array_equal(two_sided[..., :TAG], np.concatenate(coordinate_triple(60, 2).pictures, axis=2))
    assert set(two_sided[..., TAG].ravel()) == {60}
    assert set(one_sided[..., TAG].ravel()) == {12 + ONE_SIDED}


def test_crops_turn_the_three_pictures_alike(shard: Path) -> None:
    batch = Resident.load([shard], rescale=False, kind=TRIPLES).batch(0, 12, 64)
    assert batch.shape == (12, 64, 64, 10)
    for side in (3, 6):
        assert np.array_equal(batch[..., side : side + 2], batch[..., :2])
    assert len({crop.tobytes() for crop in batch[..., :2]}) > 6


def test_the_pipeline_reads_triples_too(shard: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs tensorflow (the train extra)")
    from vaecompress.train.data.stream import Pipeline

    batch = Pipeline([shard], DataOptions(rescale=False), TRIPLES).batch(3, 12, 64)
    assert batch.shape == (12, 64, 64, 10)
    for side in (3, 6):
        assert np.array_equal(batch[..., side : side + 2], batch[..., :2])
    tags = [set(crop[..., TAG].ravel()) for crop in batch]
    assert all(len(tag) == 1 for tag in tags)
    assert set.union(*tags) <= {60, 12 + ONE_SIDED, 100}


def test_lists_of_names_speak_of_clips(shard: Path) -> None:
    skipped: Counter[str] = Counter()
    kept = TRIPLES.entries([shard], frozenset({"a.mp4"}), skipped)
    assert [entry.name for entry in kept] == [name_of("b.c.png", 0, SUFFIX)]
    assert skipped == {"excluded": 2}
    held_out = validation_images([shard], ["a.mp4"], TRIPLES)
    assert [int(triple[0, 0, TAG]) for triple in held_out] == [60, 12 + ONE_SIDED]
    with pytest.raises(InputError, match=r"validation triple other\.mp4 is missing"):
        validation_images([shard], ["other.mp4"], TRIPLES)


def test_pictures_are_no_triples_and_triples_no_pictures(shard: Path, tmp_path: Path) -> None:
    picture = encoded(coordinate_picture(96, 64, 1))
    folder = write_folder(tmp_path / "in", {"a.png": picture})
    with pytest.raises(InputError, match="no usable training triple"):
        Resident.load([folder], kind=TRIPLES)
    with pytest.raises(InputError, match="no usable training picture"):
        Resident.load([shard])


def test_damaged_triples_are_counted(tmp_path: Path) -> None:
    whole = coordinate_triple(60, 2).to_bytes()
    plain = encoded(coordinate_picture(192, 64, 1))
    files = {"a.0.triple": whole, "b.0.triple": whole[:-200], "c.0.triple": plain, "d.0.triple": b""}
    resident = Resident.load([write_folder(tmp_path, files)], rescale=False, kind=TRIPLES)
    assert (resident.picture_count, resident.skipped) == (1, {"corrupt": 3})
