"""One job of ``encode``: read, encode to the goal, write, report."""

import argparse
import io
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vaecompress.encoder.effort import DEFAULT_EFFORT, Effort
from vaecompress.encoder.goal import Goal
from vaecompress.errors import InputError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.suffixes import VIDEO_SUFFIXES

from ..console import Console
from ..options import frames_at_once, threads_of
from . import resume
from .inputs import is_picture_data, is_video, read_standard_input
from .outputs import check_output, make_folder, standard_output, writing
from .plan import Job

if TYPE_CHECKING:
    from vaecompress.encoder.still import ImageEncoder
    from vaecompress.media.video_source import VideoSource


class Encoder:
    """Does jobs, in any number of threads. The model is loaded when it is first needed."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        """Raises :class:`UsageError` when the goal makes no sense."""
        self._options, self._console, self._limits = options, console, Limits()
        self._goal = Goal.from_options(options.quality, options.size, options.bpp, options.psnr)
        self._effort_level: int = options.effort or DEFAULT_EFFORT
        self._effort = Effort()
        self._codec: ImageEncoder | None = None
        self._loading = threading.Lock()

    def __call__(self, job: Job) -> int:
        """Do one job. Raises :class:`vaecompress.errors.VaecompressError`."""
        started = time.monotonic()
        stamp = self._stamp(job)
        if job.output is not None and not self._is_wanted(job.output, stamp):
            self._console.passed_over(job.subject, job.target)
            return 0
        record = self._encode(job, stamp)
        record["seconds"] = time.monotonic() - started
        self._console.notes(job.subject, record["notes"])
        self._console.done(_summary(record), record)
        return 0

    def _encode(self, job: Job, stamp: bytes | None) -> dict[str, Any]:
        """Encode a job; returns its record."""
        if job.sources:
            if len(job.sources) > 1 or self._options.fps or job.sources[0].is_dir() or is_video(job.sources[0]):
                return self._encode_video(job, job.sources, stamp)
            return self._encode_picture(job, job.sources[0], stamp)
        data = read_standard_input(self._limits)
        if is_picture_data(data):
            return self._encode_picture(job, data, stamp)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input"
            path.write_bytes(data)
            return self._encode_video(job, (path,), stamp)

    def _encode_picture(self, job: Job, source: Path | bytes, stamp: bytes | None) -> dict[str, Any]:
        from vaecompress.media.image_read import read_image
        from vaecompress.media.plain import plain

        image, notes = read_image(source, self._limits)
        if self._options.strip and image.metadata_bytes:
            notes.append(f"{image.metadata_bytes} bytes of metadata stripped")
            image, more = plain(image)
            notes += more
        pixels = image.width * image.height
        goal = self._goal if stamp is None else _with_room_for_stamp(self._goal, pixels)
        codec = self._image_codec()
        encoded = codec.encode(image, goal, effort=self._effort, progress=self._progress(job, "steps"))
        size_bytes = self._write(job, encoded.data, stamp)
        return {
            "source": job.subject,
            "output": job.target,
            "kind": "image",
            "width": image.width,
            "height": image.height,
            "channels": image.channels,
            "alpha": image.alpha is not None,
            "size_bytes": size_bytes,
            "bpp": 8 * size_bytes / pixels,
            "psnr_db": encoded.psnr_db,
            "quality": encoded.quality,
            "model": encoded.model,
            "notes": notes,
        }

    def _encode_video(self, job: Job, sources: tuple[Path, ...], stamp: bytes | None) -> dict[str, Any]:
        from vaecompress.encoder.video import encode_video

        quality = self._goal.quality
        if quality is None:
            raise UsageError("a video is encoded at a quality: give -q, not --size, --bpp or --psnr")
        video = self._open_video(sources)
        model = self._image_codec().model
        workers = frames_at_once(self._options, job.in_batch)
        with tempfile.TemporaryFile() as file:
            progress = self._progress(job, "frames")
            report = encode_video(video, file, model, quality, workers, progress=progress, effort=self._effort)
            file.seek(0)
            size_bytes = self._write(job, file, stamp)
        return {
            "source": job.subject,
            "output": job.target,
            "kind": "video",
            "width": video.width,
            "height": video.height,
            "frames": report.frames,
            "size_bytes": size_bytes,
            "bpp": 8 * size_bytes / (video.width * video.height * report.frames),
            "psnr_db": report.psnr_db,
            "quality": quality,
            "model": model.name,
            "notes": list(report.notes),
        }

    def _progress(self, job: Job, unit: str) -> Callable[[int, int | None], None] | None:
        """Shows the progress of the only video or picture; in a batch, files are counted instead."""
        return None if job.in_batch else lambda done, total: self._console.progress(done, total, unit)

    def _open_video(self, sources: tuple[Path, ...]) -> "VideoSource":
        from vaecompress.media.video import open_video

        first = sources[0]
        if len(sources) > 1 or first.is_dir() or not is_video(first):
            return open_video(first if first.is_dir() else sources, self._options.fps, self._limits)
        try:
            return open_video(first, self._options.fps, self._limits)
        except InputError as error:
            if first.suffix.lower() in VIDEO_SUFFIXES:
                raise
            raise InputError("is neither a picture nor a video in a format that is read") from error

    def _image_codec(self) -> "ImageEncoder":
        with self._loading:
            if self._codec is None:
                from vaecompress.encoder.prepare import prepare
                from vaecompress.encoder.still import ImageEncoder
                from vaecompress.models import registry

                model = registry.load(self._options.model, threads=threads_of(self._options))
                self._effort = prepare(self._effort_level, model)
                self._codec = ImageEncoder(model)
            return self._codec

    def _stamp(self, job: Job) -> bytes | None:
        """What marks a batch's output, for ``--resume`` to know it by."""
        if not job.in_batch:
            return None
        model_id = self._image_codec().model.model_id.hex()
        settings = f"{model_id} {self._goal} strip={self._options.strip} effort={self._effort_level}"
        return resume.stamp_of(job.sources[0], settings)

    def _is_wanted(self, output: Path, stamp: bytes | None) -> bool:
        """Whether ``output`` is to be made. Raises :class:`OutputError` when it is, and cannot be."""
        if stamp is not None:
            make_folder(output.parent)
            if self._options.resume and output.is_file():
                return not resume.pass_over(output, resume.is_encoded(output, stamp), self._options.force)
        check_output(output, self._options.force)
        return True

    def _write(self, job: Job, data: bytes | BinaryIO, stamp: bytes | None) -> int:
        """Put a stream to its place; returns its size in bytes."""
        stream = io.BytesIO(data) if isinstance(data, bytes) else data
        if job.output is None:
            output = standard_output()
            shutil.copyfileobj(stream, output)
            output.flush()
            return stream.tell()
        with writing(job.output, self._options.force) as part, part.open("wb") as file:
            if stamp is None:
                shutil.copyfileobj(stream, file)
            else:
                resume.copy_stamped(stream, file, stamp)
            return file.tell()


def _with_room_for_stamp(goal: Goal, pixels: int) -> Goal:
    max_bytes = goal.max_bytes(pixels)
    return goal if max_bytes is None else Goal(size_bytes=max(1, max_bytes - resume.STAMP_COST_BYTES))


def _summary(record: dict[str, Any]) -> str:
    """One line: ``in.png -> out.bin  24,310 bytes  0.495 bpp  33.21 dB  q60  0.41 s``."""
    seconds = record["seconds"]
    words = [
        f"{record['source']} -> {record['output']}",
        f"{record['size_bytes']:,} bytes",
        f"{record['bpp']:.3f} bpp",
        f"{record['psnr_db']:.2f} dB",
        f"q{record['quality']}",
        f"{seconds:.2f} s",
    ]
    if "frames" in record:
        words.append(f"{record['frames']} frames, {record['frames'] / seconds:.2f} a second")
    return "  ".join(words)
