"""Icons, patterns and flat pages: what one expects to come back exactly, and small."""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Writer, blank, font


def icon(side: int) -> Image.Image:
    """A house in a circle, transparent around it, its edges smooth."""
    fine = 8 * side
    picture = Image.new("RGBA", (fine, fine))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((fine // 16, fine // 16, fine * 15 // 16, fine * 15 // 16), "#3584e4")
    roof = [(fine // 2, fine // 4), (fine * 13 // 16, fine // 2), (fine * 3 // 16, fine // 2)]
    draw.polygon(roof, "#c01c28")
    draw.rectangle((fine * 5 // 16, fine // 2, fine * 11 // 16, fine * 3 // 4), "#f6d32d")
    return picture.resize((side, side), Image.Resampling.BOX)


def checkerboard(field: int = 1) -> Image.Image:
    """Black and white fields of so many pixels a side."""
    rows, columns = np.ogrid[:256, :256]
    return Image.fromarray(((rows // field + columns // field) % 2 * 255).astype(np.uint8))


def stripes() -> Image.Image:
    """Red and blue columns."""
    return Image.fromarray(np.array([[255, 0, 0], [0, 0, 255]], np.uint8)[np.arange(256 * 256).reshape(256, 256) % 2])


def diffused() -> Image.Image:
    """A slope in black and white, dithered by diffusion of errors."""
    rows, columns = np.ogrid[:256, :256]
    return Image.fromarray(((rows + columns) // 2).astype(np.uint8)).convert("1").convert("L")


def ordered() -> Image.Image:
    """A slope in eight colours, dithered by an ordered matrix."""
    rows, columns = np.ogrid[:256, :256]
    threshold = (rows % 4 * 5 + columns % 4 * 11) % 16 * 16
    slopes = np.stack([rows + 0 * columns, columns + 0 * rows, 255 - (rows + columns) // 2], axis=2)
    return Image.fromarray(((slopes > threshold[:, :, None]) * 255).astype(np.uint8))


def empty_page() -> Image.Image:
    """White."""
    return blank()[0]


def form() -> Image.Image:
    """Boxes and their names on white."""
    picture, draw = blank()
    writer = Writer(21)
    for row in range(10):
        draw.text((100, 66 + 70 * row), writer.title(2), "#000000", font(16))
        draw.rectangle((400, 60 + 70 * row, 1100, 96 + 70 * row), outline="#808080")
    return picture


SMALL: dict[str, Callable[[], Image.Image]] = {
    **{f"icon-{side}": partial(icon, side) for side in (8, 16, 32, 64, 128)},
    "checkerboard-1": checkerboard,
    "checkerboard-8": partial(checkerboard, 8),
    "stripes": stripes,
    "dither-diffused": diffused,
    "dither-ordered": ordered,
    "page-empty": empty_page,
    "page-form": form,
}
