"""Reading video files: time stamps, colours, notes, damage."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import samples

from vaecompress.errors import InputError, LimitError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.video import open_video

HEIGHT, WIDTH, COUNT = 48, 64, 12


def frames(count=COUNT, height=HEIGHT, width=WIDTH):
    """A picture that moves one pixel a frame."""
    wide = samples(height, width + count)
    return [np.ascontiguousarray(wide[:, i : i + width]) for i in range(count)]


def make_video(
    path,
    *,
    codec="libx264",
    pixels="yuv420p",
    format=None,
    time_stamps=None,
    audio=False,
    rotation=0,
    base=600,
    muxer=(),
    **tags,
):
    """Encode ``frames()`` with PyAV.

    ``base`` is units of time a second, ``muxer`` are options of the format, ``tags`` are set on the codec context.
    """
    with av.open(str(path), "w", format=format, options=dict(muxer)) as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, base)
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        if audio:
            sound = container.add_stream("aac", rate=44100)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 44100
            container.mux(sound.encode(silence))
            container.mux(sound.encode())
        for index, frame in enumerate(frames()):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels)
            picture.pts = (time_stamps or range(0, 25 * COUNT, 25))[index]
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_attributes_and_count(tmp_path, suffix):
    video = open_video(make_video(tmp_path / f"a.{suffix}"))
    read = list(video)
    assert (video.width, video.height, len(read)) == (WIDTH, HEIGHT, COUNT)
    assert video.frame_count == COUNT
    assert video.colour == Colour(matrix=6)
    assert not video.has_audio
    assert video.notes == []
    assert all(frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8 for frame, _ in read)
    assert np.abs(read[5][0].astype(int) - frames()[5]).mean() < 20
    again = list(video)
    np.testing.assert_array_equal(again[-1][0], read[-1][0])


def test_variable_time_stamps_are_kept_exactly(tmp_path):
    time_stamps = [0, 7, 8, 100, 101, 350, 351, 352, 1000, 1001, 1003, 1200]
    video = open_video(make_video(tmp_path / "a.mp4", time_stamps=time_stamps))
    assert [time_stamp * video.time_base for _, time_stamp in video] == [Fraction(t, 600) for t in time_stamps]


def reference_rgb(yuv, red, blue, full):
    """The conversion of H.273 in floating point; ``red`` and ``blue`` are the luma weights."""
    luma, cb, cr = (yuv[i].astype(float) for i in range(3))
    luma, span = (luma / 255, 255) if full else ((luma - 16) / 219, 224)
    r = luma + 2 * (1 - red) * (cr - 128) / span
    b = luma + 2 * (1 - blue) * (cb - 128) / span
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.round(np.stack([r, g, b], -1) * 255), 0, 255)


@pytest.mark.parametrize(
    ("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593), (2, 0.299, 0.114)]
)
@pytest.mark.parametrize("full", [False, True])
def test_declared_matrix_and_range_are_used(tmp_path, matrix, red, blue, full):
    path = tmp_path / "a.mkv"
    yuv = np.random.default_rng(0).integers(16, 236, (3, HEIGHT, WIDTH), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1
        container.mux(stream.encode(av.VideoFrame.from_ndarray(yuv, format="yuv444p")))
        container.mux(stream.encode())
    video = open_video(path)
    ((frame, _),) = list(video)
    assert np.abs(frame - reference_rgb(yuv, red, blue, full)).max() <= 1
    assert video.colour == Colour(matrix=6 if matrix == 2 else matrix, full_range=full)


def test_colours_that_are_not_converted_are_refused(tmp_path):
    with pytest.raises(InputError, match="matrix 8 is not carried"):
        list(open_video(make_video(tmp_path / "a.mkv", codec="ffv1", pixels="yuv444p", colorspace=8)))


def test_rotation_is_applied_and_said_aloud(tmp_path):
    plain = open_video(make_video(tmp_path / "a.mp4"))
    turned = open_video(make_video(tmp_path / "b.mp4", rotation=90))
    assert (turned.width, turned.height) == (HEIGHT, WIDTH)
    assert turned.notes == ["the file's rotation by 90 degrees is applied"]
    np.testing.assert_array_equal(next(iter(turned))[0], np.rot90(next(iter(plain))[0]))


def with_matrix(path, *numbers):
    """Put the display matrix of an mp4 file's track to a, b, c, d in turn, and where the picture then lies."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (number * 65536 for number in numbers)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("numbers", "seen", "word"),
    [
        ((1, 0, 0, 1), lambda frame: frame, None),
        ((-1, 0, 0, 1), lambda frame: frame[:, ::-1], "mirroring left to right"),
        ((1, 0, 0, -1), lambda frame: frame[::-1], "mirroring top to bottom"),
        ((-1, 0, 0, -1), lambda frame: frame[::-1, ::-1], "rotation by 180"),
        ((0, 1, -1, 0), lambda frame: np.rot90(frame, -1), "rotation by 270"),
        ((0, -1, 1, 0), np.rot90, "rotation by 90"),
        ((0, 1, 1, 0), lambda frame: frame.swapaxes(0, 1), "mirroring and rotation"),
        ((0, -1, -1, 0), lambda frame: frame.swapaxes(0, 1)[::-1, ::-1], "mirroring and rotation"),
    ],
)
def test_every_turn_and_mirror_is_applied(tmp_path, numbers, seen, word):
    path = make_video(tmp_path / "a.mp4")
    plain = next(iter(open_video(path)))[0]
    video = open_video(with_matrix(path, *numbers))
    np.testing.assert_array_equal(next(iter(video))[0], seen(plain))
    assert (video.notes == []) if word is None else (word in video.notes[0])


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj444p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(frames()[0], format="rgb24").reformat(format="yuvj444p")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
    with pytest.raises(InputError, match="holds no video, only a cover picture"):
        open_video(path)


