"""Animated pictures are videos: with their times, on black where they are transparent."""

import numpy as np
import pytest
from media_files import pillow, samples, saved

from vaecompress.errors import InputError, LimitError
from vaecompress.limits import Limits
from vaecompress.media.formats.animation import is_animation
from vaecompress.media.video import open_video

TIMES_MS = [100, 250, 40]


def write(path, format, arrays, **options):
    first, *others = (pillow(array) for array in arrays)
    options = {"duration": TIMES_MS[: len(arrays)], "save_all": True, "append_images": others, **options}
    path.write_bytes(saved(first, format, **options))
    return path


def pictures(channels=3):
    return [np.roll(samples(height=24, width=32, channels=channels), step, 1) for step in (0, 3, 6)]


@pytest.mark.parametrize(("format", "options"), [("WEBP", {"lossless": True}), ("PNG", {})])
def test_frames_and_times(tmp_path, format, options):
    video = open_video(write(tmp_path / "a", format, pictures(), **options))
    read = list(video)
    assert [time_stamp * video.time_base * 1000 for _, time_stamp in read] == [0, 100, 350]
    assert (video.last_duration, video.frame_count, video.notes) == (40, 3, [])
    for (frame, _), wanted in zip(read, pictures(), strict=True):
        np.testing.assert_array_equal(frame, wanted)


def test_transparency_and_loops_are_named(tmp_path):
    arrays = pictures(channels=4)
    video = open_video(write(tmp_path / "a.png", "PNG", arrays, loop=3, disposal=1, blend=0))
    (first, _), *_ = list(video)
    alpha = arrays[0][:, :, 3:] / 255.0
    assert np.abs(first - arrays[0][:, :, :3] * alpha).max() <= 0.51
    assert video.notes == [
        "the animation's loop count (3) is not carried",
        "transparency is shown on black: a video has none",
    ]


def test_gif(tmp_path):
    arrays = [picture // 128 * 255 for picture in pictures()]
    video = open_video(write(tmp_path / "a.gif", "GIF", arrays, duration=[0, 10, 200]))
    assert [time_stamp for _, time_stamp in video] == [0, 100, 200]
    assert video.last_duration == 200
    np.testing.assert_array_equal(list(video)[1][0], arrays[1])


def test_what_is_an_animation(tmp_path):
    assert is_animation(write(tmp_path / "a", "GIF", pictures()))
    for format in ("GIF", "PNG", "WEBP", "AVIF", "JPEG", "TIFF"):
        (tmp_path / "still").write_bytes(saved(pillow(pictures()[0]), format))
        assert not is_animation(tmp_path / "still")
    (tmp_path / "broken").write_bytes(b"GIF89a" + bytes(10))
    assert not is_animation(tmp_path / "broken")
    assert not is_animation(tmp_path / "missing")


def test_damage_and_limits(tmp_path):
    path = write(tmp_path / "a.png", "PNG", pictures())
    with pytest.raises(LimitError):
        open_video(path, limits=Limits(max_frames=2))
    with pytest.raises(LimitError):
        open_video(path, limits=Limits(max_pixels=100))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(InputError):
        list(open_video(path))
