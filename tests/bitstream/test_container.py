"""Files: round trips, the 48 bytes, reading parts, the rules, and damage at every byte."""

import io
import struct
import tracemalloc
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.bitstream.chunks import Chunk, PicturePayload, TimeStamps
from vaecompress.bitstream.container import Container, ContainerWriter, write
from vaecompress.bitstream.directory import Entry, Header, serialise
from vaecompress.errors import CorruptError, InputError, LimitError, UnsupportedError, UsageError
from vaecompress.limits import Limits

IMAGE = Header("image", 640, 480, 3, False, 60, bytes(range(8)))
VIDEO = Header("video", 64, 48, 1, False, 1, bytes(8))
PICT = Chunk("PICT", PicturePayload(0x12345678, b"some coded bytes").to_body())
ALPH = Chunk("ALPH", b"PNG")
TIME = Chunk("TIME", TimeStamps(Fraction(1, 25), (0, 1, 2)).to_body())
FRAMES = [Chunk("FRAM", PicturePayload(index, b"frame" * index).to_body()) for index in range(3)]
SMALL_IMAGE = write(replace(IMAGE, has_alpha=True), [Chunk("iccp", b"profile"), PICT, ALPH, Chunk("zzz9", b"later")])
SMALL_VIDEO = write(VIDEO, [*FRAMES, TIME])
REFUSALS = (CorruptError, UnsupportedError, LimitError)


def assemble(header: Header, body_chunks: list[Chunk]) -> bytes:
    """A file that need not follow the rules."""
    entries = [Entry(chunk.type, 0, len(chunk.body), zlib.crc32(chunk.body)) for chunk in body_chunks]
    return serialise(header, entries) + b"".join(chunk.body for chunk in body_chunks)


def with_header_crc(head: bytes) -> bytes:
    return head + struct.pack("<I", zlib.crc32(head))


headers = st.builds(
    Header,
    st.just("image"),
    st.integers(1, 16_000),
    st.integers(1, 16_000),
    st.sampled_from((1, 3)),
    st.booleans(),
    st.integers(1, 100),
    st.binary(min_size=8, max_size=8),
)
optional_types = st.from_regex(r"[a-z][A-Za-z0-9_]{3}", fullmatch=True)


@given(headers, st.binary(), st.dictionaries(optional_types, st.binary(max_size=50), max_size=4))
def test_image_round_trip(header: Header, coded: bytes, optional: dict[str, bytes]) -> None:
    chunks = [Chunk(name, body) for name, body in optional.items()] + [Chunk("PICT", coded)]
    if header.has_alpha:
        chunks.append(ALPH)
    container = Container.open(write(header, chunks))
    assert container.header == header
    assert [Chunk(entry.type, container.read(entry)) for entry in container.directory] == chunks
    assert container.frames == ()
    container.verify()


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_video_written_chunk_by_chunk_equals_written_at_once(bodies: list[bytes]) -> None:
    chunks = [*(Chunk("FRAM", body) for body in bodies), TIME]
    output = io.BytesIO()
    with ContainerWriter(output, VIDEO) as writer:
        for chunk in chunks:
            writer.append(chunk)
    assert output.getvalue() == write(VIDEO, chunks)
    container = Container.open(output.getvalue())
    assert [container.read(entry) for entry in container.frames] == bodies
    container.verify()


def test_plain_picture_costs_at_most_48_bytes() -> None:
    header = replace(IMAGE, width=65_535, height=65_535)
    coded_bytes = 1 << 32
    head = serialise(header, [Entry("PICT", 0, coded_bytes + 4, 0)])
    assert len(head) + 4 <= 48


def test_open_path_and_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.bin"
    path.write_bytes(SMALL_IMAGE)
    for source in (path, str(path), path.open("rb"), SMALL_IMAGE):
        with Container.open(source) as container:
            alpha = container.find("ALPH")
            assert alpha is not None
            assert container.read(alpha) == b"PNG"
            assert container.find("exif") is None
            assert container.size_bytes == len(SMALL_IMAGE)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bin: cannot be read"):
        Container.open(tmp_path / "none.bin")


