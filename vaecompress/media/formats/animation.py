"""Animated pictures (GIF, WebP, APNG, AVIF) read as videos with Pillow: their own times, composited frames."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.colour import IDENTITY, Colour
from vaecompress.media.image import UInt8Array
from vaecompress.media.picture_kinds import sniff
from vaecompress.media.video_source import VideoSource

_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_SHORTEST_MS = 100
"""Browsers show frames for which no time, or 10 ms at most, is given for so long."""


def is_animation(source: Path | bytes) -> bool:
    """Whether a file, or the bytes of one, is a picture of several frames that follow each other."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            kind = sniff(file.read(64))
            if kind not in _FORMATS:
                return False
            return getattr(PIL.Image.open(file, formats=[kind]), "n_frames", 1) > 1
    except Exception:  # damaged files raise nearly everything: whoever reads the picture says what is wrong
        return False


@dataclass
class Animation(VideoSource):
    """The frames of an animated picture, on black where it is transparent; stamps in milliseconds."""

    path: Path = Path()

    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        time_ms = Fraction(0)
        try:
            with PIL.Image.open(self.path, formats=_FORMATS) as picture:
                for index in range(getattr(picture, "n_frames", 1)):
                    picture.seek(index)
                    frame = np.asarray(picture.convert("RGBA"))
                    duration_ms = Fraction(str(picture.info.get("duration") or 0))
                    if duration_ms <= 10:
                        duration_ms = Fraction(_SHORTEST_MS)
                    if frame[:, :, 3].min() < 255:
                        self._note("transparency is shown on black: a video has none")
                    self.last_duration = max(1, round(duration_ms))
                    yield _on_black(frame), round(time_ms)
                    time_ms += duration_ms
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise InputError(f"{self.path}: is damaged or incomplete: {' '.join(str(error).split())}") from error


def open_animation(path: Path, limits: Limits) -> Animation:
    """Open an animated picture as a video. Raises LimitError where it is over a limit."""
    with PIL.Image.open(path, formats=_FORMATS) as picture:
        width, height = picture.size
        frames: int = getattr(picture, "n_frames", 1)
        loop = picture.info.get("loop")
        has_metadata = any(picture.info.get(name) for name in ("icc_profile", "exif", "xmp"))
    limits.check_size(width, height)
    limits.check_frames(frames)
    found = {
        f"the animation's loop count ({loop}) is not carried": loop not in (None, 0),
        "the animation's ICC profile, EXIF and XMP are not carried": has_metadata,
    }
    return Animation(
        name=str(path),
        width=width,
        height=height,
        time_base=Fraction(1, 1000),
        frame_count=frames,
        colour=Colour(matrix=IDENTITY, full_range=True),
        has_audio=False,
        limits=limits,
        notes=[note for note, is_so in found.items() if is_so],
        path=path,
    )


def _on_black(frame: UInt8Array) -> UInt8Array:
    colours, alpha = frame[:, :, :3], frame[:, :, 3:].astype(np.uint16)
    return ((colours * alpha + 127) // 255).astype(np.uint8)
