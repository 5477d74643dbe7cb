"""FORMAT.md against the code: its hex examples are parsed out of the text, read, and written again byte by byte."""

import re
import zlib
from fractions import Fraction
from importlib.resources import files

from vaecompress.bitstream import chunks
from vaecompress.bitstream.chunks import Chunk, Colour, FramePayload, PicturePayload, TimeStamps, pixel_checksum
from vaecompress.bitstream.container import Container, write
from vaecompress.bitstream.directory import Header

TEXT = files("vaecompress.bitstream").joinpath("FORMAT.md").read_text(encoding="utf-8")
MODEL_ID = bytes.fromhex("0123456789abcdef")


def hex_lines() -> list[list[tuple[bytes, str]]]:
    """For each example its lines, as bytes and comment."""
    examples = re.findall(r"^```hex\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    split = [[line.split("#") for line in example.splitlines()] for example in examples]
    return [[(bytes.fromhex(digits), comment.strip()) for digits, comment in lines] for lines in split]


PICTURE_LINES, VIDEO_LINES = hex_lines()


def joined(lines: list[tuple[bytes, str]]) -> bytes:
    return b"".join(line for line, _ in lines)


def test_picture_example() -> None:
    container = Container.open(joined(PICTURE_LINES))
    header = Header("image", 3, 2, 1, False, 60, MODEL_ID)
    assert container.header == header
    (entry,) = container.directory
    picture = PicturePayload.from_body(container.read(entry))
    assert picture == PicturePayload(pixel_checksum(bytes([10, 20, 30, 40, 50, 60])), b"\x00\xc0\xff\xee")
    assert write(header, [Chunk("PICT", picture.to_body())]) == joined(PICTURE_LINES)


def test_video_example() -> None:
    container = Container.open(joined(VIDEO_LINES))
    header = Header("video", 640, 360, 3, False, 35, MODEL_ID)
    assert container.header == header
    colour, *frames, time = (container.read(entry) for entry in container.directory)
    assert Colour.from_body(colour) == Colour(1, 1, 1, False)
    payloads = [FramePayload.from_body(frame) for frame in frames]
    assert [payload.quality for payload in payloads] == [35, 35, 35]
    assert [payload.picture.checksum for payload in payloads] == [0x11223344, 0x55667788, 0x99AABBCC]
    stamps = TimeStamps.from_body(time, len(container.frames))
    assert stamps == TimeStamps(Fraction(1001, 30000), (0, 1, 3))
    written = [
        Chunk("colr", Colour(1, 1, 1, False).to_body()),
        *(Chunk("FRAM", payload.to_body()) for payload in payloads),
        Chunk("TIME", stamps.to_body()),
    ]
    assert write(header, written) == joined(VIDEO_LINES)


def test_comments_of_the_examples_hold() -> None:
    checked = 0
    for lines in (PICTURE_LINES, VIDEO_LINES):
        for data, comment in lines:
            if quoted := re.match(r'"(\w{4})"', comment):
                assert data == quoted[1].encode()
                checked += 1
            if number := re.search(r"0x([0-9a-f]{8})$", comment):
                assert data[-4:] == int(number[1], 16).to_bytes(4, "little")
                checked += 1
    assert checked == 18
    head = joined(PICTURE_LINES[: [comment[:10] for _, comment in PICTURE_LINES].index("header CRC")])
    assert f"header CRC {zlib.crc32(head):#010x}" in TEXT


def test_the_table_of_types_is_the_code() -> None:
    section = TEXT[TEXT.index("## Chunk types") : TEXT.index("### Rules")]
    listed = set(re.findall(r"^\| `(\w{4})` \|", section, re.MULTILINE))
    assert listed == chunks.CRITICAL_TYPES | chunks.METADATA_TYPES | {chunks.SOUND}


def test_links_inside_the_text_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]*)\)", TEXT))
    assert links
    assert links <= anchors