def test_the_alpha_of_vp9_is_named(tmp_path):
    path = make_video(tmp_path / "a.webm", codec="libvpx-vp9", pixels="yuva420p")
    assert "alpha is not carried in a video" in open_video(path).notes


def test_damage_is_left_out_where_that_is_asked(tmp_path):
    path = make_video(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 1000
    data[start : start + 300] = bytes(300)
    path.write_bytes(data)
    video = open_video(path, partial=True)
    assert 0 < len(list(video)) < COUNT
    assert video.is_damaged
    assert any(note.startswith("left out: is damaged") for note in video.notes)


def test_joined_transport_streams_go_on_in_time(tmp_path):
    data = make_video(tmp_path / "a.ts", format="mpegts").read_bytes()
    (tmp_path / "joined.ts").write_bytes(data + data)
    video = open_video(tmp_path / "joined.ts", partial=True)
    stamps = [time_stamp for _, time_stamp in video]
    assert len(stamps) > COUNT
    assert stamps == sorted(set(stamps))


def test_a_raw_stream_says_its_rate(tmp_path):
    video = open_video(
        make_video(tmp_path / "a.h264", format="h264", time_stamps=range(COUNT), time_base=Fraction(1, 24))
    )
    assert "a raw stream has no time stamps: 24 frames a second are taken" in video.notes
    stamps = [time_stamp * video.time_base for _, time_stamp in video]
    assert float(stamps[1] - stamps[0]) == pytest.approx(1 / 24, rel=0.01)


def test_what_is_left_out_is_said_aloud(tmp_path):
    video = open_video(make_video(tmp_path / "a.mkv", codec="ffv1", pixels="yuva420p10le", audio=True))
    assert video.has_audio
    assert video.notes == ["alpha is not carried in a video", "10-bit samples reduced to 8 bits"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "y4m"])
