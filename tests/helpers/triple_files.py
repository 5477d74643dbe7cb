"""Clips and triples for tests: drawn, not filmed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from photo import photo
from pictures import coordinate_picture, write_shard

from vaecompress.media.colour import Colour
from vaecompress.media.video_write import open_video_writer
from vaecompress.train.data.made import name_of
from vaecompress.train.data.triples import SUFFIX, Triple

PAN = (1, 3)
"""Pixels down and right that the camera of a clip moves in a frame."""


def panned(count: int, height: int = 72, width: int = 96) -> list[npt.NDArray[np.uint8]]:
    """A pan over a photograph: ``count`` frames uint8 [height, width, 3]."""
    down, right = PAN
    whole = photo(height + down * count, width + right * count)
    return [whole[down * i : down * i + height, right * i : right * i + width] for i in range(count)]


def write_clip(path: Path, frames: list[npt.NDArray[np.uint8]]) -> Path:
    """A lossless clip of 24 frames a second."""
    height, width, _ = frames[0].shape
    step = Fraction(1, 24)
    writer = open_video_writer(path, "mkv", width=width, height=height, time_base=step, colour=Colour())
    for index, frame in enumerate(frames):
        writer.write(np.ascontiguousarray(frame), index)
    writer.close()
    return path


def coordinate_triple(quality: int, future: int, height: int = 80, width: int = 100) -> Triple:
    """Three coordinate pictures: blue 1 is the frame, 2 its prediction from the past, 3 (or 2) that from the future."""
    blues = (1, 2, 3 if future else 2)
    pixels = np.stack([coordinate_picture(height, width, blue) for blue in blues])
    return Triple(pixels, quality, (1, future))


def write_triples(path: Path, triples: dict[str, list[Triple]]) -> Path:
    """A shard of triples by the clip they were made of."""
    return write_shard(
        path,
        {name_of(name, i, SUFFIX): each.to_bytes() for name, made in triples.items() for i, each in enumerate(made)},
    )
