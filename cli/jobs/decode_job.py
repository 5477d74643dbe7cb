"""One job of ``decode``: read, decode, write, report."""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.bitstream import Container
from vaecompress.errors import CorruptError, UsageError
from vaecompress.limits import Limits

from ..console import Console
from ..options import frames_at_once, threads_of
from ..streams import standard_output
from . import resume
from .outputs import is_special
from .plan import Job
from .sink import Sink
from .source import content_of

if TYPE_CHECKING:
    from vaecompress.codec.video import Frame
    from vaecompress.media.image import Image
    from vaecompress.models.loaded import LoadedModel

_STANDARD_OUTPUT = Path("/dev/stdout")
_STILL = "one frame as a picture"
_NO_FIT = "--fit makes a picture of one frame of a video: name an output such as small.png"


class Decoder:
    """Does jobs, in any number of threads."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self._options, self._console, self._limits = options, console, Limits()

    def __call__(self, job: Job) -> int:
        """Do one job; returns the exit code. Raises :class:`vaecompress.errors.VaecompressError`."""
        content, sink = content_of(job, self._limits), Sink(job, self._options)
        codes: list[int] = []
        with Container.open(content, self._limits, partial=self._options.allow_partial) as container:
            format = self._format(job, container)
            is_done = partial(resume.is_decoded, container=container)
            work = partial(self._decode, job, container, format, sink, codes)
            sink.deliver(is_done, work, self._console, folder=format == "frames")
        return max(codes, default=0)

    def _decode(self, job: Job, container: Container, format: str, sink: Sink, codes: list[int]) -> None:
        started = time.monotonic()
        if container.header.kind == "image":
            result = self._decode_picture(job, container, format, sink)
        elif format == _STILL:
            result = self._decode_still(job, container, sink)
        else:
            result = self._decode_video(job, container, format, sink)
        record = {**_record(job, container), **result}
        record["seconds"] = time.monotonic() - started
        self._console.notes(job.subject, record["notes"])
        self._console.done(_summary(record), record)
        codes.append(CorruptError.exit_code if record.get("damage") else 0)

    def _decode_picture(self, job: Job, container: Container, format: str, sink: Sink) -> dict[str, Any]:
        from vaecompress.codec.still import decode_image

        image = decode_image(container, self._model)
        return _write_picture(self._fitted(image), format, job, sink)

    def _decode_still(self, job: Job, container: Container, sink: Sink) -> dict[str, Any]:
        """One frame of a video, as a picture."""
        from vaecompress.codec.video import read_colour
        from vaecompress.media.image import Image
        from vaecompress.media.image_write import format_of

        assert job.output is not None
        (frame,) = self._frames(container, None)
        colour = read_colour(container, None)
        image = self._fitted(Image(frame.pixels, colour=colour if colour.is_hdr else None))
        return {"frames": 1, **_write_picture(image, format_of(job.output), job, sink)}

    def _decode_video(self, job: Job, container: Container, format: str, sink: Sink) -> dict[str, Any]:
        from vaecompress.bitstream.presentation import end_of_frame
        from vaecompress.codec.sound import open_sound, sound_of_frames
        from vaecompress.codec.video import read_colour, read_description, read_time_stamps
        from vaecompress.media.video_write import open_video_writer

        header, wanted = container.header, self._wanted_frames(len(container.frames))
        damage: list[str] = []
        on_damage = self._damage_reporter(job, damage)
        frames = self._frames(container, on_damage, frames_at_once(self._options, job.in_batch))
        stamps = read_time_stamps(container, on_damage)
        sound = None if self._options.no_audio else open_sound(container, on_damage)
        with _place(job, sink, format) as path:
            open_writer = partial(
                open_video_writer,
                path,
                format,
                width=header.width,
                height=header.height,
                time_base=stamps.time_base,
                colour=read_colour(container, on_damage),
                crf=self._options.crf,
                sound=None if sound is None else sound_of_frames(sound, container, stamps, wanted),
                description=read_description(container, on_damage),
            )
            writer = open_writer()
            written = last = 0
            try:
                for frame in frames:
                    if format == "frames":  # the numbers are those of the video's frames, whichever are lost
                        writer = open_writer(first_index=frame.index)
                    writer.write(frame.pixels, frame.pts)
                    written, last = written + 1, frame.index
                    if not job.in_batch:
                        self._console.progress(written, len(wanted), "frames")
                if not written:
                    raise CorruptError("no frame is sound; fetch the file again")
                writer.close(end_of_frame(container, stamps, last))
            except BaseException:
                writer.abandon()
                raise
            notes = writer.notes + (_others_in_folder(job.output, path) if format == "frames" else [])
        return {"frames": written, "damage": damage, "notes": notes}

    def _frames(
        self, container: Container, on_damage: Callable[[CorruptError], None] | None, workers: int = 1
    ) -> "Iterator[Frame]":
        from vaecompress.codec.video import decode_video

        wanted = self._wanted_frames(len(container.frames))
        return decode_video(container, self._model(container.header.model_id), wanted, workers, on_damage)

    def _damage_reporter(self, job: Job, damage: list[str]) -> Callable[[CorruptError], None] | None:
        """Names and collects damage where it is to be left out; None where it is an error."""
        if not self._options.allow_partial:
            return None

        def report(error: CorruptError) -> None:
            if str(error) not in damage:
                damage.append(str(error))
                self._console.line(f"vaecompress: {job.subject}: left out: {error}")

        return report

    def _fitted(self, image: "Image") -> "Image":
        from vaecompress.media.formats.pillow import fit

        return image if self._options.fit is None else fit(image, self._options.fit)

    def _wanted_frames(self, count: int) -> range:
        first, end = self._options.frames or ((0, 1) if self._options.fit else (0, None))
        return range(first, count if end is None else end)

    def _format(self, job: Job, container: Container) -> str:
        """The format to write. Raises :class:`UsageError` where the output's name stands for none."""
        from vaecompress.media.suffixes import PICTURE_SUFFIXES

        output = None if job.output is None or (is_special(job.output) and not job.output.suffix) else job.output
        if container.header.kind == "image":
            from vaecompress.media.image_write import format_of

            if self._options.frames or self._options.crf is not None:
                raise UsageError(f"{job.subject}: is a picture; --frames and --crf are for videos")
            return "png" if output is None else format_of(output)
        if self._options.fit and (output is None or job.as_frames):
            raise UsageError(_NO_FIT)
        if job.as_frames:
            return "frames"
        if output is None:
            return "y4m"
        one_frame = len(self._wanted_frames(len(container.frames))) == 1
        if one_frame and output.suffix.lower() in PICTURE_SUFFIXES:
            return _STILL
        if self._options.fit:
            raise UsageError(_NO_FIT)
        from vaecompress.media.video_write import video_format_of

        return video_format_of(output)

    def _model(self, model_id: bytes) -> "LoadedModel":
        from vaecompress.models import registry

        return registry.find(model_id, self._options.engine, threads_of(self._options))


