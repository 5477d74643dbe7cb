"""A folder or list of pictures, read and written as a video."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vaecompress.errors import InputError, OutputError
from vaecompress.limits import Limits
from vaecompress.media.colour import IDENTITY, Colour
from vaecompress.media.image import Image, UInt8Array
from vaecompress.media.image_read import read_image
from vaecompress.media.image_write import write_image
from vaecompress.media.plain import plain
from vaecompress.media.suffixes import PICTURE_SUFFIXES
from vaecompress.media.video_source import VideoSource


@dataclass
class PictureFrames(VideoSource):
    """Pictures of one size; the time stamp of each is its index."""

    paths: Sequence[Path] = ()

    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        for index, path in enumerate(self.paths):
            image, notes = read_image(path, self.limits)
            upright, more = plain(image)
            for note in [*notes, *more, *_left_out(image)]:
                self._note(f"frames: {note}")
            yield _rgb(upright.pixels), index


def open_folder(folder: Path, fps: Fraction, limits: Limits) -> PictureFrames:
    """Open the pictures of a folder as a video, in natural order.

    Raises InputError (the folder cannot be read or holds no picture).
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    pictures = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    if not pictures:
        raise InputError(f"{folder}: holds no pictures")
    source = open_pictures(pictures, fps, limits)
    if len(pictures) < len(files):
        source.notes.append(f"{len(files) - len(pictures)} files that are no pictures left out")
    return source


def open_pictures(paths: Sequence[Path], fps: Fraction, limits: Limits) -> PictureFrames:
    """Open picture files as a video, in natural order: ``frame2.png`` before ``frame10.png``.

    Raises InputError (the list is empty, or its first picture cannot be read) or LimitError (too many pictures, or too
    large ones).
    """
    if not paths:
        raise InputError("no pictures to make a video of")
    limits.check_frames(len(paths))
    ordered = sorted(paths, key=_natural_order)
    first, _ = plain(read_image(ordered[0], limits)[0])
    return PictureFrames(
        name=str(ordered[0].parent),
        width=first.width,
        height=first.height,
        time_base=1 / fps,
        frame_count=len(ordered),
        colour=Colour(matrix=IDENTITY, full_range=True),
        has_audio=False,
        limits=limits,
        paths=ordered,
    )


class PictureFrameWriter:
    """Writes frames as ``frame_000000.png`` and so on into a folder, made if it is missing.

    ``notes`` says what a folder of pictures does not keep. ``colour`` is said in each picture where it is HDR.
    """

    def __init__(self, folder: Path, first_index: int = 0, colour: Colour | None = None) -> None:
        self.notes = ["a folder of frames keeps no time stamps"]
        self._folder = folder
        self._colour = colour if colour is not None and colour.is_hdr else None
        self._index = first_index
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error

    def write(self, frame: UInt8Array, time_stamp: int) -> None:
        """Write the next frame, uint8 RGB [height, width, 3]; the time stamp is not kept."""
        write_image(Image(frame, colour=self._colour), self._folder / f"frame_{self._index:06d}.png", "png")
        self._index += 1

    def close(self, end: int | None = None) -> None:
        """Nothing is left to do: each frame is a finished file."""

    def abandon(self) -> None:
        """Nothing is held open."""


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that compares runs of digits as numbers."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _rgb(pixels: UInt8Array) -> UInt8Array:
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def _left_out(image: Image) -> list[str]:
    notes = []
    if image.alpha is not None:
        notes.append("alpha is not carried in a video")
    if image.metadata_bytes:
        notes.append("metadata of single frames is not carried in a video")
    return notes
