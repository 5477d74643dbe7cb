"""What the drawings are drawn with: text in the fonts that come with matplotlib, and words to fill pages with."""

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = (1280, 800)
Colour = str | tuple[int, int, int]

_TEXT = """
the of and a to in is that it was for on with as his at by river stone window market copper harbour evening paper engine
valley winter silver garden bridge letter morning thunder village signal lantern orchard granite horizon measure current
pattern balance journey
"""
WORDS = _TEXT.split()


def blank(colour: Colour = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A picture of one colour, and what draws on it."""
    picture = Image.new("RGB", SIZE, colour)
    return picture, ImageDraw.Draw(picture)


@lru_cache
def font(size: int, name: str = "Sans") -> ImageFont.FreeTypeFont:
    """DejaVu ``name``: Sans, Sans-Bold, SansMono, Serif."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVu{name}.ttf"), size)


class Writer:
    """Makes up text; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def words(self, count: int) -> str:
        """So many words."""
        return " ".join(WORDS[index] for index in self.random.integers(0, len(WORDS), count))

    def title(self, count: int) -> str:
        """So many words, the first with a capital."""
        return self.words(count).capitalize()

    def paragraph(self, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, **style: str) -> None:
        """Fill a box (left, top, right, bottom) with lines of text; ``name`` and ``fill`` as a font and a colour."""
        left, top, right, bottom = box
        used = font(size, style.get("name", "Sans"))
        for y in range(top, bottom - size, round(size * 1.55)):
            line = self.title(3)
            while draw.textlength(line, used) < right - left - 6 * size:
                line += " " + self.words(1)
            draw.text((left, y), line, style.get("fill", "#202124"), used)


def photograph(width: int, height: int, seed: int) -> Image.Image:
    """Something with the slopes and the noise of a photograph."""
    random = np.random.default_rng(seed)
    rows, columns, channels = np.ogrid[:height, :width, :3]
    first, second, third = random.uniform(20, 60, 3)
    slopes = (
        120 + 60 * np.sin(rows / first + channels) * np.cos(columns / second) + 40 * np.sin((rows + columns) / third)
    )
    slopes = slopes + 50 * (rows > height * 0.6 + 9 * np.sin(columns / 15))
    return Image.fromarray(np.clip(slopes + random.normal(0, 5, (height, width, 3)), 0, 255).astype(np.uint8))
