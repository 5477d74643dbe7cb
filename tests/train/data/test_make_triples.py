"""Triples made of a drawn clip and of a picture: the encoder's own motion, layers and decoded references."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="motion search needs numba, the extra video")

from photo import photo
from pictures import write_shard
from PIL import Image
from triple_files import panned, write_clip

from vaecompress.encoder.gop import layer_quality
from vaecompress.errors import InputError, UsageError
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel
from vaecompress.train.data import make_triples
from vaecompress.train.data.made import origin_of
from vaecompress.train.data.make_triples import PERIOD, STRETCH, TripleMaker, _runs, pack_triples
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import list_entries
from vaecompress.train.data.triples import TRIPLES, Triple

FRAMES = 6


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, a picture, and a clip that is damaged."""
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "pan.mkv", panned(FRAMES))
    Image.fromarray(photo(100, 120)).save(folder / "photo.png")
    (folder / "bad.mp4").write_bytes(bytes(99))
    return folder


@pytest.fixture(scope="module")
def packed(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes of them, every reference coded on its own by ``tiny``."""
    output = tmp_path_factory.mktemp("packed")
    steps: list[tuple[int, int]] = []
    manifest = pack_triples([clips], output, registry.load("tiny"), progress=lambda *step: steps.append(step))
    assert manifest["skipped"] == {"corrupt": 1}
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert json.loads((output / "manifest.json").read_text()) == manifest
    return output


def triples_of(source: Path) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = {}
    for entry in TRIPLES.entries([source], frozenset(), Counter()):
        found.setdefault(origin_of(entry.name), []).append(Triple.from_bytes(entry.read()))
    return found


def error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((one.astype(float) - other) ** 2))


def test_a_clip_gives_one_triple_of_each_layer_and_pass(packed: Path) -> None:
    made = triples_of(packed)["pan.mkv"]
    assert len(made) == 2 * 4
    anchor, middle = made[:2]
    assert anchor.distances == (5, 0)
    assert middle.distances == (2, 3)
    assert [triple.one_sided for triple in made] == 2 * [True, False, False, False]
    assert middle.quality == layer_quality(anchor.quality - 14, 2) or anchor.quality in (1, 100)
    assert made[0].quality != made[4].quality


def test_the_search_finds_the_pan(packed: Path) -> None:
    frames = panned(FRAMES)
    for triple in triples_of(packed)["pan.mkv"]:
        frame, past, future = triple.pictures
        place = next(i for i, each in enumerate(frames) if np.array_equal(each, frame))
        moved = min(error(past, frame), error(future, frame))
        assert moved < error(frames[place - triple.distances[0]], frame) / 2
        if triple.one_sided:
            assert np.array_equal(past, future)


def test_pictures_in_motion_hold_anchors_far_apart(packed: Path) -> None:
    made = triples_of(packed)["photo.png"]
    assert made[0].one_sided
    assert made[0].distances[0] in (8, 16, 32)
    assert all(triple.distances == (made[0].distances[0] // 2**i,) * 2 for i, triple in enumerate(made) if i)


def test_packed_triples_train_without_tensorflow_and_by_source(packed: Path) -> None:
    everything = Resident.load([packed], rescale=False, kind=TRIPLES)
    rest = Resident.load([packed], frozenset({"pan.mkv"}), rescale=False, kind=TRIPLES)
    assert everything.picture_count - rest.picture_count == 8
    assert everything.batch(0, 4, 64).shape == (4, 64, 64, 10)


def test_a_clip_of_a_shard_gives_the_same(clips: Path, packed: Path, tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "clips.tar", {"pan.mkv": (clips / "pan.mkv").read_bytes()})
    manifest = pack_triples([shard], tmp_path / "out", registry.load("tiny"))
    assert {row["source"] for row in manifest["pictures"]} == {"pan.mkv"}
    again, before = triples_of(tmp_path / "out")["pan.mkv"], triples_of(packed)["pan.mkv"]
    assert all(np.array_equal(one.pictures, other.pictures) for one, other in zip(again, before, strict=True))


def test_a_model_for_video_renews_the_references(clips: Path, packed: Path, video_file: object) -> None:
    maker = TripleMaker(LoadedModel(video_file, threads=1))  # type: ignore[arg-type]
    (entry,) = list_entries([clips / "pan.mkv"], frozenset(), Counter(), frozenset({".mkv"}))
    renewed, before = maker.of(entry), triples_of(packed)["pan.mkv"]
    assert renewed is not None
    assert [triple.quality for triple in renewed] == [triple.quality for triple in before]
    assert np.array_equal(renewed[0].pictures, before[0].pictures)  # predicted from a frame on its own
    assert not np.array_equal(renewed[3].pictures, before[3].pictures)


def test_large_frames_are_reduced_and_cut(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_triples, "SIDE", 64)
    (entry,) = list_entries([clips / "photo.png"], frozenset(), Counter())
    made = TripleMaker(registry.load("tiny"), max_side=90).of(entry)
    assert made is not None
    assert {triple.pictures.shape for triple in made} == {(3, 64, 64, 3)}
    assert TripleMaker(registry.load("tiny"), max_side=70).of(entry) == []


def test_of_long_clips_the_first_frames_of_each_period() -> None:
    still = [np.full((8, 8, 3), 90, np.uint8)] * (PERIOD + 5)
    assert [len(run) for run in _runs(still)] == [STRETCH, 5]
    cut = [np.full((8, 8, 3), level, np.uint8) for level in (10, 10, 10, 200, 200)]
    assert [len(run) for run in _runs(cut)] == [3, 2]
    assert list(_runs(still[:1])) == []


def test_nothing_to_make_triples_of(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usable picture"):
        pack_triples([clips / "bad.mp4"], tmp_path / "out", registry.load("tiny"))


def test_without_numba_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_triples, "COMPILES", False)
    with pytest.raises(UsageError, match=r"vaecompress\[video\]"):
        TripleMaker(registry.load("tiny"))
