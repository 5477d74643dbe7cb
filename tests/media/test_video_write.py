"""Writing videos: lossless means bit for bit, and time stamps stay where they were."""

from fractions import Fraction

import numpy as np
import pytest
from media_files import samples

from vaecompress.errors import OutputError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.image_read import read_image
from vaecompress.media.video import open_video
from vaecompress.media.video_write import open_video_writer, video_format_of

EVEN = list(range(0, 120, 10))
UNEVEN = [0, 3, 4, 50, 51, 52, 200, 201, 333, 400, 500, 501]


def frames(height=48, width=64, count=12):
    wide = samples(height, width + count)
    return [np.ascontiguousarray(wide[:, i : i + width]) for i in range(count)]


def write(path, format, time_stamps=EVEN, time_base=Fraction(1, 240), pictures=None, colour=None, crf=None, end=None):
    pictures = frames() if pictures is None else pictures
    height, width = pictures[0].shape[:2]
    writer = open_video_writer(
        path, format, width=width, height=height, time_base=time_base, colour=colour or Colour(), crf=crf
    )
    for frame, time_stamp in zip(pictures, time_stamps, strict=True):
        writer.write(frame, time_stamp)
    writer.close(end)
    return writer


@pytest.mark.parametrize("format", ["mp4", "mkv"])
@pytest.mark.parametrize("size", [(48, 64), (35, 51)])
def test_lossless_files_are_bit_exact(tmp_path, format, size):
    path = tmp_path / "video.part"
    pictures = frames(*size)
    writer = write(path, format, pictures=pictures)
    read = [frame for frame, _ in open_video(path)]
    assert len(read) == len(pictures)
    for frame, expected in zip(read, pictures, strict=True):
        np.testing.assert_array_equal(frame, expected)
    unusual = "lossless RGB does not play in browsers, phones and QuickTime: --crf 18 writes what does"
    assert writer.notes == (["mkv keeps time stamps to the millisecond", unusual] if format == "mkv" else [unusual])


@pytest.mark.parametrize("crf", [None, 20])
@pytest.mark.parametrize(("format", "time_base"), [("mp4", Fraction(1001, 30000)), ("mkv", Fraction(1, 1000))])
@pytest.mark.parametrize("time_stamps", [EVEN, UNEVEN, [t + 7 for t in UNEVEN]])
def test_time_stamps_round_trip(tmp_path, format, time_base, time_stamps, crf):
    path = tmp_path / "video.part"
    write(path, format, time_stamps, time_base, crf=crf)
    video = open_video(path)
    assert [time_stamp * video.time_base for _, time_stamp in video] == [t * time_base for t in time_stamps]


@pytest.mark.parametrize("crf", [None, 20])
@pytest.mark.parametrize("format", ["mp4", "mkv"])
@pytest.mark.parametrize("time_stamps", [[0], [0, 5000, 10_000], [0, 40, 80, 120]])
def test_the_last_frame_is_shown_as_long_as_it_was(tmp_path, format, time_stamps, crf):
    path, pictures = tmp_path / "video.part", frames(count=len(time_stamps))
    write(path, format, time_stamps, Fraction(1, 1000), pictures, crf=crf, end=time_stamps[-1] + 5000)
    video = open_video(path)
    assert len(list(video)) == len(time_stamps)
    assert video.last_duration * video.time_base == 5


@pytest.mark.parametrize("format", ["webp", "png", "gif"])
def test_animations_keep_frames_and_times(tmp_path, format):
    pictures = frames(count=4)
    if format == "gif":
        pictures = [picture // 128 * 255 for picture in pictures]  # eight colours
    writer = write(tmp_path / "a", format, [0, 100, 250, 300], Fraction(1, 1000), pictures, end=1300)
    assert len(writer.notes) == (format == "gif")
    video = open_video(tmp_path / "a")
    read = list(video)
    assert [time_stamp for _, time_stamp in read] == [0, 100, 250, 300]
    assert video.last_duration == 1000
    for (frame, _), picture in zip(read, pictures, strict=True):
        np.testing.assert_array_equal(frame, picture)


def psnr_db(video, pictures):
    read = np.stack([frame for frame, _ in video])
    return 10 * np.log10(255**2 / np.mean((read.astype(float) - np.stack(pictures)) ** 2))


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63)])
def test_crf_keeps_the_colours(tmp_path, height, width):
    flat = np.empty((height, width, 3), np.uint8)
    flat[:] = (200, 40, 90)
    write(tmp_path / "a.mp4", "mp4", pictures=[flat] * 12, colour=Colour(9, 16, 1, True), crf=10)
    video = open_video(tmp_path / "a.mp4")
    assert video.colour == Colour(9, 16, 1, True)
    assert psnr_db(video, [flat] * 12) > 44


