"""The report of a video that was looked into, as one HTML file."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vaecompress.apply import page
from vaecompress.apply.inspect_video import DrawnFrame, FrameBits, VideoFindings
from vaecompress.codec.motion import FUTURE_COLUMN, FUTURE_ROW, LARGEST, LEVEL, MODE, PAST_COLUMN, PAST_ROW
from vaecompress.codec.prediction import BLOCK, FUTURE, PAST, QUARTERS
from vaecompress.format import PATCH

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

_PAST_COLOUR, _FUTURE_COLOUR, _LEAF_COLOUR = (255, 150, 40), (70, 190, 255), (255, 255, 255, 40)
_SKIPPED_COLOUR = np.array([40, 60, 200])
_LEAST_WIDTH = 720
"""Smaller frames are enlarged, so that vectors can be told apart."""


def video_report(found: VideoFindings, name: str) -> str:
    """The page about a video called ``name``."""
    header, total = found.header, sum(frame.size_bytes for frame in found.frames)
    words = (
        f"{header.width}x{header.height}, {len(found.frames)} frames, quality {header.quality}, model {found.model}: "
        f"{found.size_bytes:,} bytes, of which {total:,} are frames."
    )
    sections = [
        f"<h1>{page.escape(name)}</h1><p class=soft>{page.escape(words)}</p>",
        "<h2>Frame by frame</h2><p>Bytes of each frame in the order of showing; the lower, orange part is motion.</p>",
        page.bars([(frame.motion_bytes, frame.rest_bytes, _words(frame)) for frame in found.frames], "bytes"),
        "<h2>Layer by layer</h2><p>Layer 0 is coded on its own, layer 1 is predicted from the past, each other one "
        "from frames before and after it that are in layers below.</p>",
        _layers(found),
        "<h2>Frames that cost most, of each layer</h2><p>Lines run from a block to where it is predicted from: orange "
        "in the past, blue in the future. Blue patches are skipped: nothing is added to the prediction. Beside it, "
        "bits of each patch of 16x16 pixels.</p>",
        *(_drawn(one) for one in found.drawn),
    ]
    return page.page(f"{name}: where the bits go", sections)


def _words(frame: FrameBits) -> str:
    return f"frame {frame.index}, layer {frame.layer}, quality {frame.quality}: {frame.size_bytes:,} bytes"


def _layers(found: VideoFindings) -> str:
    rows, total = [], sum(frame.size_bytes for frame in found.frames)
    for layer, frames in found.layers().items():
        size, motion = sum(one.size_bytes for one in frames), sum(one.motion_bytes for one in frames)
        quality = sum(frame.quality for frame in frames) / len(frames)
        numbers = (layer, len(frames), f"{quality:.0f}", f"{size:,}", f"{size / len(frames):,.0f}")
        rows.append([*map(str, numbers), f"{100 * motion / size:.0f} %", f"{100 * size / total:.1f} %"])
    return page.table(("layer", "frames", "quality", "bytes", "a frame", "motion", "of all frames"), rows)


def _drawn(one: DrawnFrame) -> str:
    parts = [page.figure(page.photo(_with_motion(one), "motion"), _motion_words(one))]
    if one.trace is not None:
        grid = one.trace.map[: -(-one.pixels.shape[0] // PATCH), : -(-one.pixels.shape[1] // PATCH)]
        heat = page.overlay(one.pixels, page.heat(grid), PATCH, "bits of each patch")
        parts.append(page.figure(heat, f"yellow: {float(grid.max()):.0f} bits a patch"))
    return f"<h3>{page.escape(_words(one.bits))}</h3><div class=wide>{''.join(parts)}</div>"


def _motion_words(one: DrawnFrame) -> str:
    if one.blocks is None:
        return "on its own"
    share = 1.0 if one.skipped is None else float(one.skipped.mean())
    past, future = one.bits.past, one.bits.future
    ahead = f" and {future} ahead" if future else ""
    return f"predicted from {past} frames back{ahead}; {100 * share:.0f} % of the patches skipped"


def _with_motion(one: DrawnFrame) -> Pixels:
    """The frame, enlarged where it is small, with skipped patches tinted and vectors drawn over it."""
    pixels = one.pixels
    if one.blocks is not None:
        height, width = pixels.shape[:2]
        skipped = np.ones((-(-height // PATCH), -(-width // PATCH)), bool) if one.skipped is None else one.skipped
        mask = np.repeat(np.repeat(skipped, PATCH, 0), PATCH, 1)[:height, :width, None]
        pixels = np.where(mask, (pixels * 0.65 + _SKIPPED_COLOUR * 0.35), pixels).astype(np.uint8)
    scale = max(1, -(-_LEAST_WIDTH // pixels.shape[1]))
    size = (pixels.shape[1] * scale, pixels.shape[0] * scale)
    picture = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
    if one.blocks is not None:
        _draw_leaves(ImageDraw.Draw(picture, "RGBA"), one.blocks, scale)
    return np.asarray(picture)


def _draw_leaves(canvas: ImageDraw.ImageDraw, blocks: Array, scale: int) -> None:
    for row, column in np.ndindex(*blocks.shape[:2]):
        block = blocks[row, column]
        side = LARGEST >> int(block[LEVEL])
        if row % side or column % side:
            continue
        left, top, size = (scale * BLOCK * at for at in (column, row, side))
        canvas.rectangle((left, top, left + size, top + size), outline=_LEAF_COLOUR)
        middle = (left + size / 2, top + size / 2)
        for mode, (down, across), colour in (
            (FUTURE, block[[PAST_ROW, PAST_COLUMN]], _PAST_COLOUR),
            (PAST, block[[FUTURE_ROW, FUTURE_COLUMN]], _FUTURE_COLOUR),
        ):
            if block[MODE] != mode and (down or across):
                end = (middle[0] + scale * across / QUARTERS, middle[1] + scale * down / QUARTERS)
                canvas.line((*middle, *end), fill=colour, width=max(1, scale // 2))
