"""Video sources: frames as RGB with exact time stamps."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

from vaecompress.errors import InputError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.image import UInt8Array

if TYPE_CHECKING:
    from vaecompress.media.formats.sound import Track

DEFAULT_FRAME_RATE = Fraction(24)


@dataclass(frozen=True)
class Description:
    """What a file says of a video besides its frames.

    ``tags``: names such as "title", and values. ``aspect``: a pixel's width divided by its height.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    aspect: Fraction = Fraction(1)


@dataclass
class VideoSource(ABC):
    """Frames that can be read from start to end, any number of times, at constant memory.

    ``name``: what to call it in messages. ``width``: columns of every frame. ``height``: rows of every frame.
    ``time_base``: seconds one unit of a time stamp stands for. ``frame_count``: number of frames if the source tells;
    an estimate, or None. ``colour``: how the source's own numbers were converted to RGB. ``has_audio``: whether there
    is sound. ``notes``: what was reduced, changed or left out, one line each; may grow while
    frames are read. ``last_duration``: how long the frame read last is shown, in units of ``time_base``, where the
    source tells. ``is_damaged``: whether something was left out because it is damaged.
    ``description``: title and the like.
    """

    name: str
    width: int
    height: int
    time_base: Fraction
    frame_count: int | None
    colour: Colour
    has_audio: bool
    limits: Limits
    notes: list[str] = field(default_factory=list)
    last_duration: int | None = None
    is_damaged: bool = False
    description: Description = field(default_factory=Description)

    def __iter__(self) -> Iterator[tuple[UInt8Array, int]]:
        """Yield each frame, uint8 RGB [height, width, 3], with its time stamp in units of ``time_base``.

        Raises InputError (the file turns out damaged, or a frame has another size) or LimitError (more frames than the
        limits allow).
        """
        for index, (frame, time_stamp) in enumerate(self._frames()):
            self.limits.check_frames(index + 1)
            if frame.shape != (self.height, self.width, 3):
                raise InputError(
                    f"{self.name}: frame {index} is {frame.shape[1]}x{frame.shape[0]}, "
                    f"the first one {self.width}x{self.height}: frames of one video must have one size"
                )
            yield frame, time_stamp

    def copy_sound(self, file: BinaryIO) -> "list[Track]":
        """Copy the sound's packets into an empty ``file`` as Matroska, and return when they are played; empty: none.

        Raises InputError (the sound is damaged) or LimitError (there is too much of it).
        """
        return []

    @abstractmethod
    def _frames(self) -> Iterator[tuple[UInt8Array, int]]:
        """Yield what ``__iter__`` checks."""

    def _note(self, line: str) -> None:
        if line not in self.notes:
            self.notes.append(line)
