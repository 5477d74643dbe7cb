"""The tool av1-planes: pictures come back as they were checked, and all other kinds of AV1 are refused."""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import PIL.features
import PIL.Image
import pytest

import vaecompress
from vaecompress.bitstream import Chunk, Header, PicturePayload, Tool, chunks, write
from vaecompress.bitstream.directory import NO_MODEL
from vaecompress.codec.tools import av1
from vaecompress.codec.tools.av1 import decode_av1, join, split
from vaecompress.codec.tools.avif import from_avif, to_avif
from vaecompress.codec.tools.colour import from_planes, to_planes
from vaecompress.codec.tools.obu import check_still, units
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.tools.av1 import Av1Trials
from vaecompress.errors import CorruptError, UnsupportedError

pytestmark = pytest.mark.skipif(not PIL.features.check("avif"), reason="needs a Pillow with AVIF")

Pixels = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 50, 61
SEQUENCE_AT = 2
"""Where the body of the sequence header starts in a still."""


def drawing(channels: int = 3, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """Slopes and a block, uint8 [height, width, channels]."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    pixels = (2 * rows + 3 * columns + 40 * channel) % 256
    pixels[height // 3 : height // 2] = 200
    return pixels.astype(np.uint8)


def still(mode: str = "L", **options: object) -> bytes:
    """The units of an AVIF file of a picture, 61 x 50."""
    with io.BytesIO() as buffer:
        PIL.Image.fromarray(drawing()).convert(mode).save(buffer, "AVIF", quality=50, **options)
        return units(from_avif(buffer.getvalue()))


def flipped(data: bytes, bit: int) -> bytes:
    """With one bit of the sequence header changed, counted from its start."""
    place = SEQUENCE_AT + bit // 8
    return data[:place] + bytes([data[place] ^ 128 >> bit % 8]) + data[place + 1 :]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 1), (50, 61, 3), (50, 61, 1), (200, 3, 3), (64, 64, 1)])
def test_a_picture_comes_back_as_its_encoder_saw_it(shape: tuple[int, int, int]) -> None:
    pixels = drawing(shape[2], *shape[:2])
    trial = Av1Trials(pixels)(70, EFFORTS[1], None)
    payload = trial.result.payload
    assert trial.psnr_db > 28
    assert len(payload.to_body()) == len(trial.unchecked.to_body())
    header = Header("image", shape[1], shape[0], shape[2], False, 70, NO_MODEL)
    data = write(header, [Chunk(chunks.PICTURE, payload.to_body())])
    assert np.array_equal(vaecompress.decode(data).pixels, trial.result.pixels)
    assert vaecompress.info(data).tool == "av1-planes"


def test_the_planes_of_every_colour_come_back_nearly() -> None:
    levels = np.array([0, 1, 2, 63, 64, 127, 128, 129, 200, 253, 254, 255], np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    error = from_planes(to_planes(colours)).astype(int) - colours
    assert abs(error).max() <= 2
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(from_planes(to_planes(greys)), greys)


def test_the_planes_are_those_of_the_text() -> None:
    planes = np.random.default_rng(0).integers(0, 256, (3, 30, 40)).astype(np.uint8)
    luma, cg, co = (planes[index].astype(int) - (128 if index else 0) for index in (0, 2, 1))
    expected = np.stack([luma - cg + co, luma + cg, luma - cg - co], axis=2).clip(0, 255)
    assert np.array_equal(from_planes(planes), expected)


def test_the_file_around_a_still_is_read_by_whoever_reads_avif() -> None:
    stream = still(speed=8)
    file = to_avif(stream, WIDTH, HEIGHT, check_still(stream, WIDTH, HEIGHT))
    assert from_avif(file) == stream
    with PIL.Image.open(io.BytesIO(file)) as picture:
        assert (picture.mode, picture.size) == ("L", (WIDTH, HEIGHT))


def others() -> Iterator[tuple[str, bytes]]:
    """What must be refused, and why."""
    sound = still()
    yield "colour", still("RGB", subsampling="4:2:0")
    yield "colour, 4:4:4", still("RGB", subsampling="4:4:4")
    yield "limited range", still(range="limited")
    yield "film grain", still(advanced={"film-grain-test": "1"})
    yield "a byte too many", sound + b"\0"
    yield "a second frame", sound + sound[SEQUENCE_AT + sound[1] :]
    yield "a second picture", sound + sound
    yield "a temporal delimiter", b"\x12\0" + sound
    yield "no frame", sound[: SEQUENCE_AT + sound[1]]
    yield "no sequence header", sound[SEQUENCE_AT + sound[1] :]
    yield "nothing", b""
    yield "an endless size", b"\x0a" + b"\xff" * 20
    for bit, what in ((0, "another profile"), (3, "no still"), (4, "a full header")):
        yield what, flipped(sound, bit)
    sizes = int.from_bytes(sound[SEQUENCE_AT + 1 : SEQUENCE_AT + 3], "big")
    colour = 18 + (sizes >> 10 & 15) + 1 + (sizes >> 6 & 15) + 1 + 6
    yield "more than 8 bits", flipped(sound, colour)
    yield "not monochrome", flipped(sound, colour + 1)


def test_other_kinds_of_av1_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = dict(others())
    assert len(tried) == 17
    for what, stream in tried.items():
        monkeypatch.setattr(av1, "read_image", lambda *_, what=what: pytest.fail(f"{what} was decoded"))
        with pytest.raises(CorruptError):
            decode_av1(stream, (HEIGHT, WIDTH, 1))


@pytest.mark.parametrize("size", [(49, 61), (50, 62), (61, 50), (50, 6100)])
def test_another_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(CorruptError):
        check_still(still(), size[1], size[0])


def test_lengths_of_planes_are_held_against_what_is_there() -> None:
    parts = [b"a" * 200, b"", b"ccc"]
    coded = join(parts)
    assert split(coded, 3) == parts
    for damaged in (coded[:150], b"", b"\xff" * 9, b"\xff" * 11):
        with pytest.raises(CorruptError):
            split(damaged, 3)


def test_every_cut_is_refused() -> None:
    coded = Av1Trials(drawing())(30, EFFORTS[1], None).unchecked.coded
    for length in range(len(coded)):
        with pytest.raises(CorruptError):
            decode_av1(coded[:length], (HEIGHT, WIDTH, 3))


def test_a_pillow_without_avif_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = Av1Trials(drawing())(30, EFFORTS[1], None).result.payload
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    header = Header("image", WIDTH, HEIGHT, 3, False, 30, NO_MODEL)
    data = write(header, [Chunk(chunks.PICTURE, payload.to_body())])
    with pytest.raises(UnsupportedError, match="pip install") as refused:
        vaecompress.decode(data)
    assert refused.value.exit_code == 5


def test_alpha_is_in_no_plane() -> None:
    payload = PicturePayload(0, Av1Trials(drawing())(30, EFFORTS[1], None).unchecked.coded, Tool.AV1_PLANES)
    header = Header("image", WIDTH, HEIGHT, 3, True, 30, NO_MODEL)
    with pytest.raises(CorruptError):
        vaecompress.decode(write(header, [Chunk(chunks.PICTURE, payload.to_body()), Chunk(chunks.ALPHA, b"")]))
