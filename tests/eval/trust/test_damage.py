"""Streams of real content, damaged in every short way: always refused, or pixels that have their checksum."""

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaecompress_cli.main import main
from vaecompress_eval.trust import damage
from vaecompress_eval.trust.torture import end_of, sound_streams, try_all

from vaecompress.bitstream import Chunk, Container, Entry, Header, PicturePayload, write
from vaecompress.codec.still import ImageCodec
from vaecompress.codec.video import decode_video, in_order
from vaecompress.errors import CorruptError
from vaecompress.models import registry

STREAMS = ("picture", "grey picture", "video", "lossless picture", "AV1 planes")
KINDS = tuple(damage.all_kinds(b"", np.random.default_rng(0), noise_count=0))


@pytest.fixture(scope="module")
def sound() -> dict[str, bytes]:
    return sound_streams(registry.load("tiny", threads=1), 20, 12)


@pytest.mark.parametrize("name", STREAMS)
def test_sound_streams_are_sound(sound: dict[str, bytes], name: str) -> None:
    assert end_of(sound[name]) == "sound"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STREAMS)
def test_library(sound: dict[str, bytes], name: str, kind: str) -> None:
    """A failure is any other exception than a refusal, or pixels that differ from their checksum."""
    tally = try_all(kind, damage.all_kinds(sound[name], np.random.default_rng(1), noise_count=60)[kind])
    assert tally.failures == []
    assert tally.count or (kind == KINDS[-1] and name != "picture")
    assert tally.slowest_s < 10


def sample(data: bytes) -> Iterator[tuple[str, bytes]]:
    """A few of each kind."""
    for damaged in damage.all_kinds(data, np.random.default_rng(2), noise_count=10).values():
        yield from islice(damaged, 0, None, 23)


@pytest.mark.parametrize("name", ["picture", "video", "with sound"])
def test_command(sound: dict[str, bytes], name: str, tmp_path: Path) -> None:
    """Refused with 4, 5 or 6 and nothing written; where it is accepted, the library accepts it too."""
    stream, back = tmp_path / "a.bin", tmp_path / ("back.png" if name == "picture" else "back.y4m")
    for what, data in sample(sound[name]):
        stream.write_bytes(data)
        code = main(["decode", str(stream), str(back)])
        assert code in (0, 4, 5, 6), what
        assert (code == 0) == (end_of(data) == "sound"), what
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin"] + [back.name] * (code == 0), what
        back.unlink(missing_ok=True)


def test_a_few_bytes_cannot_ask_for_a_large_picture(sound: dict[str, bytes]) -> None:
    """A sound container of a hundred bytes that says 16,000 x 16,000 is refused before the networks run."""
    with Container.open(sound["grey picture"]) as container:
        header = Header(**{**vars(container.header), "width": 16_000, "height": 16_000})
    for coded in (b"", b"\0\0", b"\0\0" + np.random.default_rng(3).bytes(100) + b"\1"):
        data = write(header, [Chunk("PICT", PicturePayload(0, coded).to_body())])
        with Container.open(data) as container, pytest.raises(CorruptError):
            ImageCodec(registry.load("tiny", threads=1)).decode(container)


def test_an_abandoned_video_may_be_cleaned_up_in_any_thread() -> None:
    """The garbage collector may run in a thread of the very pool that is to be shut down."""
    done = threading.Event()

    def work(index: int) -> int:
        if index == 1:
            results.close()  # type: ignore[attr-defined]
            done.set()
        return index

    results = in_order(work, range(9), 1)
    assert next(results) == 0
    assert done.wait(10)


def damaged_spans(data: bytes, entries: tuple[Entry, ...], generator: np.random.Generator) -> tuple[bytes, set[int]]:
    """Bytes of some frames' bodies replaced by others, and which frames those are."""
    buffer, hit = bytearray(data), set()
    for index in generator.permutation(len(entries))[: generator.integers(len(entries))].tolist():
        entry = entries[index]
        start = entry.offset + int(generator.integers(entry.length))
        end = min(start + int(generator.geometric(0.2)), entry.offset + entry.length)
        buffer[start:end] = bytes(byte ^ int(generator.integers(1, 256)) for byte in buffer[start:end])
        hit.add(index)
    return bytes(buffer), hit


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_damage_to_frames_costs_those_frames_only(sound: dict[str, bytes], seed: int) -> None:
    """Whichever bytes of their bodies are hit; the others come out as they were, and each loss is named."""
    data, model = sound["video"], registry.load("tiny", threads=1)
    with Container.open(data) as container:
        entries = container.frames
        whole = [frame.pixels for frame in decode_video(container, model)]
    broken, hit = damaged_spans(data, entries, np.random.default_rng(seed))
    errors: list[CorruptError] = []
    with Container.open(broken, partial=True) as container:
        frames = list(decode_video(container, model, on_damage=errors.append))
    assert [frame.index for frame in frames] == [index for index in range(len(entries)) if index not in hit]
    assert [str(error).split(":")[0] for error in errors] == [f"frame {index}" for index in sorted(hit)]
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, whole[frame.index])


def test_a_cut_costs_the_frames_behind_it(sound: dict[str, bytes]) -> None:
    data, model = sound["video"], registry.load("tiny", threads=1)
    with Container.open(data) as container:
        entries = container.frames
    for length in range(entries[0].offset, len(data), 7):
        errors: list[CorruptError] = []
        with Container.open(data[:length], partial=True) as container:
            frames = list(decode_video(container, model, on_damage=errors.append))
        whole = [index for index, entry in enumerate(entries) if entry.offset + entry.length <= length]
        assert [frame.index for frame in frames] == whole
        assert sum(str(error).startswith("frame ") for error in errors) == len(entries) - len(whole)
