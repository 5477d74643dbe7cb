"""The report of a picture that was looked into, as one HTML file."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.apply import page
from vaecompress.apply.channels import linear_basis, steps_to_see, synthesis_basis, traversal
from vaecompress.apply.inspect import Part, PictureFindings
from vaecompress.apply.trace import ScaleUse
from vaecompress.codec.picture import PictureCodec
from vaecompress.format import PATCH
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

_SHOWN = 24
"""Channels that are shown one by one, the most costly first."""

_WALKED = 8
_WALK = np.linspace(-3, 3, 7)
"""Of those, how many are walked along, and how far: in steps of what is clearly seen."""

_ERROR_TOP = 16.0
"""Levels of error that the error map shows brightest."""

_FEWEST = 30
"""Symbols of a scale below which it is left out of the chart."""

_GREY = 128
_BASIS_SIDE = 3 * PATCH


def picture_report(found: PictureFindings, model: LoadedModel, name: str) -> str:
    """The page about a picture called ``name``."""
    codec = PictureCodec(model)
    sections = [
        _head(found, name),
        "<h2>Where in the picture</h2>",
        f"<p>Bits of each patch of 16x16 pixels, hyper-latents included: black is none, yellow "
        f"{float(found.trace.map.max()):.0f} bits ({float(found.trace.map.max()) / PATCH**2:.2f} a pixel).</p>",
        page.overlay(found.pixels, page.heat(_visible(found.trace.map, found.pixels)), PATCH, "bits of each patch"),
        _errors(found),
        "<h2>Which part of the file</h2>",
        parts_table(found.parts),
        "<h2>Which channels</h2>",
        _by_colour(found),
        _channels(found, codec),
        _all_channels(found, codec),
        _walks(found, codec),
        "<h2>What was expected, and what came</h2>",
        "<p>Each dot is one scale of the model's tables: how large it expects the symbols to be (root mean square), "
        "and how large they were. Below the line, less came than was paid for; the area is the number of symbols.</p>",
        _scales(found.trace.scales),
    ]
    return page.page(f"{name}: where the bits go", sections)


def parts_table(parts: tuple[Part, ...]) -> str:
    """Parts of a file with their bytes."""
    return page.shares(("part", "bytes"), [(part.name, part.size_bytes, f"{part.size_bytes:,.0f}") for part in parts])


def _head(found: PictureFindings, name: str) -> str:
    header = found.header
    psnr = "" if found.psnr_db is None else f", {found.psnr_db:.2f} dB"
    bpp = 8 * found.size_bytes / (header.width * header.height)
    words = (
        f"{header.width}x{header.height}, quality {header.quality}, model {found.model}: "
        f"{found.size_bytes:,} bytes, {bpp:.3f} bits a pixel{psnr}."
    )
    return f"<h1>{page.escape(name)}</h1><p class=soft>{page.escape(words)}</p>"


def _visible(grid: Array, pixels: Pixels) -> Array:
    """The patches that show some of the picture."""
    return grid[: -(-pixels.shape[0] // PATCH), : -(-pixels.shape[1] // PATCH)]


def _errors(found: PictureFindings) -> str:
    if found.original is None:
        return "<p class=soft>With --original, the error is drawn here too.</p>"
    error = np.abs(found.original.astype(np.int16) - found.pixels[:, :, : found.original.shape[2]]).mean(2)
    drawn = page.photo(page.heat(error, _ERROR_TOP), "error of each pixel")
    levels = f"{error.mean():.2f} levels on average: black is none, yellow {_ERROR_TOP:.0f} and more"
    words = f"Mean error of each pixel, {levels}."
    return f"<h2>Where it errs</h2><p>{words}</p>{drawn}"


def _by_colour(found: PictureFindings) -> str:
    bits: dict[str, float] = {}
    for drawn, cost in zip(found.channels, found.trace.channel_bits, strict=True):
        bits[drawn.colour] = bits.get(drawn.colour, 0.0) + float(cost)
    return page.shares(("colour", "bytes"), [(name, cost, f"{cost / 8:,.0f}") for name, cost in bits.items()])


def _strongest(found: PictureFindings) -> list[int]:
    return [int(channel) for channel in np.argsort(-found.trace.channel_bits, kind="stable")[:_SHOWN]]


def _channels(found: PictureFindings, codec: PictureCodec) -> str:
    quality, chosen, costs = found.header.quality, _strongest(found), found.trace.channel_bits
    basis = linear_basis(codec, quality)
    steps = steps_to_see(basis)
    whole = synthesis_basis(codec, quality, chosen, steps[chosen])
    tiles = []
    for channel, spread in zip(chosen, whole, strict=True):
        drawn = found.channels[channel]
        linear = np.zeros((_BASIS_SIDE, _BASIS_SIDE, 3))
        linear[PATCH : 2 * PATCH, PATCH : 2 * PATCH] = basis[channel] * steps[channel]
        pair = np.concatenate([_shown(linear), np.full((_BASIS_SIDE, 2, 3), 255, np.uint8), _shown(spread)], axis=1)
        share = f"{100 * costs[channel] / costs.sum():.1f} % of the latents"
        caption = f"{channel}: {drawn.colour} {drawn.down},{drawn.across}, {share}"
        tiles.append(page.figure(page.image(page.exact_uri(pair), caption, 2 * pair.shape[1], sharp=True), caption))
    return (
        f"<p>The {len(chosen)} channels that cost most, and what one latent of each draws over 3x3 patches: on the "
        "left by the linear path, on the right by the whole synthesis. Numbers: half waves down and across.</p>"
        f"<div class=tiles>{''.join(tiles)}</div>"
    )


def _shown(change: Array) -> Pixels:
    return np.asarray(np.clip(np.rint(_GREY + 2 * change), 0, 255), np.uint8)


def _all_channels(found: PictureFindings, codec: PictureCodec) -> str:
    basis = linear_basis(codec, found.header.quality)
    drawn = _shown(basis * steps_to_see(basis)[:, None, None, None])
    columns = 26
    rows = -(-len(drawn) // columns)
    sheet = np.full((rows * (PATCH + 2), columns * (PATCH + 2), 3), 255, np.uint8)
    for place, one in enumerate(drawn):
        top, left = (PATCH + 2) * (place // columns), (PATCH + 2) * (place % columns)
        sheet[top : top + PATCH, left : left + PATCH] = one
    return f"<p>All {len(drawn)} channels by their linear path, row by row.</p>" + page.image(
        page.exact_uri(sheet), "all channels", 2 * sheet.shape[1], sharp=True
    )


def _walks(found: PictureFindings, codec: PictureCodec) -> str:
    quality = found.header.quality
    steps = steps_to_see(linear_basis(codec, quality))
    strips = []
    for channel in _strongest(found)[:_WALKED]:
        costs = _visible(found.trace.bits[channel], found.pixels)
        row, column = (int(at) for at in np.unravel_index(int(costs.argmax()), costs.shape))
        seen = traversal(codec, found.trace.latents, quality, channel, (row, column), _WALK * steps[channel])
        gap = np.full((seen[0].shape[0], 2, 3), 255, np.uint8)
        strip = np.concatenate([part for one in seen for part in (one, gap)][:-1], axis=1)
        caption = f"channel {channel} ({found.channels[channel].colour}), patch in row {row}, column {column}"
        strips.append(page.figure(page.image(page.exact_uri(strip), caption, sharp=True), caption))
    return (
        "<p>Walks along the strongest channels: the patch where each costs most, its latent lowered to the left and "
        f"raised to the right, as coded in the middle.</p><div class=wide>{''.join(strips)}</div>"
    )


def _scales(scales: ScaleUse) -> str:
    used = [index for index in range(len(scales.count)) if scales.count[index] >= _FEWEST]
    most = max((int(scales.count[index]) for index in used), default=1)
    points = [
        (
            float(scales.predicted[index]),
            float(scales.came[index]),
            float(scales.count[index]) / most,
            f"{scales.count[index]:,} symbols, {scales.bits[index] / 8:,.0f} bytes, "
            f"{scales.expected_bits[index] / 8:,.0f} expected",
        )
        for index in used
    ]
    bits, expected = (float(values[used].sum()) for values in (scales.bits, scales.expected_bits))
    words = f"In all {bits / 8:,.0f} bytes came where the tables expect {expected / 8:,.0f}."
    return page.scatter(points, "expected", "came") + f"<p>{words}</p>"