def test_truncated_files_are_refused(tmp_path, suffix, capfd):
    options = {"codec": "wrapped_avframe", "format": "yuv4mpegpipe"} if suffix == "y4m" else {}
    whole = make_video(tmp_path / f"whole.{suffix}", **options).read_bytes()
    path = tmp_path / f"a.{suffix}"
    for length in (0, 10, 400, len(whole) // 2, len(whole) * 3 // 4):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            list(open_video(path))
        assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_damage_is_not_concealed(tmp_path):
    path = make_video(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 1000
    data[start : start + 300] = bytes(300)
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        list(open_video(path))


def test_a_title_that_is_not_utf_8_costs_nothing(tmp_path):
    path = make_video(tmp_path / "a.mkv")
    data = path.read_bytes()
    assert b"Lavf" in data
    path.write_bytes(data.replace(b"Lavf", b"L\xe9vf"))
    assert len(list(open_video(path))) == COUNT


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text("hello\n" * 100)
    (tmp_path / "text.mp4").write_text("hello\n" * 100)
    (tmp_path / "random.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ntext.mp4\n#EXT-X-ENDLIST\n")
    for name in ("text.txt", "text.mp4", "random.mkv", "list.m3u8", "missing.mp4"):
        with pytest.raises(InputError) as caught:
            open_video(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_an_unknown_codec_is_refused(tmp_path):
    path = make_video(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_NOBODY/KNOWS!"))
    with pytest.raises(InputError, match="coded in a way that is not read"):
        open_video(path)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(sound.encode(silence))
        container.mux(sound.encode())
    with pytest.raises(InputError, match="holds no video"):
        open_video(path)


def test_limits(tmp_path):
    path = make_video(tmp_path / "a.mkv")
    with pytest.raises(LimitError, match="64x48"):
        open_video(path, limits=Limits(max_pixels=1000))
    with pytest.raises(LimitError, match="11 frames"):
        list(open_video(path, limits=Limits(max_frames=10)))


def test_a_video_file_takes_no_frame_rate(tmp_path):
    with pytest.raises(UsageError, match="own time stamps"):
        open_video(make_video(tmp_path / "a.mkv"), Fraction(30))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_of_avi_come_at_an_even_pace(tmp_path, codec):
    """AVI holds no times, and libav gives frames that are decoded early those of their packets."""
    path = make_video(tmp_path / "a.avi", codec=codec, max_b_frames=2, base=24, time_stamps=range(COUNT))
    video = open_video(path)
    stamps = [time_stamp for _, time_stamp in video]
    assert np.diff(stamps).tolist() == [1] * (COUNT - 1)
    assert video.notes == []


def test_an_encrypted_film_is_named_so(tmp_path):
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "12" * 16, "encryption_kid": "34" * 16}
    with pytest.raises(InputError, match=r"a\.mp4: is encrypted: decrypt it first$"):
        open_video(make_video(tmp_path / "a.mp4", muxer=options))


@pytest.mark.parametrize(("pixels", "scale"), [("gray", 1), ("gray10le", 4)])
def test_luma_alone_has_a_range_too(tmp_path, pixels, scale):
    """libswscale takes grey for full range whatever the stream says: black becomes 16 and white 235."""
    luma = np.tile(np.arange(16, 236, dtype=np.uint16) * scale, (HEIGHT, 1)).astype(
        np.uint8 if scale == 1 else np.uint16
    )
    for is_full, wanted in ((False, np.round((luma / scale - 16) * 255 / 219)), (True, luma / scale)):
        with av.open(str(tmp_path / "a.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=24)
            stream.height, stream.width, stream.pix_fmt = *luma.shape, pixels
            stream.codec_context.color_range = 2 if is_full else 1
            picture = av.VideoFrame.from_ndarray(luma, format=pixels)
            picture.pts, picture.color_range = 0, 2 if is_full else 1
            container.mux(stream.encode(picture))
            container.mux(stream.encode())
        (frame, _), *_ = open_video(tmp_path / "a.mkv")
        np.testing.assert_allclose(frame, np.repeat(wanted[:, :, np.newaxis], 3, 2), atol=0 if scale == 1 else 1)


def element(number, *content):
    """An element of a Matroska file: of bytes, or of the elements in it."""
    body = b"".join(content)
    return bytes.fromhex(number) + (0x10000000 | len(body)).to_bytes(4) + body


def test_an_encrypted_matroska_film_is_named_so(tmp_path):
    encryption = element("5035", element("47e1", b"\5"), element("47e2", b"a key's name"))
    coded = element("6d80", element("6240", element("5031", b"\0"), element("5033", b"\1"), encryption))
    size = element("e0", element("b0", b"\x40"), element("ba", b"\x30"))
    track = element(
        "ae", element("d7", b"\1"), element("73c5", b"\1"), element("83", b"\1"), element("86", b"V_VP9"), size, coded
    )
    head = element("1a45dfa3", element("4282", b"webm"))
    cluster = element("1f43b675", element("e7", b"\0"), element("a3", b"\x81\0\0\x80", bytes(50)))
    (tmp_path / "a.webm").write_bytes(head + element("18538067", element("1654ae6b", track), cluster))
    with pytest.raises(InputError, match=r"a\.webm: is encrypted: decrypt it first$"):
        open_video(tmp_path / "a.webm")
