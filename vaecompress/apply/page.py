"""Parts of a report that is one HTML file: pictures as data, charts as SVG, tables. It needs no network."""

import base64
import io
from collections.abc import Sequence
from html import escape as escape
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

MAX_SIDE = 1280
"""Longer pictures are reduced for a report."""

_SMALL_SIDE = 640
"""Pictures that are not half as wide are shown enlarged."""

_HEAT = ((0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39),
         (252, 255, 164))  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ground: #fff; --ink: #1b2027; --soft: #5d6873; --line: #d7dde3;
  --bar: #2b6cb0; --other: #c05621; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #14171a; --ink: #e5e9ed; --soft: #98a3ae; --line: #333b43;
    --bar: #63a4e0; --other: #ed9a5f; }}
}}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; padding: 20px 16px 60px; max-width: 1120px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px }} h2 {{ font-size: 1.15rem; margin: 36px 0 6px }}
p {{ margin: 4px 0 12px; max-width: 78ch }} .soft {{ color: var(--soft) }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }}
td .fill {{ display: inline-block; height: 10px; background: var(--bar) }}
figure {{ margin: 0 }} figcaption {{ font-size: 13px; color: var(--soft) }}
img {{ max-width: 100%; display: block }} .sharp {{ image-rendering: pixelated }}
.stack {{ position: relative; overflow: hidden; max-width: 100%; width: max-content }}
.stack img + img {{ position: absolute; top: 0; left: 0; max-width: none; opacity: var(--mix, .6) }}
.tiles {{ display: flex; flex-wrap: wrap; gap: 14px 18px }}
.wide {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 18px }}
svg {{ display: block; width: 100%; max-width: 760px; height: auto }} svg text {{ fill: var(--soft); font-size: 12px }}
input[type=range] {{ width: min(100%, 360px) }}
</style></head><body>
{body}
<script>
for (const slider of document.querySelectorAll("input[data-mix]"))
  slider.oninput = () => slider.parentElement.querySelector(".stack").style.setProperty("--mix", slider.value / 100)
