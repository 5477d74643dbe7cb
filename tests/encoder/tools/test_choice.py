"""Which pictures other tools are tried on, and which file wins."""

from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import pytest
from photo import photo

import vaecompress
from vaecompress.bitstream import Tool
from vaecompress.codec.picture import psnr_db
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.tools.choice import best_of
from vaecompress.encoder.tools.file import Encoded
from vaecompress.encoder.tools.kind import is_drawn
from vaecompress.errors import GoalError
from vaecompress.media.image import Image
from vaecompress.models import registry

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def codec() -> ImageEncoder:
    return ImageEncoder(registry.load("tiny", threads=1))


def checkerboard(height: int = 96, width: int = 130) -> Pixels:
    """Black and white, grey [H, W, 1]."""
    return np.asarray(np.add.outer(np.arange(height), np.arange(width)) % 2 * 255, np.uint8)[:, :, None]


def page(height: int = 192, width: int = 256) -> Pixels:
    """Dark marks on white with a blue bar."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    marks = np.random.default_rng(0).random((height // 4, width // 2)) < 0.3
    pixels[1::4, ::2][marks] = (20, 20, 30)
    pixels[:16] = (40, 60, 200)
    return pixels


def dither(height: int = 96, width: int = 130) -> Pixels:
    """Random black and white, [H, W, 1]."""
    return np.asarray(np.random.default_rng(0).integers(0, 2, (height, width, 1)) * 255, np.uint8)


def gradient(height: int = 192, width: int = 256) -> Pixels:
    """A clean slope of many colours."""
    rows, columns = np.ogrid[:height, :width]
    planes = [columns + 0 * rows, rows + 0 * columns, 255 - (rows + columns) // 2]
    return np.asarray(np.stack(planes, axis=2) % 256, np.uint8)


@pytest.mark.parametrize("pixels", [checkerboard(), page(), dither(), gradient(), photo(8, 8)], ids=range(5))
def test_what_is_drawn_is_told(pixels: Pixels) -> None:
    assert is_drawn(pixels)


@pytest.mark.parametrize("shape", [(70, 120, 3), (300, 200, 3), (40, 500, 3), (100, 100, 1)])
def test_what_is_photographed_is_left_alone(shape: tuple[int, int, int]) -> None:
    assert not is_drawn(photo(*shape))


def test_a_corner_of_a_photograph_may_be_flat() -> None:
    pixels = photo(640, 640)
    pixels[:64, :256] = 255
    assert not is_drawn(pixels)
    pixels[:128, :512] = 255
    assert is_drawn(pixels)


@pytest.mark.parametrize("pixels", [checkerboard(), page()], ids=["checkerboard", "page"])
def test_what_networks_cannot_code_is_exact_and_small(codec: ImageEncoder, pixels: Pixels) -> None:
    image, goal = Image(pixels), Goal(quality=95)
    encoded = codec.encode(image, goal, effort=EFFORTS[1], other_tools=True)
    assert (encoded.tool, encoded.model) == (Tool.WEBP_LOSSLESS, None)
    assert np.array_equal(vaecompress.decode(encoded.data).pixels, pixels)
    learned = codec.encode(image, goal, effort=EFFORTS[1])
    assert learned.tool is Tool.LEARNED
    assert len(encoded.data) < len(learned.data)


def soft_page() -> Pixels:
    """Discs with soft edges on slopes: drawn, with many colours."""
    rows, columns = np.ogrid[:160, :200]
    pixels = np.stack([columns + 0 * rows, 255 - rows - 0 * columns, (rows + columns) // 2], axis=2).astype(float)
    for place in range(0, 200, 40):
        inside = np.clip(16 - np.hypot(rows - 80, columns - place), 0, 1)[:, :, None]
        pixels = pixels * (1 - inside) + np.array([250, 40, place]) * inside
    return pixels.astype(np.uint8)


def test_small_pictures_may_be_exact(codec: ImageEncoder) -> None:
    image = Image(np.tile(photo(15, 15), (5, 5, 1))[:64, :64])
    assert not is_drawn(image.pixels)
    assert codec.encode(image, Goal(quality=95), other_tools=True).tool is Tool.WEBP_LOSSLESS


def test_soft_drawings_become_planes(codec: ImageEncoder) -> None:
    image, goal = Image(soft_page()), Goal(quality=40)
    encoded = codec.encode(image, goal, effort=EFFORTS[1], other_tools=True)
    learned = codec.encode(image, goal, effort=EFFORTS[1])
    assert (encoded.tool, encoded.model) == (Tool.AV1_PLANES, None)
    assert encoded.psnr_db == pytest.approx(psnr_db(image.pixels, vaecompress.decode(encoded.data).pixels))
    assert encoded.psnr_db > learned.psnr_db
    for goal in (Goal(size_bytes=len(encoded.data)), Goal(psnr_db=encoded.psnr_db)):
        found = codec.encode(image, goal, effort=EFFORTS[1], other_tools=True)
        assert len(found.data) <= len(encoded.data)
        assert found.psnr_db >= encoded.psnr_db


def test_without_avif_the_others_are_left(codec: ImageEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    encoded = codec.encode(Image(soft_page()), Goal(quality=40), effort=EFFORTS[1], other_tools=True)
    assert encoded.tool is not Tool.AV1_PLANES


def test_a_photograph_is_the_same_file_with_and_without_other_tools(codec: ImageEncoder) -> None:
    image, goal = Image(photo()), Goal(quality=50)
    with_tools, without = (codec.encode(image, goal, effort=EFFORTS[1], other_tools=on) for on in (True, False))
    assert with_tools.data == without.data


@pytest.mark.parametrize("goal", [Goal(psnr_db=70.0), Goal(size_bytes=400)])
def test_goals_that_networks_miss_are_met_by_others(codec: ImageEncoder, goal: Goal) -> None:
    image = Image(checkerboard())
    with pytest.raises(GoalError) if goal.psnr_db else nullcontext():
        codec.encode(image, goal, effort=EFFORTS[1])
    encoded = codec.encode(image, goal, effort=EFFORTS[1], other_tools=True)
    assert encoded.tool is Tool.WEBP_LOSSLESS
    assert len(encoded.data) <= 400


def test_an_exact_photograph_is_only_made_for_a_goal_that_nothing_else_meets(codec: ImageEncoder) -> None:
    image = Image(photo())
    encoded = codec.encode(image, Goal(psnr_db=90.0), effort=EFFORTS[1], other_tools=True)
    assert encoded.tool is Tool.WEBP_LOSSLESS
    with pytest.raises(GoalError):
        codec.encode(image, Goal(size_bytes=10), effort=EFFORTS[1], other_tools=True)


def made(size: int, psnr: float, tool: Tool = Tool.LEARNED) -> Encoded:
    """A file of a picture of 8 pixels."""
    return Encoded(bytes(size), 60, float(size), psnr, None, tool)


def test_the_best_file_is_that_of_the_goal() -> None:
    small, good, exact = made(10, 30.0), made(15, 40.0), made(40, float("inf"))
    assert best_of([small, good, exact], Goal(psnr_db=20.0)) is small
    assert best_of([small, good, exact], Goal(size_bytes=100)) is exact
    assert best_of([small, good], Goal(size_bytes=100)) is good
    assert best_of([small, good, exact], Goal(quality=1)) is small
    assert best_of([small, good, exact], Goal(quality=100)) is good
    assert best_of([made(10, 10.0), made(30, 40.0), exact], Goal(quality=60)).psnr_db == 40.0
