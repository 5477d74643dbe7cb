"""Bodies that describe a video: written and read, damaged and refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecompress.bitstream import Chunk, Header, write
from vaecompress.bitstream.description import read_aspect, read_tags, write_aspect, write_tags
from vaecompress.bitstream.varint import write_varint
from vaecompress.errors import CorruptError, UsageError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(texts, texts, max_size=6))
def test_tags_round_trip(tags: dict[str, str]) -> None:
    assert read_tags(write_tags(tags)) == tags


@given(st.binary(max_size=40))
def test_any_bytes_are_tags_or_refused(body: bytes) -> None:
    try:
        tags = read_tags(body)
    except CorruptError:
        return
    assert write_tags(tags) == body


def test_every_truncation_of_tags_is_noticed_or_ends_a_pair() -> None:
    body = write_tags({"title": "Sea", "place": ""})
    for length in range(1, len(body)):
        if length != 10:
            with pytest.raises(CorruptError, match="tags"):
                read_tags(body[:length])


@pytest.mark.parametrize("body", [b"\x01a", b"\x01a\x01b\x01a\x01c", b"\x01\xff\x00", write_varint(1 << 60)])
def test_tags_that_cannot_be(body: bytes) -> None:
    with pytest.raises(CorruptError, match="tags"):
        read_tags(body)


@given(st.fractions(Fraction(1, 1000), 1000, max_denominator=1000))
def test_aspects_round_trip(aspect: Fraction) -> None:
    assert read_aspect(write_aspect(aspect)) == aspect


@pytest.mark.parametrize(
    "body", [b"", b"\x01", b"\x00\x01", b"\x01\x00", b"\x01\x01\x01", write_varint(1 << 31) + b"\1"]
)
def test_aspects_that_cannot_be(body: bytes) -> None:
    with pytest.raises(CorruptError, match="aspr"):
        read_aspect(body)


@pytest.mark.parametrize("name", ["tags", "aspr", "audi", "last"])
def test_pictures_have_no_such_chunk(name: str) -> None:
    header = Header("image", 9, 9, 3, False, 60, bytes(8))
    with pytest.raises(UsageError, match=f"chunk {name} in a picture"):
        write(header, [Chunk("PICT", bytes(9)), Chunk(name, bytes(1))])
