"""Where pictures differ most, cut out of every codec's decoded picture at equal file size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..measure.metrics import psnr
from ..measure.pictures import Picture
from ..measure.results import Result
from ..peers.base import Peer, Pixels
from ..run.file_of_size import file_of_size, known_sizes

CROP_SIDE = 256


@dataclass(frozen=True)
class CodedCrop:
    """One codec's view of a region; bpp and PSNR are those of the whole picture, ``crop_psnr_db`` of the region."""

    codec: str
    bpp: float
    psnr_db: float | None
    crop_psnr_db: float | None
    pixels: Pixels


@dataclass(frozen=True)
class CropSet:
    """The same region of a picture: its source and every codec."""

    picture: str
    left: int
    top: int
    original: Pixels
    coded: list[CodedCrop]


def crop_set(picture: Picture, peers: Sequence[Peer], target_bpp: float, results: Sequence[Result] = ()) -> CropSet:
    """Code ``picture`` with all ``peers`` near ``target_bpp``; cut where the first of them has its largest error.

    The first peer comes as near the target as its dial allows, the others as near to its size as theirs do. A peer
    that cannot code the picture is left out. ``results`` of the picture spare some of the search.
    """
    height, width, _ = picture.pixels.shape
    target_bytes = target_bpp * height * width / 8
    decoded: dict[str, tuple[int, Pixels]] = {}
    for peer in peers:
        known = known_sizes(results, peer.name, picture.name)
        try:
            _, data = file_of_size(peer, picture.pixels, target_bytes, known)
            decoded[peer.name] = (len(data), peer.decode(data))
        except Exception:  # a third party's codec may raise anything; the run has reported it
            continue
        target_bytes = next(iter(decoded.values()))[0]
    sizes = {name: 8 * size / (height * width) for name, (size, _) in decoded.items()}
    return cut_all(picture.name, picture.pixels, {name: pixels for name, (_, pixels) in decoded.items()}, sizes)


def cut_all(name: str, original: Pixels, decoded: dict[str, Pixels], bpp: dict[str, float]) -> CropSet:
    """Cut all of ``decoded`` where the first of them has its largest error."""
    top, left = worst_region(original, next(iter(decoded.values())))
    source = _cut(original, top, left)
    coded = [
        CodedCrop(
            codec=codec,
            bpp=bpp[codec],
            psnr_db=psnr(original, pixels),
            crop_psnr_db=psnr(source, _cut(pixels, top, left)),
            pixels=_cut(pixels, top, left),
        )
        for codec, pixels in decoded.items()
    ]
    return CropSet(name, left, top, source, coded)


def worst_region(original: Pixels, decoded: Pixels) -> tuple[int, int]:
    """Top and left of the region with the largest mean squared error."""
    from scipy.ndimage import uniform_filter

    error = np.square(original.astype(np.float64) - decoded).mean(axis=2)
    height, width = (min(side, CROP_SIDE) for side in error.shape)
    means = uniform_filter(error, size=(height, width), mode="constant")
    inside = means[
        height // 2 : error.shape[0] - (height - 1) // 2,
        width // 2 : error.shape[1] - (width - 1) // 2,
    ]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(top), int(left)


def _cut(pixels: Pixels, top: int, left: int) -> Pixels:
    return pixels[top : top + CROP_SIDE, left : left + CROP_SIDE]
