"""A picture of codecs at equal size: ``python -m vaecompress_eval.side_by_side PICTURE -o OUT.png --bpp 0.3``.

Shows the source and what each codec makes of it, in the region where ours errs most.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vaecompress.errors import UsageError

from .measure.pictures import load_picture
from .peers.base import Peer, Pixels
from .peers.catalogue import find_peers
from .peers.own import OwnPeer
from .report.crops import CropSet, crop_set

DEFAULT_PEERS = ("jpeg-444", "webp", "avif-444-psnr")
CAPTION_ROWS = 40
GAP = 8


def side_by_side(source: Path, peers: Sequence[Peer], bpp: float) -> Image.Image:
    """Code the picture in ``source`` with all ``peers`` near ``bpp`` and draw crops of the results beside the source's.

    Raises :class:`UsageError` for a peer that is not installed, InputError for an unreadable picture.
    """
    for peer in peers:
        if command := peer.missing():
            raise UsageError(f"{peer.name} is not installed: {command}")
    return draw(crop_set(load_picture(source), peers, bpp))


def draw(crops: CropSet) -> Image.Image:
    """The source and every coded crop in a row, each with a caption."""
    tiles: list[tuple[Pixels, str, str]] = [(crops.original, "source", crops.picture)]
    for crop in crops.coded:
        tiles.append((crop.pixels, crop.codec, f"{crop.bpp:.3f} bpp   {crop.psnr_db:.2f} dB"))
    height, width, _ = crops.original.shape
    sheet = Image.new("RGB", (len(tiles) * (width + GAP) - GAP, height + CAPTION_ROWS), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (pixels, title, detail) in enumerate(tiles):
        left = index * (width + GAP)
        sheet.paste(Image.fromarray(pixels), (left, 0))
        pen.text((left + 2, height + 4), title, fill="black", font=ImageFont.load_default(14))
        pen.text((left + 2, height + 22), detail, fill="#555555", font=ImageFont.load_default(12))
    return sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Read arguments, write the picture."""
    parser = argparse.ArgumentParser(prog="python -m vaecompress_eval.side_by_side", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write, such as out.png")
    parser.add_argument("--bpp", type=float, default=0.3, help="bits a pixel (default 0.3)")
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS), help="codecs beside ours (default %(default)s)")
    options = parser.parse_args(arguments)
    peers = [OwnPeer(), *find_peers(options.peers.split(","))]
    side_by_side(options.picture, peers, options.bpp).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
