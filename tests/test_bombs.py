"""Small files that ask for much: refused within 100 MB of memory, whatever they are taken for.

One process of its own meets them all and measures; the kernel's high-water mark is set back before each.
"""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vaecompress
from vaecompress.bitstream import Chunk, Container, Header, PicturePayload, Tool, write
from vaecompress.bitstream.directory import Entry, serialise
from vaecompress.format import MODEL_IDENTITY_BYTES
from vaecompress.models import file as model_file
from vaecompress.models import installed

MAX_MEMORY_MB = 100
MAX_BOMB_BYTES = 3 << 20
METER = """
import json, pathlib, sys
import av, numpy, onnxruntime
from vaecompress.bitstream import Container
from vaecompress.models import registry
from vaecompress.codec.still import decode_image
from vaecompress.media.image_read import read_image
from vaecompress.media.video import open_video

def memory_mb(name):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(name + ":")[1].split()[0]) * 1024 / 1e6

def meet(path):
    if path.suffix == ".vcm":
        registry.load(path, threads=1)
    elif path.suffix == ".bin":
        with Container.open(path) as container:
            decode_image(container, lambda model_id: registry.find(model_id, threads=1))
    elif path.suffix == ".y4m":
        list(open_video(path))
    else:
        read_image(path)

for name in ("hyper_synthesis", "context1", "synthesis"):
    registry.load("tiny", threads=1).network(name)
for path in map(pathlib.Path, sys.argv[1:]):
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before, end = memory_mb("VmRSS"), "accepted"
    try:
        meet(path)
    except Exception as error:
        end = type(error).__name__
    print(json.dumps([path.name, end, memory_mb("VmHWM") - before]))
"""
TINY = model_file.load(installed.SHIPPED / "tiny.vcm")


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of this size by its header, with these chunks and hardly any pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")]
    written = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
               for kind, body in parts)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@cache
def compressed_zeros() -> bytes:
    """256 MiB of them."""
    compressor = zlib.compressobj()
    return b"".join(compressor.compress(bytes(1 << 20)) for _ in range(1 << 8)) + compressor.flush()


def stream(width: int, height: int) -> bytes:
    """A sound container of a picture of this size by its header, with a hundred bytes of picture."""
    header = Header("image", width, height, 3, False, 60, TINY.model_id)
    coded = b"\0\0" + np.random.default_rng(0).bytes(98)
    return write(header, [Chunk("PICT", PicturePayload(0, coded).to_body())])


def webp(width: int, height: int) -> bytes:
    """A picture of 16 x 16 pixels whose WebP bitstream says that it is of this size."""
    coded = struct.pack("<BI", 0x2F, width - 1 | height - 1 << 14) + bytes(99)
    payload = PicturePayload(0, coded, Tool.WEBP_LOSSLESS)
    return write(Header("image", 16, 16, 3, False, 60, bytes(8)), [Chunk("PICT", payload.to_body())])


def av1(width: int, height: int) -> bytes:
    """A grey picture of 16 x 16 pixels whose AV1 still says that it is of this size."""
    bits = f"000110000011111111{width - 1:016b}{height - 1:016b}00000001010100"
    coded = b"\x0a\x08" + int(bits, 2).to_bytes(8, "big") + b"\x32\x63" + bytes(99)
    payload = PicturePayload(0, coded, Tool.AV1_PLANES)
    return write(Header("image", 16, 16, 1, False, 60, bytes(8)), [Chunk("PICT", payload.to_body())])


def sound_but_for_alpha(alpha: bytes) -> bytes:
    """A picture of 16 x 16 pixels with another alpha plane than its own."""
    data = vaecompress.encode(np.zeros((16, 16, 4), np.uint8), model="tiny", tools="learned")
    with Container.open(data) as container:
        (picture,) = (entry for entry in container.directory if entry.type == "PICT")
        return write(container.header, [Chunk("PICT", container.read(picture)), Chunk("ALPH", alpha)])


