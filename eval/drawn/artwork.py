"""Four pieces of flat artwork, 1280x800, drawn four times as fine and averaged."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .canvas import SIZE, font

_FINE = 4
_WIDTH, _HEIGHT = SIZE[0] * _FINE, SIZE[1] * _FINE


def poster() -> Image.Image:
    """A sun of rings over hills, in six colours."""
    picture, draw = _fine("#f2e3c6")
    for ring, colour in enumerate(("#e4572e", "#f2a541", "#f3c969", "#e4572e", "#f2a541")):
        _disc(draw, 0.5, 0.42, 0.30 - 0.055 * ring, colour)
    for hill, colour in enumerate(("#17627a", "#0f4c5c", "#0b3040")):
        across = np.linspace(0, 1, 200)
        up = 0.62 + 0.11 * hill + 0.05 * np.sin(6 * across + 2 * hill) + 0.02 * np.sin(17 * across + hill)
        _shape(draw, [(0, 1.1), *zip(across.tolist(), up.tolist(), strict=True), (1, 1.1)], colour)
    draw.text((_WIDTH // 2, int(0.86 * _HEIGHT)), "SIERRA", "#f2e3c6", _big(440), anchor="mm")
    return _averaged(picture)


def town_map() -> Image.Image:
    """Blocks, a river, roads with casings, and names."""
    picture, draw = _fine("#f2efe9")
    random = np.random.default_rng(11)
    for _ in range(60):
        x, y, width, height = (*random.uniform(0, 1, 2), *random.uniform(0.02, 0.12, 2))
        colour = ("#dfe8cf", "#e8e0d8", "#d9d0c9", "#cfe3c4")[int(random.integers(0, 4))]
        _shape(draw, [(x, y), (x + width, y + 0.01), (x + width, y + height), (x - 0.01, y + height)], colour)
    across = np.linspace(-0.05, 1.05, 80)
    river = list(zip(across.tolist(), (0.55 + 0.12 * np.sin(5 * across)).tolist(), strict=True))
    _path(draw, river, "#aad3df", 0.035)
    for _ in range(14):
        start, stop = random.uniform(-0.1, 1.1, 2), random.uniform(-0.1, 1.1, 2)
        ends = [(float(start[0]), -0.05), (float(stop[0]), 1.05)]
        ends = ends if random.random() < 0.5 else [(-0.05, float(start[1])), (1.05, float(stop[1]))]
        wide = random.random() < 0.4
        _path(draw, ends, "#b5a48c", 0.011 if wide else 0.006)
        _path(draw, ends, "#fcd6a4" if wide else "#ffffff", 0.008 if wide else 0.004)
    for name in ("Quay", "Old Town", "Station", "Mill Lane", "Observatory"):
        place = (int(random.uniform(0.1, 0.9) * _WIDTH), int(random.uniform(0.1, 0.9) * _HEIGHT))
        draw.text(place, name, "#4a4a4a", _big(72), anchor="mm", stroke_width=10, stroke_fill="#ffffff")
    return _averaged(picture)


def cartoon() -> Image.Image:
    """A face with outlines before a clean gradient."""
    rows = np.linspace(0, 1, _HEIGHT)[:, None, None]
    sky = np.array([120.0, 200, 240]) * (1 - rows) + np.array([250.0, 240, 210]) * rows
    picture = Image.fromarray(np.broadcast_to(sky, (_HEIGHT, _WIDTH, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for x, y, radius, colour in (
        (0.5, 0.55, 0.30, "#ffcf9e"),
        (0.44, 0.48, 0.055, "#ffffff"),
        (0.56, 0.48, 0.055, "#ffffff"),
        (0.45, 0.49, 0.022, "#2b2b2b"),
        (0.57, 0.49, 0.022, "#2b2b2b"),
        (0.5, 0.58, 0.03, "#f4a77b"),
    ):
        _disc(draw, x, y, radius + 0.006, "#2b2b2b")
        _disc(draw, x, y, radius, colour)
    mouth = [(0.42 + 0.16 * t, 0.68 + 0.07 * np.sin(np.pi * t)) for t in np.linspace(0, 1, 40).tolist()]
    _path(draw, mouth, "#2b2b2b", 0.008)
    hair = [(0.3, 0.5), (0.33, 0.2), (0.42, 0.27), (0.5, 0.14), (0.57, 0.27), (0.68, 0.2), (0.7, 0.5), (0.5, 0.33)]
    _shape(draw, hair, "#7a3b1d")
    _path(draw, [*hair, hair[0]], "#2b2b2b", 0.006)
    return _averaged(picture)


def pattern() -> Image.Image:
    """Tiles of arcs, as on a floor."""
    picture, draw = _fine("#fbf7ef")
    random, side = np.random.default_rng(13), _HEIGHT // 10
    for row in range(10):
        for column in range(16):
            left, top = column * side, row * side
            ground, line = (("#1d3557", "#f1faee"), ("#e63946", "#fbf7ef"), ("#a8dadc", "#1d3557"))[
                int(random.integers(0, 3))
            ]
            draw.rectangle((left, top, left + side, top + side), ground)
            corners = [(left, top), (left + side, top + side)]
            corners = corners if random.random() < 0.5 else [(left + side, top), (left, top + side)]
            for x, y in corners:
                reach, start = side // 2, (0 if x == left else 90) if y == top else (270 if x == left else 180)
                box = (x - reach, y - reach, x + reach, y + reach)
                draw.pieslice(box, start, start + 90, line)
                draw.pieslice(
                    (x - reach // 2, y - reach // 2, x + reach // 2, y + reach // 2), start, start + 90, ground
                )
    return _averaged(picture)


ARTWORK: tuple[Callable[[], Image.Image], ...] = (poster, town_map, cartoon, pattern)


def _fine(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), colour)
    return picture, ImageDraw.Draw(picture)


def _averaged(picture: Image.Image) -> Image.Image:
    return picture.resize(SIZE, Image.Resampling.BOX)


def _big(size: int) -> ImageFont.FreeTypeFont:
    return font(size, "Sans-Bold")


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: str) -> None:
    """A disc; lengths count heights, places the sides."""
    left, top, reach = x * _WIDTH, y * _HEIGHT, radius * _HEIGHT
    draw.ellipse((left - reach, top - reach, left + reach, top + reach), colour)


def _shape(draw: ImageDraw.ImageDraw, corners: list[tuple[float, float]], colour: str) -> None:
    draw.polygon([(x * _WIDTH, y * _HEIGHT) for x, y in corners], colour)


def _path(draw: ImageDraw.ImageDraw, corners: list[tuple[float, float]], colour: str, width: float) -> None:
    draw.line([(x * _WIDTH, y * _HEIGHT) for x, y in corners], colour, round(width * _WIDTH), joint="curve")
