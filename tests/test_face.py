"""The package's face: pictures and videos in every form, what an encoding measured, and the examples in docstrings."""

import doctest
import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Sine, clip
from documents import ROOT
from photo import photo
from PIL import Image

import vaecompress
from vaecompress import research
from vaecompress.errors import CorruptError, InputError, UnsupportedError, UsageError

PICTURE = photo()


@pytest.mark.parametrize("module", [vaecompress, research])
def test_the_examples_show_what_happens(module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    names = {"vaecompress": vaecompress, "np": np, "folder": tmp_path}
    result = doctest.testmod(module, globs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_encoding_says_what_it_measured(channels: int) -> None:
    file = vaecompress.encode(photo(channels=channels), 50, model="tiny", measured=True)
    back = np.asarray(vaecompress.decode(file.data))
    colours = min(channels, 3)
    error = np.mean((back[:, :, :colours].astype(float) - photo(channels=channels)[:, :, :colours]) ** 2)
    assert file.psnr_db == pytest.approx(10 * np.log10(255**2 / error))
    assert (file.quality, file.model) == (50, "tiny")
    assert file.bpp == pytest.approx(8 * len(file.data) / PICTURE[:, :, 0].size)
    assert sum(file.bits.values()) == pytest.approx(8 * len(file.data))
    assert (file.bits["alpha"] > 0) == (channels == 4)
    assert file.bits["metadata"] == 0
    assert 8 * 40 < file.bits["rest"] < 8 * 80  # header, directory, checksums, and what the coder ends with


def test_likelihoods_and_file_agree() -> None:
    model = vaecompress.load("tiny")
    for effort in (0, 3):
        found = model.likelihoods(PICTURE, 60, effort)
        file = vaecompress.encode(PICTURE, 60, model="tiny", effort=effort, measured=True)
        assert {name: file.bits[name] for name in found.bits} == found.bits
        assert -np.log2(found.y.astype(float)).sum() - np.log2(found.z.astype(float)).sum() == pytest.approx(
            sum(found.bits.values()), rel=1e-5
        )
        assert (found.y > 0).all()
        assert found.y.max() <= 1


def test_sides_are_padded_and_latents_are_in_steps() -> None:
    model = vaecompress.load("tiny")
    y, z = model.analyse(PICTURE, 60)
    found = model.likelihoods(PICTURE, 60, effort=1)
    assert (y.shape, z.shape) == (found.y.shape, found.z.shape) == ((48, 8, 8), (16, 2, 2))
    finer, _ = model.analyse(PICTURE, 90)
    assert np.abs(finer).mean() > np.abs(y).mean()
    assert np.array_equal(model.analyse(Image.fromarray(PICTURE), 60)[0], y)


def test_a_model_decodes_its_own_files_only() -> None:
    tiny, light = vaecompress.load("tiny"), vaecompress.load("light")
    data = tiny.compress(PICTURE, 40)
    assert data == vaecompress.encode(PICTURE, 40, model="tiny")
    assert np.array_equal(tiny.decompress(data).pixels, vaecompress.decode(data).pixels)
    with pytest.raises(UnsupportedError, match=f"model {tiny.model_id}, this one is 'light'"):
        light.decompress(data)


def test_files_are_read_and_written_by_their_names(tmp_path: Path) -> None:
    for name in ("a.vae", "a.bin"):
        vaecompress.write(PICTURE, tmp_path / name, 40, model="tiny")
        vaecompress.write(vaecompress.read(tmp_path / name), tmp_path / "a.png")
        assert np.array_equal(vaecompress.read(tmp_path / "a.png").pixels, vaecompress.decode(tmp_path / name).pixels)
    data = (tmp_path / "a.vae").read_bytes()
    for source in (data, io.BytesIO(data), str(tmp_path / "a.vae")):
        assert vaecompress.read(source).pixels.shape == PICTURE.shape
    with pytest.raises(UsageError, match="a quality is for files of this codec"):
        vaecompress.write(PICTURE, tmp_path / "b.png", 40)
    with pytest.raises(InputError):
        vaecompress.read(tmp_path / "missing.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.png", "a.vae"]


def pictures(count: int = 4) -> Iterator[Any]:
    """Pictures of several forms, one by one."""
    for index in range(count):
        picture = np.roll(PICTURE, 3 * index, axis=1)
        yield Image.fromarray(picture) if index % 2 else picture


def test_frames_go_both_ways(tmp_path: Path) -> None:
    path, file = tmp_path / "clip.vae", io.BytesIO()
    report = vaecompress.encode_video(pictures(), path, 70, fps=12.5, model="tiny")
    assert (report.frames, report.size_bytes) == (4, path.stat().st_size)
    with vaecompress.open_video(path) as video:
        assert (video.width, video.height, video.frame_count) == (120, 70, 4)
        assert [video.seconds(frame) for frame in video] == [0, 0.08, 0.16, 0.24]
        frames = [frame.pixels for frame in video]
        assert [frame.index for frame in video.frames(1, 3)] == [1, 2]
        assert np.array_equal(next(video.frames(-1)).pixels, frames[3])
        assert not list(video.frames(4))
        again = vaecompress.encode_video(video, file, 70, model="tiny")
    for frame, picture in zip(frames, pictures(), strict=True):
        assert 10 * np.log10(255**2 / np.mean((frame.astype(float) - np.asarray(picture)) ** 2)) > 28
    with vaecompress.open_video(file.getvalue()) as video:
        assert [video.seconds(frame) for frame in video] == [0, 0.08, 0.16, 0.24]
    assert again.frames == 4
    assert [each.name for each in tmp_path.iterdir()] == ["clip.vae"]


def test_videos_have_goals(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.vae", list(pictures(8))
    plain = vaecompress.encode_video(frames, path, 50, fps=10, model="tiny", effort=1)
    assert plain.kbit_per_s is not None
    for goal in ({"size_bytes": plain.size_bytes}, {"bpp": 8 * plain.size_bytes / (8 * 70 * 120)}):
        found = vaecompress.encode_video(frames, io.BytesIO(), fps=10, model="tiny", effort=1, **goal)
        assert 0.93 * plain.size_bytes <= found.size_bytes <= plain.size_bytes
    found = vaecompress.encode_video(frames, io.BytesIO(), kbps=plain.kbit_per_s, fps=10, model="tiny", effort=1)
    assert found.kbit_per_s == pytest.approx(plain.kbit_per_s, rel=0.05)
    with vaecompress.open_video(path) as video:
        found = vaecompress.encode_video(video, io.BytesIO(), psnr_db=36, model="tiny", effort=1)
    assert found.frames == 8
    assert 36 <= found.psnr_db <= 36.5
    with pytest.raises(UsageError, match="exactly one of quality, size, bpp, psnr and kbps"):
        vaecompress.encode_video(frames, io.BytesIO(), 50, kbps=100, model="tiny")
    with pytest.raises(UsageError, match="frames that come once"):
        vaecompress.encode_video(iter(frames), io.BytesIO(), kbps=100, model="tiny")


def test_a_film_keeps_sound_and_title_and_a_stream_coded_again_the_title(tmp_path: Path) -> None:
    film = clip(tmp_path / "a.mp4", Sine(seconds=0.25), frames=3, tags={"title": "Sea"})
    first = vaecompress.encode_video(film, tmp_path / "a.vae", 5, model="tiny", effort=1)
    assert first.sound_bytes > 0
    with vaecompress.open_video(tmp_path / "a.vae") as video:
        again = vaecompress.encode_video(video, tmp_path / "b.vae", 5, model="tiny", effort=1)
    assert vaecompress.info(tmp_path / "b.vae").tags == vaecompress.info(tmp_path / "a.vae").tags
    assert again.sound_bytes == 0
    assert any("sound" in note for note in again.notes)


def test_files_and_folders_are_videos_too(tmp_path: Path) -> None:
    for index, picture in enumerate(islice(pictures(), 2)):
        Image.fromarray(np.asarray(picture)).save(tmp_path / f"{index}.png")
    with vaecompress.open_video(tmp_path, fps=Fraction(10)) as video:
        assert [(frame.index, video.seconds(frame)) for frame in video] == [(0, 0), (1, 0.1)]
        assert np.array_equal(next(video.frames(1)).pixels, np.roll(PICTURE, 3, axis=1))
        with pytest.raises(UsageError, match="counted from its start"):
            video.frames(-1)
    paths = [str(path) for path in sorted(tmp_path.glob("*.png"))]
    with vaecompress.open_video(paths) as video:
        assert video.frame_count == 2
    assert vaecompress.encode_video(tmp_path, tmp_path / "a.vae", 20, model="tiny", fps=10).frames == 2


def test_what_makes_no_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.vae"
    with pytest.raises(InputError, match="no frames"):
        vaecompress.encode_video([], path, model="tiny")
    with pytest.raises(UsageError, match="gives no frames"):
        vaecompress.encode_video(7, path, model="tiny")
    with pytest.raises(UsageError, match="fps is 0"):
        vaecompress.encode_video(pictures(), path, fps=0, model="tiny")
    with pytest.raises(InputError, match="frame 1 is 70x120"):
        vaecompress.encode_video([PICTURE, PICTURE.transpose(1, 0, 2)], path, model="tiny")
    assert not list(tmp_path.iterdir())
    data = vaecompress.encode(PICTURE, 20, model="tiny")
    with pytest.raises(UnsupportedError, match="is a picture"):
        vaecompress.open_video(data)
    with pytest.raises(UsageError, match="its own time stamps"):
        vaecompress.open_video(data, fps=Fraction(3))
    vaecompress.encode_video(pictures(), path, 20, model="tiny")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    with vaecompress.open_video(bytes(damaged)) as video, pytest.raises(CorruptError):
        list(video)