def test_y4m_is_4_4_4_at_the_rate_of_the_time_stamps(tmp_path):
    writer = write(tmp_path / "a.y4m", "y4m", time_base=Fraction(1001, 240000))
    assert writer.notes == []
    header = (tmp_path / "a.y4m").read_bytes().split(b"\n")[0]
    assert header == b"YUV4MPEG2 W64 H48 F24000:1001 Ip A1:1 C444 XCOLORRANGE=LIMITED"
    video = open_video(tmp_path / "a.y4m")
    assert video.time_base == Fraction(1001, 24000)
    assert [time_stamp for _, time_stamp in video] == list(range(12))
    assert psnr_db(video, frames()) > 50


def test_y4m_says_aloud_that_it_has_one_rate(tmp_path):
    writer = write(tmp_path / "a.y4m", "y4m", UNEVEN)
    assert writer.notes == ["y4m has one frame rate: the variable time stamps are not kept"]
    assert len(list(open_video(tmp_path / "a.y4m"))) == 12


def test_a_single_frame(tmp_path):
    for format in ("y4m", "mp4", "mkv"):
        write(tmp_path / format, format, [0], pictures=frames(count=1))
        assert len(list(open_video(tmp_path / format))) == 1


def test_frames_format_writes_pictures(tmp_path):
    write(tmp_path / "out", "frames")
    assert len(list((tmp_path / "out").iterdir())) == 12


@pytest.mark.parametrize(
    ("name", "format"), [("a.MP4", "mp4"), ("a.mkv", "mkv"), ("a.y4m", "y4m"), ("out", "frames"), ("a.apng", "png")]
)
def test_video_format_of(name, format):
    assert video_format_of(name) == format


def test_wrong_usage():
    with pytest.raises(UsageError, match=r"\.avi"):
        video_format_of("a.avi")
    for format, crf in (("y4m", 20), ("frames", 20), ("mp4", 52)):
        with pytest.raises(UsageError, match="crf"):
            open_video_writer(None, format, width=2, height=2, time_base=Fraction(1), colour=Colour(), crf=crf)


@pytest.mark.parametrize("format", ["mp4", "mkv", "y4m"])
def test_an_output_that_cannot_be_opened(tmp_path, format):
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "missing" / "a", format)


def test_time_stamps_that_do_not_increase(tmp_path):
    with pytest.raises(OutputError, match="do not increase"):
        write(tmp_path / "a.mp4", "mp4", [0] * 12)


@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_time_stamps_that_no_file_has_room_for(tmp_path, format):
    for time_base, start in ((Fraction(1, 1 << 40), 0), (Fraction(1, 1000), 1 << 70)):
        with pytest.raises(OutputError, match="no room"):
            write(tmp_path / "a", format, [start + i for i in range(12)], time_base)


def test_hdr_is_said_where_it_can_be_and_else_named(tmp_path):
    pq = Colour(9, 16, 9)
    for format in ("y4m", "webp"):
        writer = write(tmp_path / "video.part", format, colour=pq)
        assert "no room for its colours (PQ, HDR): write .mp4 or .mkv" in writer.notes
    writer = write(tmp_path / "frames", "frames", colour=pq)
    image, _ = read_image(tmp_path / "frames" / "frame_000000.png")
    assert (image.colour.primaries, image.colour.transfer) == (9, 16)
    assert writer.notes == ["a folder of frames keeps no time stamps"]
