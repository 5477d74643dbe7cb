"""Bodies of chunks: round trips, sizes, and refusal of what does not fit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.bitstream.chunks import Colour, FramePayload, PicturePayload, TimeStamps, Tool, pixel_checksum
from vaecompress.bitstream.varint import write_varint
from vaecompress.errors import CorruptError, UnsupportedError

pts_values = st.integers(1 - 2**62, 2**62 - 1)
regular_pts = st.builds(
    lambda start, step, frames: [start + step * index for index in range(frames)],
    st.integers(-(2**40), 2**40),
    st.integers(-1000, 1000),
    st.integers(1, 50),
)
time_bases = st.builds(Fraction, st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))


@given(time_bases, st.lists(pts_values, min_size=1, max_size=20) | regular_pts)
def test_time_stamps_round_trip(time_base: Fraction, pts: list[int]) -> None:
    stamps = TimeStamps(time_base, tuple(pts))
    body = stamps.to_body()
    assert TimeStamps.from_body(body, len(pts)) == stamps
    for frames in (len(pts) + 1, len(pts) - 1):
        if frames:
            with pytest.raises(CorruptError, match="TIME"):
                TimeStamps.from_body(body, frames)


@given(st.binary(max_size=40), st.integers(1, 1000))
def test_time_stamps_of_any_bytes_parse_or_are_refused(body: bytes, frames: int) -> None:
    try:
        stamps = TimeStamps.from_body(body, frames)
    except CorruptError:
        return
    assert len(stamps.pts) == frames
    assert TimeStamps.from_body(stamps.to_body(), frames) == stamps


def test_constant_frame_rate_costs_nothing_a_frame() -> None:
    stamps = TimeStamps(Fraction(1001, 30000), tuple(range(100_000)))
    assert len(stamps.to_body()) <= 12


def test_a_run_longer_than_the_video_is_refused_at_once() -> None:
    numbers = (1, 24, 0, 2, 2**60)
    with pytest.raises(CorruptError, match="do not match the 10 "):
        TimeStamps.from_body(b"".join(map(write_varint, numbers)), 10)


@pytest.mark.parametrize(
    ("time_base", "pts"),
    [
        (Fraction(0), (0,)),
        (Fraction(-1, 24), (0,)),
        (Fraction(1, 2**31), (0,)),
        (Fraction(1), (2**62,)),
        (Fraction(1), ()),
    ],
)
def test_time_stamps_that_cannot_be_written(time_base: Fraction, pts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="time"):
        TimeStamps(time_base, pts).to_body()


@pytest.mark.parametrize("numbers", [(0, 24, 0), (24, 0, 0), (2**31, 1, 0), (1, 24, 2**63 - 2, 2, 1)])
def test_time_stamps_out_of_range(numbers: tuple[int, ...]) -> None:
    with pytest.raises(CorruptError, match="TIME"):
        TimeStamps.from_body(b"".join(map(write_varint, numbers)), len(numbers) // 2)


def test_picture() -> None:
    picture = PicturePayload(pixel_checksum(bytes(12)), b"coded")
    body = picture.to_body()
    assert body == bytes([0]) + pixel_checksum(bytes(12)).to_bytes(4, "little") + b"coded"
    assert PicturePayload.from_body(body) == picture
    with pytest.raises(CorruptError, match="3 bytes"):
        PicturePayload.from_body(body[:3])


def test_a_picture_of_a_tool_to_come_is_unsupported() -> None:
    body = PicturePayload(1, b"coded", Tool.AV1_PLANES).to_body()
    assert PicturePayload.from_body(body).tool is Tool.AV1_PLANES
    with pytest.raises(UnsupportedError, match="tool 3"):
        PicturePayload.from_body(bytes([3]) + body[1:])


def test_a_frame_has_its_own_quality() -> None:
    frame = FramePayload(77, PicturePayload(5, b"coded"))
    assert FramePayload.from_body(frame.to_body()) == frame
    for quality in (0, 101):
        with pytest.raises(CorruptError, match=f"quality {quality}"):
            FramePayload.from_body(bytes([quality]) + frame.to_body()[1:])
    with pytest.raises(CorruptError, match="quality none"):
        FramePayload.from_body(b"")


@pytest.mark.parametrize("full_range", [False, True])
def test_colour(full_range: bool) -> None:
    colour = Colour(9, 16, 9, full_range)
    assert Colour.from_body(colour.to_body()) == colour


@pytest.mark.parametrize("body", [b"", b"\x01\x01\x01", b"\x01\x01\x01\x02", bytes(5)])
def test_bad_colour(body: bytes) -> None:
    with pytest.raises(CorruptError, match="colr"):
        Colour.from_body(body)
