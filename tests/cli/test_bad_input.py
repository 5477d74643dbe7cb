"""Bad input: one line, the right exit code, nothing written."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import MODEL, clip, names, run, save, streams
from PIL import Image

from vaecompress.bitstream import Chunk, Container, Header, write


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file that says it has this size and holds a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def truncated(path: Path) -> None:
    save(path)
    path.write_bytes(path.read_bytes()[:2000])


PICTURES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "empty.png": (lambda path: path.touch(), 3, "empty"),
    "text.png": (lambda path: path.write_text("no picture\n" * 9), 3, "not a picture"),
    "noise.png": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), 3, "not a picture"),
    "noise.dat": (
        lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        3,
        "neither a picture nor a video",
    ),
    "noise.mp4": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), 3, "noise.mp4: is no"),
    "truncated.png": (truncated, 3, "damaged or incomplete"),
    "cmyk.jpg": (lambda path: Image.new("CMYK", (8, 8)).save(path), 3, "CMYK"),
    "bomb.png": (lambda path: path.write_bytes(png_of_size(60_000, 60_000)), 6, "over the limit"),
    "wide.png": (lambda path: path.write_bytes(png_of_size(70_000, 1)), 6, "over the limit"),
    "missing.png": (lambda path: None, 3, "No such file"),
}


def assert_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, words: tuple[object, ...], code: int, text: str
) -> None:
    before = names(folder)
    capsys.readouterr()
    assert run(*words) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vaecompress: ")
    assert text in line
    assert names(folder) == before


@pytest.mark.parametrize("name", PICTURES)
def test_inputs_of_encode(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, code, text = PICTURES[name]
    make(tmp_path / name)
    words = ("encode", tmp_path / name, tmp_path / "a.bin", *MODEL)
    assert_refused(capsys, tmp_path, words, code, text)


def with_other_header(data: bytes, **fields: object) -> bytes:
    """A stream whose header says something else, all checksums right."""
    with Container.open(data) as container:
        header = Header(**{**vars(container.header), **fields})
        return write(header, [Chunk(entry.type, container.read(entry)) for entry in container.directory])


STREAMS: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "empty": (lambda data: b"", 4, "empty"),
    "noise": (lambda data: np.random.default_rng(0).bytes(5000), 4, "no vaecompress stream"),
    "a picture": (lambda data: png_of_size(8, 8), 4, "no vaecompress stream"),
    "header cut off": (lambda data: data[:10], 4, "cut off"),
    "cut off": (lambda data: data[:-1], 4, "cut off"),
    "trailing bytes": (lambda data: data + b"\0", 4, "follow the last chunk"),
    "one bit flipped": (lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:], 4, "PICT"),
    "newer version": (lambda data: data[:4] + b"\x02" + data[5:], 5, "newer"),
    "another model": (lambda data: with_other_header(data, model_id=b"otherone"), 5, "6f746865726f6e65"),
    "other quality": (lambda data: with_other_header(data, quality=61), 4, "a.bin: "),
    "too large": (lambda data: with_other_header(data, width=40_000, height=40_000), 6, "over the limit"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_inputs_of_decode(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, code, text = STREAMS[name]
    path = streams(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    assert_refused(capsys, tmp_path, ("decode", path, tmp_path / "back.png"), code, text)


@pytest.mark.parametrize("name", ["empty", "noise", "header cut off", "cut off", "newer version", "too large"])
def test_info_sees_it_too(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, code, text = STREAMS[name]
    path = streams(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    assert_refused(capsys, tmp_path, ("info", path), code, text)


OUTPUTS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a stream exists": (("encode", "a.png", "a.bin", *MODEL), 8, "a.bin: exists"),
    "a picture exists": (("decode", "a.bin", "a.png"), 8, "a.png: exists"),
    "no folder for a stream": (("encode", "a.png", "none/a.bin", *MODEL), 8, "its folder does not exist"),
    "no folder for a picture": (("decode", "a.bin", "none/a.png"), 8, "its folder does not exist"),
    "a file for a folder": (("encode", "a.png", "a.png", "-o", "a.bin", *MODEL), 2, "would all become"),
    "a file where a folder goes": (("encode", "a.png", "-o", "a.bin/", *MODEL), 8, "a.bin: the folder cannot be made"),
    "below a file": (("decode", "a.bin", "-o", "a.png/sub/"), 8, "the folder cannot be made"),
    "no format": (("decode", "a.bin", "a.xyz"), 2, "no picture is written as .xyz"),
    "no stream": (("encode", "a.png", "b.png", *MODEL), 2, "name an output such as b.bin"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    streams(Path("."))
    words, code, text = OUTPUTS[name]
    assert_refused(capsys, tmp_path, words, code, text)


def test_frames_of_unequal_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "frames" / "0.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "frames" / "1.png")
    words = ("encode", tmp_path / "frames", tmp_path / "clip.bin", *MODEL)
    assert_refused(capsys, tmp_path, words, 3, "one size")


def test_a_damaged_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = clip(tmp_path, frames=2)
    stream.write_bytes(stream.read_bytes()[:-3])
    for output in ("back.mp4", "back.y4m", "folder"):
        assert_refused(capsys, tmp_path, ("decode", stream, tmp_path / output), 4, "cut off")
