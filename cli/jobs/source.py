"""What a job reads: files, a pipe or standard input; for ``encode``, whether they are a picture or a video."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vaecompress.errors import InputError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.suffixes import VIDEO_SUFFIXES

from ..streams import read_all, read_standard_input
from .inputs import is_picture_data, is_video
from .outputs import is_special, temporary_errors
from .plan import Job

if TYPE_CHECKING:
    from vaecompress.media.video_source import VideoSource


def content_of(job: Job, limits: Limits) -> Path | bytes:
    """The only source of a job: a file's path, or all that a pipe or standard input holds.

    Raises :class:`InputError`, :class:`LimitError`, or :class:`UsageError` where standard input is none.
    """
    if not job.sources:
        return read_standard_input(limits)
    (path,) = job.sources
    if not is_special(path):
        return path
    try:
        with path.open("rb") as file:
            return read_all(file, str(path), limits)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Source:
    """What ``encode`` reads.

    ``content`` is a file, a folder, or what a pipe held; several files are the pictures of one video.
    """

    content: Path | bytes | tuple[Path, ...]
    is_video: bool

    @classmethod
    def of(cls, job: Job, fps: Fraction | None, limits: Limits) -> "Source":
        """The source of a job; with ``fps`` a picture is a video too. Raises as :func:`content_of` does."""
        if len(job.sources) > 1:
            return cls(job.sources, is_video=True)
        content = content_of(job, limits)
        if isinstance(content, bytes):
            if fps is not None:
                raise UsageError("--fps goes with pictures that are files, not with a pipe")
            return cls(content, not is_picture_data(content) or _is_animation(content))
        if os.path.isdir(content) or is_video(content) or (fps is None and _is_animation(content)):
            return cls(content, is_video=True)
        return cls(content if fps is None else (content,), fps is not None)

    @contextmanager
    def open_video(self, fps: Fraction | None, limits: Limits, partial: bool) -> Iterator["VideoSource"]:
        """Open the video, ``partial`` without what is damaged; what a pipe held waits in a temporary file.

        Raises :class:`VaecompressError`.
        """
        if not isinstance(self.content, bytes):
            yield _opened(self.content, fps, limits, partial)
            return
        with temporary_errors(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input"
            path.write_bytes(self.content)
            yield _opened(path, fps, limits, partial)


def _is_animation(content: Path | bytes) -> bool:
    from vaecompress.media.formats.animation import is_animation

    return is_animation(content)


def _opened(content: Path | tuple[Path, ...], fps: Fraction | None, limits: Limits, partial: bool) -> "VideoSource":
    from vaecompress.media.video import open_video

    try:
        return open_video(content, fps, limits, partial)
    except InputError as error:
        if isinstance(content, tuple) or content.is_dir() or content.suffix.lower() in VIDEO_SUFFIXES:
            raise
        raise InputError("is neither a picture nor a video in a format that is read") from error
