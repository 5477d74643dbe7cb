"""Make the samples that are not plain copies: ``python sample_media/make.py`` (needs the eval extra).

Writes ``window.png``, a rendered program window with text, flat areas and a soft transparent shadow, and ``cat.mp4``,
a slow pan and zoom over a CC0 photograph.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from vaecompress.media.colour import Colour
from vaecompress.media.video_write import open_video_writer

FOLDER = Path(__file__).parent
CLIP_SIZE = (320, 192)
CLIP_FRAMES = 36
FRAMES_PER_SECOND = 24
CLIP_CRF = 20

INK, FAINT, PAPER, RULE = "#20242c", "#7a8291", "#fbfbfd", "#dde1e8"
SERIES = (("sea", "#2f6fde"), ("land", "#e0682c"), ("air", "#2a9d63"))
PARAGRAPH = (
    "A window with small text, thin lines and flat colours is what",
    "a transform codec likes least. This one also has rounded",
    "corners and a shadow: its alpha plane must come back as it was.",
)


def main() -> None:
    """Write both files beside this script."""
    window().save(FOLDER / "window.png", optimize=True)
    write_clip(FOLDER / "cat.mp4")


def window() -> Image.Image:
    """A program window, RGBA, 640x448, on a transparent ground."""
    size, box = (640, 448), (16, 12, 624, 428)
    shape = Image.new("L", size)
    ImageDraw.Draw(shape).rounded_rectangle(box, radius=14, fill=255)
    shadow = shape.filter(ImageFilter.GaussianBlur(7)).point(lambda level: level // 3)
    picture = Image.new("RGBA", size, INK)
    picture.putalpha(shadow)
    face = Image.new("RGBA", size, PAPER)
    _draw_face(ImageDraw.Draw(face), box)
    picture.paste(face, mask=shape)
    return picture


def _draw_face(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    draw.rectangle((left, top, right, top + 36), fill="#e9ecf2")
    for index, colour in enumerate(("#ec6a5e", "#f4bf4f", "#61c554")):
        draw.ellipse((left + 16 + 22 * index, top + 12, left + 28 + 22 * index, top + 24), fill=colour)
    draw.text((left + 240, top + 9), "Report - quarter 3", fill=INK, font=ImageFont.load_default(15))
    for row, line in enumerate(PARAGRAPH):
        draw.text((left + 28, top + 54 + 19 * row), line, fill=INK, font=ImageFont.load_default(13))
    _draw_chart(draw, left + 60, top + 140, right - 120, bottom - 44)


def _draw_chart(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int) -> None:
    small = ImageFont.load_default(11)
    for step in range(6):
        y = bottom - (bottom - top) * step // 5
        draw.line((left, y, right, y), fill=RULE)
        draw.text((left - 30, y - 7), f"{20 * step}", fill=FAINT, font=small)
    x = np.linspace(0, 1, 24)
    for index, (name, colour) in enumerate(SERIES):
        level = 0.45 + 0.16 * index + 0.18 * np.sin(7 * x + 2 * index) + 0.06 * np.cos(23 * x * (index + 1))
        points = [(left + (right - left) * a, bottom - (bottom - top) * b) for a, b in zip(x, level, strict=True)]
        draw.line(points, fill=colour, width=2, joint="curve")
        draw.rectangle((right + 20, top + 24 * index, right + 32, top + 12 + 24 * index), fill=colour)
        draw.text((right + 40, top - 2 + 24 * index), name, fill=INK, font=small)
    for month in range(12):
        draw.text((left + (right - left) * month / 11 - 6, bottom + 8), f"{month + 1:02}", fill=FAINT, font=small)


def write_clip(path: Path) -> None:
    """A pan and zoom over scikit-image's ``chelsea``, H.264 4:2:0."""
    writer = open_video_writer(
        path,
        "mp4",
        width=CLIP_SIZE[0],
        height=CLIP_SIZE[1],
        time_base=Fraction(1, FRAMES_PER_SECOND),
        colour=Colour(),
        crf=CLIP_CRF,
    )
    photograph = Image.fromarray(skimage.data.chelsea())
    for index in range(CLIP_FRAMES):
        frame = photograph.resize(CLIP_SIZE, Image.Resampling.LANCZOS, box=_view(index / (CLIP_FRAMES - 1)))
        writer.write(np.asarray(frame), index)
    writer.close()


def _view(progress: float) -> tuple[float, float, float, float]:
    """The part of the photograph [451 x 300] shown at ``progress`` 0..1: from the whole width in to the eyes."""
    width = 440 - 120 * progress
    height = width * CLIP_SIZE[1] / CLIP_SIZE[0]
    left, top = 5 + 60 * progress, 20 + 30 * progress
    return left, top, left + width, top + height


if __name__ == "__main__":
    main()
