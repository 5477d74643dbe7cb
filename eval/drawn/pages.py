"""Eight screenshots of programs that there are not: 1280x800, clean, each time the same."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from .canvas import SIZE, Writer, blank, font, photograph

_WIDTH, _HEIGHT = SIZE
_SYNTAX = ("#569cd6", "#9cdcfe", "#ce9178", "#dcdcaa", "#6a9955", "#d4d4d4", "#c586c0")


def editor() -> Image.Image:
    """A dark editor with a tree of files and coloured code."""
    picture, draw = blank("#1e1e1e")
    writer, mono = Writer(1), font(15, "SansMono")
    draw.rectangle((0, 0, 240, _HEIGHT), "#252526")
    draw.rectangle((0, _HEIGHT - 24, _WIDTH, _HEIGHT), "#007acc")
    draw.rectangle((240, 0, _WIDTH, 34), "#2d2d2d")
    for tab in range(4):
        draw.rectangle((240 + tab * 160, 0, 398 + tab * 160, 34), "#1e1e1e" if tab == 0 else "#2d2d2d")
        draw.text((256 + tab * 160, 8), writer.words(1) + ".py", "#cccccc", font(14))
    for row in range(34):
        indent = int(writer.random.integers(0, 3))
        draw.text((20 + 16 * indent, 44 + row * 21), writer.words(1) + (".py" if indent else "/"), "#bbbbbb", font(13))
    for row in range(35):
        y, x = 44 + row * 20, 310 + 32 * int(writer.random.integers(0, 4))
        draw.text((258, y), f"{row + 118:>4}", "#858585", mono)
        for _ in range(int(writer.random.integers(0, 7))):
            word = writer.words(1) + ("(" if writer.random.random() < 0.2 else " ")
            draw.text((x, y), word, _SYNTAX[int(writer.random.integers(0, len(_SYNTAX)))], mono)
            x += 9 * (len(word) + 1)
    return picture


def terminal() -> Image.Image:
    """Black, with white and coloured letters of one width."""
    picture, draw = blank("#000000")
    writer, mono = Writer(2), font(16, "SansMono")
    for row in range(38):
        y = 8 + row * 20
        if row % 9 == 0:
            draw.text((8, y), "user@host:~/work$", "#4ee44e", mono)
            draw.text((190, y), writer.words(3), "#e5e5e5", mono)
            continue
        draw.text((8, y), f"-rw-r--r-- 1 user user {int(writer.random.integers(10, 9_999_999)):>9}", "#d0d0d0", mono)
        draw.text((350, y), f"Nov {int(writer.random.integers(1, 30)):>2} 12:{row:02}", "#d0d0d0", mono)
        colour = ("#5c8dff", "#d0d0d0", "#ff6b68")[int(writer.random.integers(0, 3))]
        draw.text((490, y), writer.words(2).replace(" ", "_"), colour, mono)
    return picture


def document() -> Image.Image:
    """A word processor: ribbon, ruler, a page of serif text on grey."""
    picture, draw = blank("#e6e6e6")
    writer = Writer(3)
    draw.rectangle((0, 0, _WIDTH, 40), "#2b579a")
    draw.text((560, 10), "Report - Writer", "white", font(15))
    draw.rectangle((0, 40, _WIDTH, 130), "#f3f2f1")
    for index in range(20):
        left = 24 + 62 * index
        draw.rounded_rectangle((left, 58, left + 44, 94), 4, "#ffffff", "#c8c6c4")
        draw.text((left + 4, 100), writer.words(1)[:6], "#444444", font(11))
    draw.rectangle((200, 150, 1080, _HEIGHT), "white", "#c0c0c0")
    draw.text((290, 200), writer.title(4), "#1f3864", font(30, "Serif"))
    writer.paragraph(draw, (290, 260, 990, 460), 17, name="Serif")
    draw.text((290, 480), writer.title(3), "#2f5496", font(22, "Serif"))
    writer.paragraph(draw, (290, 524, 990, _HEIGHT), 17, name="Serif")
    return picture


def spreadsheet() -> Image.Image:
    """Numbers in a grid, some cells coloured."""
    picture, draw = blank()
    writer = Writer(4)
    draw.rectangle((0, 0, _WIDTH, 60), "#217346")
    draw.rectangle((0, 60, _WIDTH, 92), "#f3f3f3")
    for column in range(14):
        draw.text((80 + 90 * column, 68), chr(65 + column), "#444444", font(14))
    for row in range(31):
        y = 92 + 23 * row
        draw.line((0, y, _WIDTH, y), "#d4d4d4")
        draw.text((12, y + 4), str(row + 1), "#444444", font(13))
        for column in range(14):
            x = 46 + 90 * column
            if writer.random.random() < 0.08:
                draw.rectangle((x + 1, y + 1, x + 89, y + 22), ("#fff2cc", "#e2efda", "#fce4d6")[row % 3])
            text = writer.words(1) if column == 0 else f"{writer.random.normal(500, 300):,.2f}"
            draw.text((x + 84, y + 4), text, "#c00000" if text[0] == "-" else "#000000", font(13), anchor="ra")
    for column in range(15):
        draw.line((46 + 90 * column, 60, 46 + 90 * column, _HEIGHT), "#d4d4d4")
    return picture


def shop() -> Image.Image:
    """A page of goods: text, buttons and six small photographs."""
    picture, draw = blank()
    writer = Writer(5)
    draw.rectangle((0, 0, _WIDTH, 64), "#131921")
    draw.text((30, 16), "brickyard", "#ff9900", font(26, "Sans-Bold"))
    draw.rounded_rectangle((240, 14, 1000, 50), 6, "white")
    for index in range(6):
        left, top = 40 + index % 3 * 410, 90 + index // 3 * 350
        draw.rounded_rectangle((left, top, left + 380, top + 330), 8, "white", "#d5d9d9")
        picture.paste(photograph(180, 180, index), (left + 12, top + 12))
        writer.paragraph(draw, (left + 204, top + 14, left + 376, top + 130), 13)
        draw.text((left + 204, top + 140), f"${writer.random.uniform(5, 300):.2f}", "#b12704", font(24))
        draw.rounded_rectangle((left + 204, top + 180, left + 350, top + 212), 16, "#ffd814", "#fcd200")
        draw.text((left + 232, top + 187), "Add to cart", "#0f1111", font(14))
        writer.paragraph(draw, (left + 12, top + 226, left + 376, top + 324), 13, fill="#565959")
    return picture


def files() -> Image.Image:
    """A manager of files: folders and sheets with names."""
    picture, draw = blank("#fafafa")
    writer = Writer(6)
    draw.rectangle((0, 0, _WIDTH, 48), "#ebebeb")
    draw.text((580, 14), writer.title(2), "#3d3d3d", font(16, "Sans-Bold"))
    draw.rectangle((0, 48, 220, _HEIGHT), "#f0f0f0")
    for row in range(14):
        draw.ellipse((20, 70 + 40 * row, 38, 88 + 40 * row), outline="#5e5c64", width=2)
        draw.text((52, 70 + 40 * row), writer.title(1), "#3d3d3d", font(15))
    for index in range(40):
        left, top = 250 + index % 8 * 126, 74 + index // 8 * 144
        if writer.random.random() < 0.6:
            draw.rounded_rectangle((left, top, left + 40, top + 20), 5, "#438de6")
            draw.rounded_rectangle((left, top + 10, left + 84, top + 72), 6, "#62a0ea")
        else:
            draw.polygon([(left + 10, top), (left + 56, top), (left + 74, top + 18), (left + 74, top + 74)], "#ffffff")
            draw.rectangle((left + 10, top + 18, left + 74, top + 76), "#ffffff", "#c0bfbc")
            for line in range(5):
                draw.line((left + 18, top + 28 + 9 * line, left + 64, top + 28 + 9 * line), "#9a9996")
        draw.text((left + 42, top + 88), writer.title(1), "#3d3d3d", font(14), anchor="ma")
    return picture


def settings() -> Image.Image:
    """A dialog before a smooth desktop: switches, sliders, a gradient."""
    rows, columns = np.ogrid[:_HEIGHT, :_WIDTH]
    slope = np.stack([40 + columns / 16 + rows / 20, 70 + rows / 10 + 0 * columns, 150 - columns / 20 + rows / 16], 2)
    picture = Image.fromarray(slope.astype(np.uint8))
    draw, writer = ImageDraw.Draw(picture), Writer(7)
    draw.rounded_rectangle((180, 80, 1100, 720), 14, "#f6f5f4", "#8a8a8a")
    draw.rounded_rectangle((180, 80, 440, 720), 14, "#ebe9e7")
    for row in range(12):
        if row == 3:
            draw.rounded_rectangle((190, 104 + 48 * row, 430, 144 + 48 * row), 8, "#3584e4")
        draw.text((214, 113 + 48 * row), writer.title(2), "white" if row == 3 else "#2e3436", font(15))
    for row in range(9):
        top = 110 + 66 * row
        draw.rounded_rectangle((470, top, 1070, top + 54), 10, "#ffffff", "#d8d4d0")
        draw.text((490, top + 8), writer.title(2), "#2e3436", font(15))
        draw.text((490, top + 30), writer.words(6), "#77767b", font(12))
        if row % 2:
            draw.rounded_rectangle((990, top + 14, 1046, top + 40), 13, "#3584e4" if row % 4 == 1 else "#d8d4d0")
            draw.ellipse((1020 if row % 4 == 1 else 992, top + 16, 1044 if row % 4 == 1 else 1016, top + 38), "white")
        else:
            draw.line((820, top + 28, 1046, top + 28), "#c0bfbc", 4)
            draw.ellipse((840 + 20 * row, top + 18, 860 + 20 * row, top + 38), "white", "#9a9996")
    return picture


def dashboard() -> Image.Image:
    """Curves, bars and numbers."""
    picture, draw = blank("#f4f6f9")
    writer = Writer(8)
    for index in range(4):
        left = 30 + 310 * index
        draw.rounded_rectangle((left, 24, left + 290, 134), 8, "white", "#dfe3e8")
        draw.text((left + 20, 40), writer.title(2), "#6b778c", font(14))
        draw.text((left + 20, 70), f"{int(writer.random.integers(1000, 99_999)):,}", "#172b4d", font(34, "Sans-Bold"))
    draw.rounded_rectangle((30, 154, 840, 770), 8, "white", "#dfe3e8")
    for step in range(8):
        y = 220 + 66 * step
        draw.line((90, y, 810, y), "#ebecf0")
        draw.text((80, y - 7), str(700 - 100 * step), "#6b778c", font(12), anchor="ra")
    for colour in ("#4c9aff", "#ff5630", "#36b37e"):
        heights = np.cumsum(writer.random.normal(0, 22, 60)) + 440
        draw.line([(90 + 12 * place, float(y)) for place, y in enumerate(heights.clip(224, 680))], colour, 2)
    draw.rounded_rectangle((860, 154, 1250, 770), 8, "white", "#dfe3e8")
    for row in range(12):
        length = int(writer.random.integers(40, 220))
        draw.text((884, 190 + 46 * row), writer.title(1), "#172b4d", font(14))
        draw.rectangle((990, 190 + 46 * row, 990 + length, 210 + 46 * row), "#4c9aff")
        draw.text((1000 + length, 191 + 46 * row), str(length), "#6b778c", font(13))
    return picture


PAGES: tuple[Callable[[], Image.Image], ...] = (
    editor,
    terminal,
    document,
    spreadsheet,
    shop,
    files,
    settings,
    dashboard,
)
