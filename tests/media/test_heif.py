"""HEIC: whole pictures where pillow-heif is installed, a sentence where it is not, and never one tile as a video."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from media_files import pillow, samples, saved

from vaecompress.errors import InputError
from vaecompress.media.image_read import read_image
from vaecompress.media.video import open_video

HEAD = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(100)
needs_heif = pytest.mark.skipif(not importlib.util.find_spec("pillow_heif"), reason="pillow-heif is not installed")


def heic(array, **options):
    import pillow_heif

    pillow_heif.register_heif_opener()
    return saved(pillow(array), "HEIF", **options)


@needs_heif
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_out_whole(channels):
    array = np.repeat(np.repeat(samples(height=12, width=16, channels=channels), 16, 0), 16, 1)
    image, notes = read_image(heic(array, quality=95, chroma=444))
    assert (image.height, image.width) == array.shape[:2]
    assert (image.alpha is not None) == (channels == 4)
    assert np.abs(image.pixels.astype(int) - array[:, :, : 3 if channels > 1 else 1]).mean() < 8
    assert notes == []


@needs_heif
def test_its_metadata_is_kept():
    exif = pillow(samples()).getexif()
    exif[0x010F] = "Maker"
    image, _ = read_image(heic(samples(), exif=exif.tobytes(), icc_profile=b"profile" * 30, xmp=b"<x:xmpmeta/>"))
    assert b"Maker" in image.exif
    assert (image.icc, image.xmp) == (b"profile" * 30, b"<x:xmpmeta/>")


@needs_heif
def test_damage_is_refused():
    data = heic(np.repeat(np.repeat(samples(), 8, 0), 8, 1))
    with pytest.raises(InputError):
        read_image(data[: len(data) // 2])


def test_it_is_no_video_whatever_its_name(tmp_path):
    for brand in (b"heic", b"mif1", b"avif"):
        (tmp_path / "a.mp4").write_bytes(HEAD.replace(b"heic", brand, 1))
        with pytest.raises(InputError, match="is a picture by its content"):
            open_video(tmp_path / "a.mp4")


def test_without_the_package_the_sentence_names_it():
    script = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from vaecompress.media.image_read import read_image\n"
        "try: read_image(sys.stdin.buffer.read())\n"
        "except Exception as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-c", script], input=HEAD, capture_output=True, check=True)
    assert b"is a HEIC picture: install pillow-heif to read it (pip install 'vaecompress[heif]')" in result.stdout
