"""Videos opened: a video file, a folder of pictures, or a list of them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from vaecompress.errors import UsageError
from vaecompress.limits import Limits
from vaecompress.media.video_source import DEFAULT_FRAME_RATE, VideoSource

_DEFAULT_LIMITS = Limits()


def open_video(
    source: Path | str | Sequence[Path | str],
    fps: Fraction | None = None,
    limits: Limits = _DEFAULT_LIMITS,
    partial: bool = False,
) -> VideoSource:
    """Open a video file, an animated picture, a folder of pictures, or a list of them in natural order (2 before 10).

    ``source``: what to read. ``fps``: frames a second of a folder or list, 24 unless given. ``limits``: bounds on
    pixels and frames. ``partial``: leave out what is damaged of a video file, and note it. Raises InputError
    (unreadable, damaged, or of a kind that is not carried), LimitError (over a limit) or UsageError (``fps`` given for
    a video file, or not above zero).
    """
    if fps is not None and fps <= 0:
        raise UsageError(f"{fps} frames a second make no video: use a rate above zero")
    from vaecompress.media.video_frames import open_folder, open_pictures

    if not isinstance(source, Path | str):
        return open_pictures([Path(path) for path in source], fps or DEFAULT_FRAME_RATE, limits)
    if Path(source).is_dir():
        return open_folder(Path(source), fps or DEFAULT_FRAME_RATE, limits)
    if fps is not None:
        raise UsageError(f"{source}: a video file has its own time stamps: leave out the frame rate")
    from vaecompress.media.formats.animation import is_animation, open_animation

    if is_animation(Path(source)):
        return open_animation(Path(source), limits)
    from vaecompress.media.video_file import open_video_file

    return open_video_file(Path(source), limits, partial)
