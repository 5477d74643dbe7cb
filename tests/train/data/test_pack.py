import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pictures import coordinate_picture, encoded, write_folder, write_shard
from PIL import Image

from vaecompress.errors import InputError, OutputError
from vaecompress.train.data.pack import pack
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import MASKED

PNG = encoded(coordinate_picture(70, 80, 1))
JPEG = encoded(coordinate_picture(90, 200, 2), "JPEG")


def noise(seed: int, side: int = 64) -> bytes:
    return encoded(np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8))


def members(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard, "r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_jpeg_bytes_stay_and_others_become_png(tmp_path: Path) -> None:
    bmp = encoded(coordinate_picture(64, 100, 3), "BMP")
    source = write_folder(tmp_path / "in", {"a/photo.jpeg": JPEG, "b.bmp": bmp})
    manifest = pack([source], tmp_path / "out")
    held = members(tmp_path / "out" / "shard-000.tar")
    assert held["photo.jpg"] == JPEG
    assert held["b.png"].startswith(b"\x89PNG")
    assert manifest["pixels"] == 90 * 200 + 64 * 100
    assert manifest["pictures"] == [
        {"file": "photo.jpg", "source": "photo.jpeg", "shard": "shard-000.tar", "width": 200, "height": 90},
        {"file": "b.png", "source": "b.bmp", "shard": "shard-000.tar", "width": 100, "height": 64},
    ]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest


def test_packed_pictures_train_without_tensorflow(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "in", {"a.png": PNG, "b.jpg": JPEG})
    pack([source], tmp_path / "out")
    packed, loose = Resident.load([tmp_path / "out"]), Resident.load([source])
    assert np.array_equal(packed.batch(0, 5, 64), loose.batch(0, 5, 64))


def test_alpha_is_packed_where_something_shines_through(tmp_path: Path) -> None:
    rgba = np.dstack([coordinate_picture(70, 80, 1), np.full((70, 80), 255, np.uint8)])
    opaque = encoded(rgba)
    rgba[:35, :, 3] = 0
    source = write_folder(tmp_path / "in", {"opaque.png": opaque, "open.png": encoded(rgba)})
    pack([source], tmp_path / "out")
    pack([source], tmp_path / "reduced", max_side=76)
    for folder in ("out", "reduced"):
        held = members(tmp_path / folder / "shard-000.tar")
        modes = {name: Image.open(io.BytesIO(data)).mode for name, data in held.items()}
        assert modes == {"opaque.png": "RGB", "open.png": "RGBA"}
    crops = Resident.load([tmp_path / "out"], rescale=False, kind=MASKED).batch(0, 30, 70)
    assert 0.1 < (crops[..., 3] == 0).mean() < 0.4
    assert set(np.unique(crops[crops[..., 3] == 0][:, 1])) == set(range(35))
    plain = Resident.load([tmp_path / "out"], rescale=False).batch(0, 30, 70)
    np.testing.assert_array_equal(crops[..., :3], plain)


def test_no_shard_is_over_the_limit(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "in", {f"{i}.png": noise(i) for i in range(9)} | {"huge.png": noise(9, 200)})
    limit = 50_000
    manifest = pack([source], tmp_path / "out", shard_bytes=limit)
    shards = sorted((tmp_path / "out").glob("*.tar"))
    assert len(shards) == 3
    assert manifest["skipped"] == {"larger than a shard": 1}
    for path, record in zip(shards, manifest["shards"], strict=True):
        data = path.read_bytes()
        assert len(data) <= limit
        assert record == {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    names = [name for path in shards for name in members(path)]
    assert names == [f"{i}.png" for i in range(9)] == [picture["file"] for picture in manifest["pictures"]]


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    files = {"a.png": PNG, "b.jpg": JPEG, "c.bmp": encoded(coordinate_picture(64, 64, 3), "BMP")}
    for place in ("one", "two"):
        pack([write_folder(tmp_path / place, files)], tmp_path / f"out-{place}")
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / f"out-{n}").iterdir()} for n in ("one", "two"))
    assert first == second


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "in", {"a/x.png": PNG, "b/x.png": noise(1), "c/x.bmp": noise(2)})
    manifest = pack([source], tmp_path / "out")
    assert [picture["file"] for picture in manifest["pictures"]] == ["x.png", "x-2.png", "x-3.png"]


def test_long_and_foreign_names(tmp_path: Path) -> None:
    name = "ü" * 110 + ".png"
    manifest = pack([write_folder(tmp_path / "in", {name: PNG})], tmp_path / "out")
    assert list(members(tmp_path / "out" / "shard-000.tar")) == [name] == [p["file"] for p in manifest["pictures"]]


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    manifest = pack([write_folder(tmp_path / "in", {"b.jpg": JPEG})], tmp_path / "out", max_side=160)
    (picture,) = manifest["pictures"]
    assert (picture["file"], picture["width"], picture["height"]) == ("b.png", 160, 72)


def test_bad_files_are_counted(tmp_path: Path) -> None:
    files = {"a.png": PNG, "cut.jpg": JPEG[:500], "tiny.png": noise(0, 63), "no.jpg": JPEG}
    manifest = pack([write_shard(tmp_path / "in.tar", files)], tmp_path / "out", exclude=frozenset({"no.jpg"}))
    assert manifest["skipped"] == {"corrupt": 1, "excluded": 1, "too small": 1}
    assert [picture["file"] for picture in manifest["pictures"]] == ["a.png"]


def test_nothing_to_pack_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usable picture"):
        pack([write_folder(tmp_path / "in", {"text.png": b"text"})], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_in_use_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "in", {"a.png": PNG})
    with pytest.raises(OutputError, match="not an empty folder"):
        pack([source], source)
    with pytest.raises(OutputError, match="not an empty folder"):
        pack([source], source / "a.png")
