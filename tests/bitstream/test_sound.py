"""Stamps in runs, and the head of sound: what is written is read, anything else is refused before it takes memory."""

import io
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.bitstream import Chunk, Container, ContainerWriter, Header, write
from vaecompress.bitstream.directory import Entry, serialise
from vaecompress.bitstream.sound import SoundHead, SoundStream
from vaecompress.bitstream.stamps import StampRuns
from vaecompress.bitstream.varint import write_varint
from vaecompress.errors import CorruptError, LimitError
from vaecompress.limits import Limits

BASE = Fraction(1, 44100)
VIDEO = Header("video", 16, 16, 3, False, 60, bytes(8))
FRAMES = [Chunk("FRAM", bytes(10)), Chunk("TIME", bytes([1, 25, 0]))]

increasing = st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=20, unique=True).map(sorted)


def head(*stamps: list[int]) -> SoundHead:
    return SoundHead(tuple(SoundStream(StampRuns.of(BASE, one), 7) for one in stamps))


@given(st.lists(increasing, min_size=1, max_size=4))
def test_heads_round_trip(stamps: list[list[int]]) -> None:
    data = head(*stamps).to_bytes()
    found, end = SoundHead.read(io.BytesIO(data + b"matroska"), len(data) + 500)
    assert found == head(*stamps)
    assert end == len(data)
    assert [list(stream.stamps) for stream in found.streams] == stamps


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        found, end = SoundHead.read(io.BytesIO(data), len(data))
    except CorruptError:
        return
    assert 1 <= sum(stream.stamps.count for stream in found.streams) <= len(data) * len(found.streams)
    assert end <= len(data)


def test_every_truncation_is_noticed() -> None:
    data = head([-1024, 0, 1024], [5, 9]).to_bytes()
    for length in range(len(data)):
        with pytest.raises(CorruptError, match="audi"):
            SoundHead.read(io.BytesIO(data[:length]), length)


def numbers(*values: int) -> bytes:
    body = b"".join(map(write_varint, values))
    return write_varint(len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        numbers(0),
        numbers(256),
        numbers(1, 0, 1, 44100, 0, 0),
        numbers(1, 1 << 40, 1, 44100, 0, 2, (1 << 40) - 1, 0),  # more packets than bytes
        numbers(1, 3, 1, 44100, 0, 0, 2, 0),  # standing still
        numbers(1, 3, 1, 44100, 0, 1, 2, 0),  # backwards
        numbers(1, 3, 0, 44100, 0, 2, 2, 0),
        numbers(1, 3, 1, 44100, 0, 2, 3, 0),
        numbers(1, 2, 1, 44100, 0, 2, 1, 0, 0),  # one number more
        numbers(1, 2, 1, 44100, 0, (1 << 64) - 2, 1, 0),
        write_varint(1 << 50) + bytes(50),
    ],
)
def test_heads_that_say_what_cannot_be(data: bytes) -> None:
    with pytest.raises(CorruptError, match="audi"):
        SoundHead.read(io.BytesIO(data), 100)


def test_a_long_regular_stream_takes_few_bytes_and_no_memory() -> None:
    stamps = StampRuns.of(BASE, range(0, 1024 * 100_000, 1024))
    assert len(stamps.to_bytes()) < 16
    found, _ = StampRuns.read(numbers(1, 44100, 0, 2, (1 << 60) - 1)[1:], 0, 1 << 60, "x", increasing=True)
    assert found.count == 1 << 60
    assert next(iter(found)) == 0


@pytest.mark.parametrize("stamps", [[], [1 << 62], [0, -(1 << 62)]])
def test_stamps_that_cannot_be_written(stamps: list[int]) -> None:
    with pytest.raises(ValueError, match="2\\^62"):
        StampRuns.of(BASE, stamps)


def test_sound_has_a_limit_of_its_own() -> None:
    sound = Chunk("audi", bytes(1000))
    data = write(VIDEO, [sound, *FRAMES])
    Container.open(data, Limits(max_metadata_bytes=10))
    with pytest.raises(LimitError, match="sound has 1000 bytes"):
        Container.open(data, Limits(max_sound_bytes=999))
    entries = [Entry("audi", 0, 1 << 40, 0), *(Entry(chunk.type, 0, len(chunk.body), 0) for chunk in FRAMES)]
    with pytest.raises(LimitError, match="sound has"):
        Container.open(serialise(VIDEO, entries) + bytes(13))


def test_sound_is_for_videos_and_there_once() -> None:
    sound = Chunk("audi", bytes(9))
    picture = [Chunk("PICT", bytes(9)), sound]
    for header, parts in ((Header("image", 9, 9, 3, False, 60, bytes(8)), picture), (VIDEO, [sound, sound, *FRAMES])):
        entries = [Entry(part.type, 0, len(part.body), 0) for part in parts]
        with pytest.raises(CorruptError, match=r"audi in a picture|2 chunks audi"):
            Container.open(serialise(header, entries) + b"".join(part.body for part in parts))


def test_blocks_and_sections_are_the_body(tmp_path: object) -> None:
    body = bytes(range(256)) * 9000
    output = io.BytesIO()
    with ContainerWriter(output, VIDEO) as writer:
        writer.append_blocks("audi", [body[:1000], b"", body[1000:]])
        for chunk in FRAMES:
            writer.append(chunk)
    assert output.getvalue() == write(VIDEO, [Chunk("audi", body), *FRAMES])
    container = Container.open(output.getvalue())
    (entry, *_) = container.directory
    assert b"".join(container.blocks(entry)) == body
    section = container.section(entry, 300)
    assert section.read() == body[300:]
    assert section.seek(-5, io.SEEK_END) == len(body) - 305
    assert section.read(100) == body[-5:]
    assert section.read(1) == b""
    damaged = Container.open(output.getvalue().replace(body[:600], body[1:601]))
    with pytest.raises(CorruptError, match="CRC"):
        damaged.check(entry)
