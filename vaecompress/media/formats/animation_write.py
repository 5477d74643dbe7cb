"""Writing decoded frames as an animated GIF, WebP or PNG. All but GIF are lossless."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import PIL.Image

from vaecompress.errors import OutputError
from vaecompress.media.image import UInt8Array

_OPTIONS = {"gif": {}, "webp": {"lossless": True, "method": 2}, "png": {"compress_level": 2}}
_SHOWN = {"gif": 10, "webp": 1, "png": 1}
"""Milliseconds that a duration is a multiple of."""


class AnimationWriter:
    """Collects frames in memory, as Pillow's writers want them all, and writes them when it is closed."""

    def __init__(self, path: Path, format: str, time_base: Fraction) -> None:
        self.notes = ["gif has 256 colours and times in hundredths of a second"] if format == "gif" else []
        self._path, self._format, self._time_base = path, format, time_base
        self._frames: list[PIL.Image.Image] = []
        self._stamps: list[int] = []

    def write(self, frame: UInt8Array, time_stamp: int) -> None:
        """Add a frame, uint8 RGB [height, width, 3]."""
        self._frames.append(PIL.Image.fromarray(frame.copy()))
        self._stamps.append(time_stamp)

    def close(self, end: int | None = None) -> None:
        """Write the file; the last frame is shown until ``end``. Raises OutputError where it cannot be written."""
        last = self._stamps[-1]
        if end is None or end <= last:
            end = last + (last - self._stamps[-2] if len(self._stamps) > 1 else round(1 / (24 * self._time_base)) or 1)
        edges_ms = [round((stamp - self._stamps[0]) * self._time_base * 1000) for stamp in [*self._stamps, end]]
        step = _SHOWN[self._format]
        edges_ms = [round(edge / step) * step for edge in edges_ms]
        durations = [max(step, after - before) for before, after in pairwise(edges_ms)]
        try:
            with self._path.open("wb") as file:
                self._frames[0].save(
                    file,
                    self._format.upper(),
                    save_all=True,
                    append_images=self._frames[1:],
                    duration=durations if len(durations) > 1 else durations[0],
                    loop=0,
                    **_OPTIONS[self._format],
                )
        except (OSError, ValueError) as error:
            raise OutputError(f"{self._path}: cannot be written: {error}") from error

    def abandon(self) -> None:
        """Nothing is held open."""
