"""Writing YUV4MPEG2 files."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from vaecompress.errors import OutputError
from vaecompress.media.colour import BT709, Colour, usual_matrix
from vaecompress.media.conversion import to_yuv
from vaecompress.media.image import UInt8Array


class Y4mWriter:
    """YUV4MPEG2, 8-bit 4:4:4, limited range, in the matrix players assume: the format declares none.

    It has one frame rate and no time stamps, so the first frame waits for the second, whose distance sets the rate.
    """

    def __init__(
        self, path: Path, width: int, height: int, time_base: Fraction, aspect: Fraction = Fraction(1)
    ) -> None:
        self.notes: list[str] = []
        if usual_matrix(height) == BT709:
            self.notes.append("y4m names no matrix: BT.709 is written, as players assume; ffmpeg assumes BT.601")
        self._path = path
        self._size = (width, height)
        self._colour = Colour(matrix=usual_matrix(height))
        self._time_base = time_base
        self._aspect = aspect
        self._first: tuple[UInt8Array, int] | None = None
        self._step: int | None = None
        self._last = 0
        self._is_noted = False
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def write(self, frame: UInt8Array, time_stamp: int) -> None:
        """Add a frame.

        Raises OutputError (the file cannot be written).
        """
        if self._step is not None:
            if time_stamp - self._last != self._step and not self._is_noted:
                self._is_noted = True
                self.notes.append("y4m has one frame rate: the variable time stamps are not kept")
            self._put(frame)
        elif self._first is None:
            self._first = (frame.copy(), time_stamp)
        else:
            self._start(max(1, time_stamp - self._first[1]))
            self._put(frame)
        self._last = time_stamp

    def close(self, end: int | None = None) -> None:
        """Finish the file; ``end``, of the last frame, sets the rate where there is but one.

        Raises OutputError (the file cannot be written).
        """
        if self._first is not None and self._step is None:
            self._start(max(1, (end or 0) - self._first[1]))
        self._file.close()

    def abandon(self) -> None:
        """Let go of a file that will not be finished."""
        with suppress(OSError):
            self._file.close()

    def _start(self, step: int) -> None:
        """Write the header and the frame that waited for it."""
        self._step = step
        rate = 1 / (step * self._time_base)
        width, height = self._size
        shape = f"W{width} H{height} F{rate.numerator}:{rate.denominator}"
        aspect = f"A{self._aspect.numerator}:{self._aspect.denominator}"
        header = f"YUV4MPEG2 {shape} Ip {aspect} C444 XCOLORRANGE=LIMITED\n"
        self._send(header.encode())
        if self._first is not None:
            self._put(self._first[0])

    def _put(self, frame: UInt8Array) -> None:
        picture = to_yuv(av.VideoFrame.from_ndarray(frame, format="rgb24"), "yuv444p", self._colour)
        self._send(b"FRAME\n" + np.ascontiguousarray(picture.to_ndarray()).tobytes())

    def _send(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error
