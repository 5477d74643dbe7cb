from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, write_folder, write_shard
from PIL import Image

from vaecompress.errors import InputError
from vaecompress.train.data.sources import (
    decode_picture,
    list_entries,
    middle,
    middles,
    picture_size,
    read_names,
    validation_images,
)

A = encoded(coordinate_picture(70, 80, 1))
B = encoded(coordinate_picture(90, 64, 2), "JPEG")


def test_finds_pictures_in_folders_files_and_shards(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", {"b.JPG": B, "deep/er/a.png": A, "notes.txt": b"no picture"})
    write_shard(folder / "s.tar", {"x/c.png": A, "readme.md": b"text"})
    single = tmp_path / "alone.png"
    single.write_bytes(A)
    skipped: Counter[str] = Counter()
    entries = list_entries([folder, single], frozenset({"b.JPG"}), skipped)
    assert [entry.name for entry in entries] == ["a.png", "c.png", "alone.png"]
    assert [entry.read() for entry in entries] == [A, A, A]
    assert skipped == {"excluded": 1}


def test_a_cut_shard_gives_what_it_still_holds(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "s.tar", {"a.png": A, "b.jpg": B})
    shard.write_bytes(shard.read_bytes()[: 512 * 3 + len(A)])
    skipped: Counter[str] = Counter()
    entries = list_entries([shard], frozenset(), skipped)
    assert [entry.name for entry in entries] == ["a.png"]
    assert skipped == {"corrupt": 1}


def test_a_shard_that_is_none(tmp_path: Path) -> None:
    shard = tmp_path / "s.tar"
    shard.write_bytes(b"not a tar" * 100)
    skipped: Counter[str] = Counter()
    assert list_entries([shard], frozenset(), skipped) == []
    assert skipped == {"corrupt": 1}


def test_missing_source_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        list_entries([tmp_path / "absent"], frozenset(), Counter())


@pytest.mark.parametrize("data", [b"", b"plain text", A[: len(A) // 2], A[:60] + bytes(40) + A[100:], B[:200]])
def test_damaged_pictures_are_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    (entry,) = list_entries([path], frozenset(), Counter())
    assert decode_picture(entry) is None


def test_size_comes_from_the_header(tmp_path: Path) -> None:
    write_folder(tmp_path, {"cut.png": A[: len(A) // 2], "empty.png": b""})
    cut, empty = list_entries([tmp_path], frozenset(), Counter())
    assert picture_size(cut) == (80, 70)
    assert picture_size(empty) is None


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 65535], [32896, 257]], np.uint16)).save(tmp_path / "deep.png")
    (entry,) = list_entries([tmp_path], frozenset(), Counter())
    picture = decode_picture(entry)
    assert picture is not None
    assert np.asarray(picture)[..., 1].tolist() == [[0, 255], [128, 1]]


def test_validation_images_in_order(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.tar", {"a.png": A, "b.png": encoded(coordinate_picture(66, 65, 3)), "bad.png": A[:99]})
    (tmp_path / "names.txt").write_text("b.png\na.png\n")
    assert read_names(tmp_path / "names.txt") == {"a.png", "b.png"}
    pictures = validation_images([tmp_path], ["b.png", "a.png"])
    assert [picture.shape for picture in pictures] == [(66, 65, 3), (70, 80, 3)]
    assert np.array_equal(pictures[1], coordinate_picture(70, 80, 1))
    for name in ("absent.png", "bad.png"):
        with pytest.raises(InputError, match=name):
            validation_images([tmp_path], [name])


def test_middle_takes_what_there_is() -> None:
    picture = coordinate_picture(5, 9, 0)
    np.testing.assert_array_equal(middle(picture, 3), picture[1:4, 3:6])
    np.testing.assert_array_equal(middle(picture, 7), picture[:, 1:8])


def test_middles_leave_out_what_is_too_small() -> None:
    pictures = [np.full((size, 300, 3), size % 256, np.uint8) for size in (255, 256, 400)]
    assert [int(one[0, 0, 0]) for one in middles(pictures, 256)] == [0, 144]
    assert middles(pictures[:1], 256).shape == (0, 256, 256, 3)