</script></body></html>
"""


def page(title: str, sections: Sequence[str]) -> str:
    """The whole file."""
    return _PAGE.format(title=escape(title), body="\n".join(sections))


def heat(values: Array, most: float | None = None) -> Pixels:
    """Colours uint8 [..., 3] of values from 0 (dark) to ``most`` (their largest): black, purple, orange, yellow."""
    top = max(float(values.max(initial=0.0)) if most is None else most, 1e-9)
    place = np.clip(values / top, 0, 1) * (len(_HEAT) - 1)
    stops = np.arange(len(_HEAT))
    bands = [np.interp(place, stops, [colour[band] for colour in _HEAT]) for band in range(3)]
    return np.rint(np.stack(bands, -1)).astype(np.uint8)


def photo(pixels: Pixels, alt: str) -> str:
    """A photograph, reduced where it is large, shown enlarged where it is small."""
    picture = Image.fromarray(pixels)
    if max(picture.size) > MAX_SIDE:
        picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    scale = max(1, _SMALL_SIDE // picture.width)
    return image(_uri(picture, quality=88, method=4), alt, scale * picture.width, sharp=scale > 1)


def exact_uri(pixels: Pixels) -> str:
    """Drawn pixels, as they are."""
    return _uri(Image.fromarray(pixels), lossless=True, exact=True, method=4)


def _uri(picture: Image.Image, **options: Any) -> str:
    with io.BytesIO() as buffer:
        picture.save(buffer, "WEBP", **options)
        return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def image(uri: str, alt: str, width: int | None = None, sharp: bool = False) -> str:
    """An ``img``."""
    size = "" if width is None else f' width="{width}"'
    return f'<img src="{uri}" alt="{escape(alt)}"{size}{" class=sharp" if sharp else ""}>'


def figure(inside: str, caption: str) -> str:
    """A picture with words under it."""
    return f"<figure>{inside}<figcaption>{escape(caption)}</figcaption></figure>"


def overlay(pixels: Pixels, patches: Pixels, cell: int, alt: str) -> str:
    """Colours of patches [h, w, 3] of ``cell`` pixels laid over a picture, with a slider for how strongly."""
    width = 100 * patches.shape[1] * cell / pixels.shape[1]
    over = f'<img class=sharp src="{exact_uri(patches)}" alt="" style="width:{width:.4f}%">'
    slider = '<input type="range" data-mix min="0" max="100" value="60" aria-label="strength of the colours">'
    return f"<div><div class=stack>{photo(pixels, alt)}{over}</div>{slider}</div>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts; the first column is to the left."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><tr>{top}</tr>{body}</table></div>"


def shares(head: Sequence[str], rows: Sequence[tuple[str, float, str]]) -> str:
    """A table of (name, size, words) with a bar for each size."""
    total = sum(max(size, 0.0) for _, size, _ in rows) or 1.0
    cells = []
    for name, size, words in rows:
        share = max(size, 0.0) / total
        bar = f'<span class=fill style="width:{220 * share:.1f}px"></span> {100 * share:.1f} %'
        cells.append(f"<tr><td>{escape(name)}</td><td>{escape(words)}</td><td style=text-align:left>{bar}</td></tr>")
    top = "".join(f"<th>{escape(text)}</th>" for text in (*head, ""))
    return f"<div class=scroll><table><tr>{top}</tr>{''.join(cells)}</table></div>"


def bars(columns: Sequence[tuple[float, float, str]], unit: str) -> str:
    """Stacked bars, one for each (lower, upper, words), with its height axis in ``unit``."""
    most = max((lower + upper for lower, upper, _ in columns), default=0.0) or 1.0
    width, height, left = 760, 220, 64
    step = (width - left) / max(len(columns), 1)
    drawn = [f'<text x="{left - 6}" y="14" text-anchor="end">{most:,.0f}</text>',
             f'<text x="{left - 6}" y="{height}" text-anchor="end">0 {escape(unit)}</text>']  # fmt: skip
    for place, (lower, upper, words) in enumerate(columns):
        x, wide = left + place * step, max(step * 0.9, 0.5)
        low, high = (height - 6) * lower / most, (height - 6) * upper / most
        drawn.append(
            f'<g><title>{escape(words)}</title><rect x="{x:.2f}" y="{height - low:.2f}" width="{wide:.2f}" '
            f'height="{low:.2f}" fill="var(--other)"/><rect x="{x:.2f}" y="{height - low - high:.2f}" '
            f'width="{wide:.2f}" height="{high:.2f}" fill="var(--bar)"/></g>'
        )
    return f'<svg viewBox="0 0 {width} {height + 6}" role="img">{"".join(drawn)}</svg>'


def scatter(points: Sequence[tuple[float, float, float, str]], x_name: str, y_name: str) -> str:
    """Points (x, y, area 0..1, words) on logarithmic axes with the diagonal x = y."""
    inside = [value for x, y, _, _ in points for value in (x, y) if value > 0]
    if not inside:
        return ""
    low, high = np.floor(np.log2(min(inside))), np.ceil(np.log2(max(inside)))
    width, height, margin = 560, 420, 46
    span = max(high - low, 1.0)

    def at(value: float, length: int) -> float:
        return float((np.log2(value) - low) / span * length)

    across, up = width - margin - 10, height - margin - 10
    drawn = [
        f'<line x1="{margin}" y1="{10 + up}" x2="{margin + across}" y2="10" stroke="var(--line)"/>',
        f'<text x="{margin + across}" y="{height - 8}" text-anchor="end">{escape(x_name)}</text>',
        f'<text x="{margin + 6}" y="20">{escape(y_name)}</text>',
    ]
    ticks = range(int(low), int(high) + 1, max(1, int(span // 6)))
    for power in ticks:
        label = f"{2**power}" if power >= 0 else f"1/{2**-power}"
        x, y = margin + at(2.0**power, across), 10 + up - at(2.0**power, up)
        drawn.append(f'<text x="{x:.1f}" y="{height - margin + 16}" text-anchor="middle">{label}</text>')
        drawn.append(f'<text x="{margin - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for x, y, area, words in points:
        if x > 0 and y > 0:
            drawn.append(
                f'<circle cx="{margin + at(x, across):.1f}" cy="{10 + up - at(y, up):.1f}" r="{2 + 9 * area**0.5:.1f}" '
                f'fill="var(--bar)" fill-opacity=".55"><title>{escape(words)}</title></circle>'
            )
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(drawn)}</svg>'
