"""Folders and lists of pictures as videos."""

from fractions import Fraction

import numpy as np
import pytest
from media_files import pillow, samples

from vaecompress.errors import InputError, LimitError, OutputError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.video import open_video
from vaecompress.media.video_frames import PictureFrameWriter


@pytest.fixture
def folder(tmp_path):
    for index in (1, 2, 10):
        pillow(np.full((8, 6, 3), index, np.uint8)).save(tmp_path / f"f{index}.png")
    return tmp_path


def test_a_folder_is_read_in_natural_order(folder):
    video = open_video(folder)
    assert (video.width, video.height, video.frame_count, video.time_base) == (6, 8, 3, Fraction(1, 24))
    assert [(int(frame[0, 0, 0]), time_stamp) for frame, time_stamp in video] == [(1, 0), (2, 1), (10, 2)]


def test_a_list_is_read_in_natural_order_at_its_rate(folder):
    video = open_video(sorted(folder.glob("*.png")), Fraction(30000, 1001))
    assert [int(frame[0, 0, 0]) for frame, _ in video] == [1, 2, 10]
    assert video.time_base == Fraction(1001, 30000)


def test_grey_becomes_rgb_and_what_is_left_out_is_said_aloud(folder):
    pillow(samples(8, 6, channels=2)).save(folder / "f3.png")
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden").write_text("hello")
    video = open_video(folder)
    read = [frame for frame, _ in video]
    np.testing.assert_array_equal(read[2], np.repeat(samples(8, 6, channels=2)[:, :, :1], 3, axis=2))
    assert video.notes == ["1 files that are no pictures left out", "frames: alpha is not carried in a video"]


def test_frames_of_another_size_are_refused_by_name(folder):
    pillow(samples(8, 7)).save(folder / "f3.png")
    with pytest.raises(InputError, match="frame 2 is 7x8, the first one 6x8"):
        list(open_video(folder))


def test_bad_folders_and_rates(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        open_video(tmp_path / "empty")
    with pytest.raises(InputError, match="no pictures"):
        open_video([])
    with pytest.raises(LimitError):
        open_video(folder, limits=Limits(max_frames=2))
    with pytest.raises(UsageError, match="rate above zero"):
        open_video(folder, Fraction(0))


def test_frames_written_read_back(tmp_path):
    writer = PictureFrameWriter(tmp_path / "out", first_index=10)
    for index in range(3):
        writer.write(samples() + np.uint8(index), index)
    writer.close()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"frame_0000{index}.png" for index in (10, 11, 12)
    ]
    for index, (frame, _) in enumerate(open_video(tmp_path / "out")):
        np.testing.assert_array_equal(frame, samples() + np.uint8(index))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        PictureFrameWriter(tmp_path / "file")
