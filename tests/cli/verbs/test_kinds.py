"""Through the command line and back: animations, phones' pictures, damaged and HDR films."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command import MODEL, names, pixels, run
from PIL import Image

from vaecompress.media.image_read import read_image
from vaecompress.media.video import open_video

FAST = (*MODEL, "--effort", "1")
TIMES_MS = [100, 50, 200, 150]


def animation(path: Path, **options: object) -> Path:
    pictures = [Image.fromarray(pixels(4, seed)) for seed in range(len(TIMES_MS))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=TIMES_MS, disposal=2, **options)
    return path


def film(path: Path, format: str, frames: int, **tags: object) -> Path:
    """Frames that each stand alone, so that damage does not spread."""
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "1", "bf": "0"})
        stream.height, stream.width = pixels().shape[:2]
        stream.pix_fmt = "yuv420p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(pixels(seed=index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_a_video_and_back(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = animation(tmp_path / f"in{suffix}", loop=3)
    assert run("encode", source, tmp_path / "a.bin", *FAST) == 0
    assert f"note: {source}: the animation's loop count (3) is not carried" in told(capsys)
    back = tmp_path / f"back{suffix}"
    assert run("decode", tmp_path / "a.bin", back) == 0
    with Image.open(source) as sent, Image.open(back) as got:
        assert (got.n_frames, got.size) == (sent.n_frames, sent.size)  # type: ignore[attr-defined]
        for index, time_ms in enumerate(TIMES_MS):
            sent.seek(index)
            got.seek(index)
            sent.load()
            got.load()
            assert got.info["duration"] == time_ms
            on_black = np.asarray(Image.alpha_composite(Image.new("RGBA", sent.size, "black"), sent.convert("RGBA")))
            assert np.abs(np.asarray(got.convert("RGB")).astype(int) - on_black[:, :, :3]).mean() < 25


@pytest.mark.skipif(not importlib.util.find_spec("pillow_heif"), reason="pillow-heif is not installed")
def test_a_folder_of_a_phone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    (tmp_path / "phone").mkdir()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    wide = np.tile(pixels(), (3, 4, 1))
    Image.fromarray(wide).save(tmp_path / "phone" / "IMG_1.HEIC", format="HEIF", exif=exif.tobytes(), quality=90)
    film(tmp_path / "phone" / "IMG_2.MOV", "mov", 2)
    Image.fromarray(pixels()).save(tmp_path / "phone" / "IMG_3.jfif", format="JPEG")
    (tmp_path / "phone" / "IMG_4.DNG").write_bytes(b"II*\0")
    assert run("encode", tmp_path / "phone", "-o", tmp_path / "coded", *FAST) == 0
    assert "left out, neither pictures nor videos by their names: 1 (1 .dng)" in told(capsys)
    assert run("decode", tmp_path / "coded", "-o", tmp_path / "back") == 0
    assert names(tmp_path / "back") == ["IMG_1.HEIC.png", "IMG_2.MOV.mp4", "IMG_3.jfif.png"]
    image, _ = read_image(tmp_path / "back" / "IMG_1.HEIC.png")
    assert image.pixels.shape == wide.shape
    assert np.abs(image.pixels.astype(int) - wide).mean() < 25
    assert image.exif is not None
    assert b"Maker" in image.exif


def test_what_is_sound_of_a_damaged_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = film(tmp_path / "cut.mkv", "matroska", 8)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert run("encode", source, tmp_path / "a.bin", *FAST) == 3
    assert "; --allow-partial encodes what is sound\n" in told(capsys)
    assert not (tmp_path / "a.bin").exists()
    assert run("encode", source, tmp_path / "a.bin", *FAST, "--allow-partial") == 3
    assert f"note: {source}: left out: " in told(capsys)
    assert run("decode", tmp_path / "a.bin", tmp_path / "back.mp4") == 0
    got = [frame for frame, _ in open_video(tmp_path / "back.mp4")]
    assert 0 < len(got) < 8
    for seed, frame in enumerate(got):
        assert np.abs(frame.astype(int) - pixels(seed=seed)).mean() < 25


def test_a_frame_of_an_hdr_film_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = film(tmp_path / "pq.mp4", "mp4", 2, color_primaries=9, color_trc=16, colorspace=9)
    assert run("encode", source, tmp_path / "a.bin", *FAST) == 0
    for output, words in (("one.png", ("--frames", "1:2")), ("all", ())):
        assert run("decode", tmp_path / "a.bin", tmp_path / output, *words) == 0
    for picture in (tmp_path / "one.png", tmp_path / "all" / "frame_000001.png"):
        image, _ = read_image(picture)
        assert image.colour is not None
        assert (image.colour.primaries, image.colour.transfer) == (9, 16)
    told(capsys)
    assert run("decode", tmp_path / "a.bin", tmp_path / "back.y4m") == 0
    assert "no room for its colours (PQ, HDR)" in told(capsys)
