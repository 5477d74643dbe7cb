"""Pillow and imageio open and save pictures of this codec."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from photo import photo
from PIL import Image, UnidentifiedImageError

import vaecompress
import vaecompress.pillow as plugin
from vaecompress.bitstream.directory import MAGIC


def saved(picture: Image.Image, **options: object) -> bytes:
    with io.BytesIO() as file:
        picture.save(file, "VAE", model="tiny", effort=1, **options)
        return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_there_and_back(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(photo()).convert(mode)
    data = saved(picture, quality=40)
    assert data == vaecompress.encode(np.asarray(picture), 40, model="tiny", effort=1)
    (tmp_path / "a.vae").write_bytes(data)
    back = Image.open(tmp_path / "a.vae")
    assert (back.format, back.mode, back.size, back.info["quality"]) == ("VAE", mode, picture.size, 40)
    assert back.get_format_mimetype() == plugin.MIME
    whole = vaecompress.decode(data)
    samples = whole.pixels if whole.alpha is None else np.dstack([whole.pixels, whole.alpha])
    assert np.array_equal(np.asarray(back), samples.squeeze())
    assert back.resize((10, 10)).size == (10, 10)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
def test_without_loss(mode: str) -> None:
    picture = Image.fromarray(photo()).convert(mode)
    with io.BytesIO() as file:
        picture.save(file, "VAE", lossless=True)
        back = Image.open(file)
        back.load()
    wanted = picture.convert("RGB") if mode == "P" else picture
    assert back.mode == wanted.mode
    assert np.array_equal(np.asarray(back), np.asarray(wanted))
    with pytest.raises(OSError, match="16-bit"):
        Image.fromarray(photo(channels=1)[:, :, 0].astype(np.uint16)).save(io.BytesIO(), "VAE", lossless=True)


def test_metadata_is_kept_and_left_out() -> None:
    picture = Image.fromarray(photo())
    exif = Image.Exif()
    exif[0x010E] = "a hill"
    data = saved(picture, exif=exif, xmp=b"<x/>", icc_profile=b"profile")
    back = Image.open(io.BytesIO(data))
    assert back.getexif()[0x010E] == "a hill"
    assert (back.info["xmp"], back.info["icc_profile"]) == (b"<x/>", b"profile")
    again = Image.open(io.BytesIO(saved(back, exif=None)))
    assert "exif" not in again.info
    assert again.info["xmp"] == b"<x/>"


def test_palettes_and_transparent_colours_become_what_they_show() -> None:
    palette = Image.fromarray(photo()).quantize(8)
    assert Image.open(io.BytesIO(saved(palette))).mode == "RGB"
    palette.info["transparency"] = 0
    back = Image.open(io.BytesIO(saved(palette)))
    assert np.array_equal(np.asarray(back)[:, :, 3], np.asarray(palette.convert("RGBA"))[:, :, 3])


def test_what_cannot_be_carried_or_read_is_an_os_error() -> None:
    with pytest.raises(OSError, match="mode CMYK are not carried"):
        saved(Image.new("CMYK", (4, 4)))
    with pytest.raises(OSError, match="quality is 400"):
        saved(Image.new("RGB", (4, 4)), quality=400)
    data = saved(Image.fromarray(photo()))
    with pytest.raises(OSError, match="fetch it again"):
        Image.open(io.BytesIO(data[:-9])).load()
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(MAGIC[:3]))


def test_imageio_reads_and_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.vae"
    iio.imwrite(path, photo(), quality=50, model="tiny")
    pixels = iio.imread(path)
    assert np.array_equal(pixels, vaecompress.decode(path.read_bytes()).pixels)
    assert [frame.shape for frame in iio.imiter(path)] == [photo().shape]
    assert np.array_equal(iio.imread(path.read_bytes()), pixels)
    assert iio.improps(path).shape == photo().shape
    assert iio.immeta(path) == {"quality": 50, "model": "tiny"}
    grey = iio.imwrite("<bytes>", photo(channels=1)[:, :, 0], extension=".vae", quality=50, model="tiny")
    assert iio.imread(grey, extension=".vae").shape == photo().shape[:2]


def frames(count: int = 3) -> Iterator[np.ndarray]:
    return (np.roll(photo(), 2 * index, axis=1) for index in range(count))


@pytest.mark.parametrize("form", [frames, lambda: list(frames()), lambda: np.stack(list(frames()))])
def test_imageio_knows_videos(form: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "clip.vae"
    iio.imwrite(path, form(), fps=10, quality=50, model="tiny")
    with vaecompress.open_video(path) as video:
        wanted = [frame.pixels for frame in video]
    for source in (path, path.read_bytes()):
        assert np.array_equal(iio.imread(source), np.stack(wanted))
        assert np.array_equal(np.stack(list(iio.imiter(source))), np.stack(wanted))
        assert np.array_equal(iio.imread(source, index=-1), wanted[2])
    with pytest.raises(ValueError, match="outside of the 3 frames"):
        iio.imread(path, index=3)
    assert (iio.improps(path).shape, iio.improps(path).n_images) == ((3, *photo().shape), 3)
    assert iio.improps(path, index=0).shape == photo().shape
    assert iio.immeta(path)["fps"] == pytest.approx(10)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(OSError, match=r"clip\.vae|cut off"):
        iio.imread(path)