def tiff(width: int, height: int) -> bytes:
    """A TIFF file of this size by its tags, its only strip said to hold it all."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: width * height % 2**32}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def long_chunk() -> bytes:
    header = Header("image", 16, 16, 3, False, 60, TINY.model_id)
    return serialise(header, [Entry("PICT", 0, 1 << 62, 0)]) + bytes(100)


def many_chunks() -> bytes:
    head = bytearray(long_chunk())
    head[17:18] = b"\xff" * 9 + b"\1"
    return bytes(head)


def model_of(header: bytes, blobs: bytes = b"") -> bytes:
    """A model file of this header, its hash right."""
    body = model_file.MAGIC + struct.pack("<BI", 1, len(header)) + header + blobs
    body += bytes(MODEL_IDENTITY_BYTES)
    return body + struct.pack("<I", zlib.crc32(body))


def same_span_many_times() -> bytes:
    """A thousand names of one span; a last one of less than nothing makes the sum right."""
    size = 1 << 20
    spans = {f"n{index:04}": [0, size] for index in range(1000)} | {"z": [0, -999 * size]}
    return model_of(json.dumps({"card": {}, "networks": spans, "arrays": {}}).encode(), bytes(size))


def edited(network: str, edit: Callable[[Any], object]) -> bytes:
    """The file of ``tiny`` after ``edit`` changed the GraphProto of a network."""
    onnx = pytest.importorskip("onnx", reason="hostile graphs are written with the onnx package")
    model = onnx.load_from_string(TINY.networks[network])
    edit(model.graph)
    networks = {**TINY.networks, network: model.SerializeToString()}
    return model_file.serialise(TINY.card, networks, TINY.arrays)


def insert(graph: Any, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
    from onnx import helper

    graph.node.insert(0, helper.make_node(op, inputs, outputs, **attributes))


def constant(graph: Any, name: str, *shape: int) -> str:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.ones(shape, np.float16), name))
    return name


def many_pixels(graph: Any) -> None:
    """A tensor of 16,384 channels for each pixel of the picture."""
    insert(graph, "Conv", ["x", "kernel"], ["huge"])
    insert(graph, "Cast", [constant(graph, "half", 1 << 14, 3, 1, 1)], ["kernel"], to=1)


def wide_padding(graph: Any) -> None:
    insert(graph, "Conv", ["x", "kernel"], ["huge"], pads=[30_000] * 4)
    insert(graph, "Cast", [constant(graph, "half", 1, 3, 1, 1)], ["kernel"], to=1)


def many_constants(graph: Any) -> None:
    """The same kernel in float32, two thousand times over."""
    half = constant(graph, "half", 512, 512, 1, 1)
    for index in range(2000):
        insert(graph, "Cast", [half], [f"kernel{index}"], to=1)


def many_names(graph: Any) -> None:
    for index in range(20):
        insert(graph, "Split", ["x"], [f"{index}_{number}" for number in range(1 << 13)], axis=1)


def long_lists(graph: Any) -> None:
    from onnx import TensorProto

    graph.initializer.append(TensorProto(name="long", data_type=TensorProto.INT64, int64_data=bytes(1 << 20)))
    insert(graph, "Split", ["x"], ["y1", "y2"], sizes=list(bytes(1 << 19)))


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "size over the limit.bin": (lambda: stream(65_535, 65_535), "LimitError"),
    "size within the limit.bin": (lambda: stream(16_000, 16_000), "CorruptError"),
    "alpha plane over the limit.bin": (lambda: sound_but_for_alpha(png(60_000, 60_000)), "CorruptError"),
    "profile of an alpha plane.bin": (
        lambda: sound_but_for_alpha(png(16, 16, (b"iCCP", b"name\0\0" + compressed_zeros()))),
        "CorruptError",
    ),
    "size of AV1.bin": (lambda: av1(16_000, 16_000), "CorruptError"),
    "size of WebP.bin": (lambda: webp(16_000, 16_000), "CorruptError"),
    "a chunk of 2^62 bytes.bin": (long_chunk, "CorruptError"),
    "2^64 chunks.bin": (many_chunks, "CorruptError"),
    "size.png": (lambda: png(60_000, 60_000), "LimitError"),
    "size.tif": (lambda: tiff(60_000, 60_000), "LimitError"),
    "size.ppm": (lambda: b"P6 60000 60000 255\n" + bytes(99), "LimitError"),
    "size.y4m": (lambda: b"YUV4MPEG2 W60000 H60000 F25:1\nFRAME\n" + bytes(99), "InputError"),
    "profile.png": (lambda: png(8, 8, (b"iCCP", b"name\0\0" + compressed_zeros())), "InputError"),
    "text.png": (lambda: png(8, 8, (b"zTXt", b"name\0\0" + compressed_zeros())), "InputError"),
    "xmp.png": (
        lambda: png(8, 8, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + compressed_zeros())),
        "InputError",
    ),
    "one span many times.vcm": (same_span_many_times, "CorruptError"),
    "deep header.vcm": (lambda: model_of(b"[" * 1_000_000), "CorruptError"),
    "header of empty objects.vcm": (lambda: model_of(b"[" + b"{}," * 600_000 + b"{}]"), "CorruptError"),
    "many values a pixel.vcm": (lambda: edited("analysis", many_pixels), "CorruptError"),
    "wide padding.vcm": (lambda: edited("analysis", wide_padding), "UnsupportedError"),
    "many constants.vcm": (lambda: edited("analysis", many_constants), "CorruptError"),
    "many names.vcm": (lambda: edited("analysis", many_names), "UnsupportedError"),
    "long lists.vcm": (lambda: edited("analysis", long_lists), "UnsupportedError"),
}


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    """How each file was refused, and the memory in MB that it took above what was in use."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the high-water mark of memory is read from Linux's /proc")
    folder = tmp_path_factory.mktemp("bombs")
    for name, (make, _) in BOMBS.items():
        (folder / name).write_bytes(make())
    command = [sys.executable, "-c", METER, *(str(folder / name) for name in BOMBS)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert max(path.stat().st_size for path in folder.iterdir()) < MAX_BOMB_BYTES
    return {name: (end, memory_mb) for name, end, memory_mb in map(json.loads, output.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(met: dict[str, tuple[str, float]], name: str) -> None:
    end, memory_mb = met[name]
    assert end == BOMBS[name][1]
    assert memory_mb < MAX_MEMORY_MB