def _write_picture(image: "Image", format: str, job: Job, sink: Sink) -> dict[str, Any]:
    """Write a picture to where it goes; returns its size, and notes on what is not kept."""
    from vaecompress.media.image_write import write_image

    with sink.file() if job.output is None else sink.path() as target:
        notes = write_image(image, target, format)
    return {"width": image.width, "height": image.height, "notes": notes}


@contextmanager
def _place(job: Job, sink: Sink, format: str) -> Iterator[Path]:
    """Where a video is written."""
    if job.output is None:
        standard_output()
        yield _STANDARD_OUTPUT
        return
    with sink.path(folder=format == "frames") as part:
        yield part


def _others_in_folder(folder: Path | None, part: Path) -> list[str]:
    """A note on files that stay in ``folder`` beside the frames in ``part``, which are about to move there."""
    if folder is None or not folder.is_dir():
        return []
    ours = set(os.listdir(part))
    others = [name for name in os.listdir(folder) if name not in ours and not name.startswith(".")]
    return [f"files that were in {folder} before and stay beside the frames: {len(others)}"] if others else []


def _record(job: Job, container: Container) -> dict[str, Any]:
    from vaecompress.codec.info import tool_of

    header = container.header
    return {
        "source": job.subject,
        "output": job.target,
        "kind": header.kind,
        "width": header.width,
        "height": header.height,
        "channels": header.channels,
        "alpha": header.has_alpha,
        "tool": tool_of(container),
    }


def _summary(record: dict[str, Any]) -> str:
    """One line: ``out.bin -> back.png  768x512  0.12 s``."""
    seconds = record["seconds"]
    words = [f"{record['source']} -> {record['output']}", f"{record['width']}x{record['height']}", f"{seconds:.2f} s"]
    if "frames" in record:
        words.append(
            f"{record['frames']} frame{'s' * (record['frames'] != 1)}, {record['frames'] / seconds:.2f} a second"
        )
    return "  ".join(words)
