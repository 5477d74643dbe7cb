"""One job of ``decode``: read, decode, write, report."""

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.bitstream import Container
from vaecompress.errors import CorruptError, UsageError
from vaecompress.limits import Limits

from ..console import Console
from ..options import frames_at_once, threads_of
from . import resume
from .inputs import read_standard_input
from .outputs import check_output, make_folder, standard_output, writing, writing_folder
from .plan import Job

if TYPE_CHECKING:
    from vaecompress.models.loaded import LoadedModel

_STANDARD_OUTPUT = Path("/dev/stdout")


class Decoder:
    """Does jobs, in any number of threads."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self._options, self._console, self._limits = options, console, Limits()

    def __call__(self, job: Job) -> int:
        """Do one job; returns the exit code. Raises :class:`vaecompress.errors.VaecompressError`."""
        started = time.monotonic()
        source = job.sources[0] if job.sources else read_standard_input(self._limits)
        with Container.open(source, self._limits, partial=self._options.allow_partial) as container:
            kind = container.header.kind
            format = self._format(job, kind)
            if not self._is_wanted(job, container, format):
                self._console.passed_over(job.subject, job.target)
                return 0
            decode = self._decode_video if kind == "video" else self._decode_picture
            record = {**_record(job, container), **decode(job, container, format)}
        record["seconds"] = time.monotonic() - started
        self._console.notes(job.subject, record["notes"])
        self._console.done(_summary(record), record)
        return CorruptError.exit_code if record.get("damage") else 0

    def _decode_picture(self, job: Job, container: Container, format: str) -> dict[str, Any]:
        from vaecompress.codec.still import ImageCodec
        from vaecompress.media.image_write import write_image

        image = ImageCodec(self._model(container)).decode(container)
        if job.output is not None:
            with writing(job.output, self._options.force) as part:
                return {"notes": write_image(image, part, format)}
        output = standard_output()
        notes = write_image(image, output, format)
        output.flush()
        return {"notes": notes}

    def _decode_video(self, job: Job, container: Container, format: str) -> dict[str, Any]:
        from vaecompress.codec.video import decode_video, read_colour, read_time_stamps
        from vaecompress.media.video_write import open_video_writer

        header, wanted = container.header, self._wanted_frames(len(container.frames))
        damage: list[str] = []
        on_damage = self._damage_reporter(job, damage)
        stamps = read_time_stamps(container, on_damage)
        workers = frames_at_once(self._options, job.in_batch)
        frames = decode_video(container, self._model(container), wanted, workers, on_damage)
        with self._place(job, format) as path:
            open_writer = partial(
                open_video_writer,
                path,
                format,
                width=header.width,
                height=header.height,
                time_base=stamps.time_base,
                colour=read_colour(container, on_damage),
                crf=self._options.crf,
            )
            writer = open_writer()
            written = 0
            try:
                for frame in frames:
                    if format == "frames":  # the numbers are those of the video's frames, whichever are lost
                        writer = open_writer(first_index=frame.index)
                    writer.write(frame.pixels, frame.pts)
                    written += 1
                    if not job.in_batch:
                        self._console.progress(written, len(wanted), "frames")
                if not written:
                    raise CorruptError("no frame is sound; fetch the file again")
                writer.close()
            except BaseException:
                writer.abandon()
                raise
        return {"frames": written, "damage": damage, "notes": writer.notes}

    def _damage_reporter(self, job: Job, damage: list[str]) -> Callable[[CorruptError], None] | None:
        """Names and collects damage where it is to be left out; None where it is an error."""
        if not self._options.allow_partial:
            return None

        def report(error: CorruptError) -> None:
            if str(error) not in damage:
                damage.append(str(error))
                self._console.line(f"vaecompress: {job.subject}: left out: {error}")

        return report

    def _wanted_frames(self, count: int) -> range:
        first, end = self._options.frames or (0, None)
        return range(first, count if end is None else end)

    def _format(self, job: Job, kind: str) -> str:
        """The format to write. Raises :class:`UsageError` where the output's name stands for none."""
        if kind == "image":
            from vaecompress.media.image_write import format_of

            if self._options.frames or self._options.crf is not None:
                raise UsageError(f"{job.subject}: is a picture; --frames and --crf are for videos")
            return "png" if job.output is None else format_of(job.output)
        if job.as_frames:
            return "frames"
        from vaecompress.media.video_write import video_format_of

        return "y4m" if job.output is None else video_format_of(job.output)

    def _is_wanted(self, job: Job, container: Container, format: str) -> bool:
        """Whether the output is to be made. Raises :class:`OutputError` when it is, and cannot be."""
        output, force = job.output, self._options.force
        if output is None:
            return True
        if job.in_batch:
            make_folder(output.parent)
            if self._options.resume and output.is_file():
                return not resume.pass_over(output, resume.is_decoded(output, container), force)
        check_output(output, force, folder=format == "frames")
        return True

    def _place(self, job: Job, format: str) -> AbstractContextManager[Path]:
        if job.output is None:
            standard_output()
            return nullcontext(_STANDARD_OUTPUT)
        return (writing_folder if format == "frames" else writing)(job.output, self._options.force)

    def _model(self, container: Container) -> "LoadedModel":
        from vaecompress.models import registry

        return registry.find(container.header.model_id, self._options.engine, threads_of(self._options))


def _record(job: Job, container: Container) -> dict[str, Any]:
    header = container.header
    return {
        "source": job.subject,
        "output": job.target,
        "kind": header.kind,
        "width": header.width,
        "height": header.height,
        "channels": header.channels,
        "alpha": header.has_alpha,
    }


def _summary(record: dict[str, Any]) -> str:
    """One line: ``out.bin -> back.png  768x512  0.12 s``."""
    seconds = record["seconds"]
    words = [f"{record['source']} -> {record['output']}", f"{record['width']}x{record['height']}", f"{seconds:.2f} s"]
    if "frames" in record:
        words.append(f"{record['frames']} frames, {record['frames'] / seconds:.2f} a second")
    return "  ".join(words)