def test_reading_some_frames_touches_only_those() -> None:
    touched: set[int] = set()

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            start = self.tell()
            data = super().read(size)
            touched.update(range(start, start + len(data)))
            return data

    container = Container.open(Watched(write(VIDEO, [Chunk("FRAM", bytes(5000))] * 10 + [TIME])))
    touched.clear()
    for entry in container.frames[4:6]:
        container.read(entry)
    assert touched == set(range(container.frames[4].offset, container.frames[6].offset))


@pytest.mark.parametrize("data", [SMALL_IMAGE, SMALL_VIDEO], ids=["image", "video"])
def test_every_flipped_byte_is_noticed(data: bytes) -> None:
    for position in range(len(data)):
        for mask in (0x01, 0x10, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= mask
            with pytest.raises(REFUSALS):
                Container.open(bytes(damaged)).verify()


@pytest.mark.parametrize("data", [SMALL_IMAGE, SMALL_VIDEO], ids=["image", "video"])
def test_every_cut_is_noticed(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(CorruptError):
            Container.open(data[:length])
    with pytest.raises(CorruptError, match="3 bytes follow the last chunk"):
        Container.open(data + b"abc")


@given(st.binary(max_size=100))
def test_random_bytes_are_refused(data: bytes) -> None:
    for start in (b"", SMALL_VIDEO[:5], SMALL_VIDEO[:17]):
        with pytest.raises(REFUSALS):
            Container.open(start + data)


def test_a_damaged_frame_costs_one_frame() -> None:
    container = Container.open(SMALL_VIDEO)
    damaged = bytearray(SMALL_VIDEO)
    damaged[container.frames[1].offset] ^= 1
    container = Container.open(bytes(damaged))
    assert container.read(container.frames[2]) == FRAMES[2].body
    for check in (lambda: container.read(container.frames[1]), container.verify):
        with pytest.raises(CorruptError, match=f"FRAM at byte {container.frames[1].offset} is damaged"):
            check()


def test_partial_reads_what_is_there() -> None:
    cut = SMALL_VIDEO[: Container.open(SMALL_VIDEO).frames[2].offset]
    container = Container.open(cut, partial=True)
    assert container.read(container.frames[1]) == FRAMES[1].body
    for check in (lambda: container.read(container.frames[2]), container.verify):
        with pytest.raises(CorruptError, match=r"FRAM at byte \d+ is cut off"):
            check()


@pytest.mark.parametrize(
    ("header", "chunks", "fault"),
    [
        (IMAGE, [], "0 chunks PICT"),
        (IMAGE, [PICT, PICT], "2 chunks PICT"),
        (IMAGE, [PICT, ALPH], "1 chunks ALPH"),
        (replace(IMAGE, has_alpha=True), [PICT], "0 chunks ALPH"),
        (IMAGE, [PICT, TIME], "1 chunks TIME"),
        (IMAGE, [PICT, FRAMES[0]], "1 frames in a file of kind image"),
        (IMAGE, [PICT, Chunk("exif", b""), Chunk("exif", b"")], "2 chunks exif"),
        (IMAGE, [PICT] + [Chunk("junk", b"")] * 256, "more than 256 chunks"),
        (replace(IMAGE, quality=0), [PICT], "quality 0"),
        (replace(IMAGE, quality=101), [PICT], "quality 101"),
        (replace(IMAGE, width=0), [PICT], "size 0x480"),
        (replace(IMAGE, height=2**32), [PICT], "size 640x4294967296"),
        (VIDEO, [TIME], "0 frames in a file of kind video"),
        (VIDEO, FRAMES, "0 chunks TIME"),
        (VIDEO, [*FRAMES, TIME, PICT], "1 chunks PICT"),
        (VIDEO, [Chunk("FRMP", b""), *FRAMES, TIME], "the first frame is predicted"),
    ],
)
def test_rules(header: Header, chunks: list[Chunk], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        write(header, chunks)
    with pytest.raises(CorruptError, match=fault):
        Container.open(assemble(header, chunks))


@pytest.mark.parametrize(
    ("header", "chunks", "what"),
    [
        (IMAGE, [PICT, Chunk("NEWS", b"")], "NEWS"),
        (VIDEO, [*FRAMES, Chunk("FRMQ", b""), TIME], "FRMQ"),
        (replace(VIDEO, has_alpha=True), [*FRAMES, TIME, ALPH], "alpha in video"),
    ],
)
def test_sound_but_not_for_this_version(header: Header, chunks: list[Chunk], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        write(header, chunks)
    with pytest.raises(UnsupportedError, match=what):
        Container.open(assemble(header, chunks))


def test_malformed_type_cannot_be_written() -> None:
    for name in ("abc", "PICTS", "9abc", "ab c"):
        with pytest.raises(UsageError, match="no chunk type"):
            write(IMAGE, [PICT, Chunk(name, b"")])


def test_newer_version_and_reserved_flags() -> None:
    with pytest.raises(UnsupportedError, match="version 2"):
        Container.open(SMALL_IMAGE[:4] + b"\x02" + SMALL_IMAGE[5:])
    head = bytearray(serialise(IMAGE, [Entry("PICT", 0, 0, 0)])[:-4])
    head[5] |= 0x20
    with pytest.raises(UnsupportedError, match="unknown flags"):
        Container.open(with_header_crc(bytes(head)))


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(max_side=63), "63 pixels a side"),
        (Limits(max_pixels=3000), "3000 pixels"),
        (Limits(max_frames=2), "3 frames"),
        (Limits(max_file_bytes=100), "bytes"),
        (Limits(max_metadata_bytes=4), "metadata has 5 bytes"),
    ],
)
def test_limits(limits: Limits, what: str) -> None:
    data = write(VIDEO, [Chunk("exif", b"abcde"), *FRAMES, TIME])
    assert Container.open(data).header == VIDEO
    with pytest.raises(LimitError, match=what):
        Container.open(data, limits)


def test_counts_and_lengths_that_lie_cost_no_memory() -> None:
    huge_count = SMALL_VIDEO[:17] + b"\xff\xff\xff\xff\x0f"
    huge_length = serialise(IMAGE, [Entry("PICT", 0, 2**60, 0)])
    many = Limits(max_frames=10)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptError, match="does not fit"):
            Container.open(huge_count)
        with pytest.raises(CorruptError, match="cut off"):
            Container.open(huge_length)
        container = Container.open(huge_length, partial=True)
        with pytest.raises(CorruptError, match="cut off"):
            container.read(container.directory[0])
        with pytest.raises(LimitError, match="lists 300 chunks"):
            Container.open(assemble(VIDEO, [FRAMES[0]] * 300), many)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_writer_writes_nothing_after_an_exception() -> None:
    output = io.BytesIO()

    def interrupted() -> None:
        with ContainerWriter(output, VIDEO) as writer:
            writer.append(FRAMES[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(UsageError, match="0 chunks TIME"), ContainerWriter(output, VIDEO) as writer:
        writer.append(FRAMES[0])
    assert output.getvalue() == b""


def test_writer_keeps_its_bodies_out_of_memory(tmp_path: Path) -> None:
    body = bytes(1 << 20)
    tracemalloc.start()
    try:
        with (tmp_path / "clip.bin").open("wb") as file, ContainerWriter(file, VIDEO, tmp_path) as writer:
            for _ in range(16):
                writer.append(Chunk("FRAM", body))
            writer.append(TIME)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]
    with Container.open(tmp_path / "clip.bin") as container:
        assert len(container.frames) == 16
        container.verify()
