"""One job of ``encode``: read, encode to the goal, write, report."""

import argparse
import io
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from math import isinf
from typing import TYPE_CHECKING, Any, BinaryIO

from vaecompress.arguments import check_tools
from vaecompress.bitstream import Tool
from vaecompress.defaults import DEFAULT_EFFORT, DEFAULT_GROUP
from vaecompress.encoder.effort import Effort
from vaecompress.encoder.goal import Goal
from vaecompress.errors import InputError, UsageError
from vaecompress.limits import Limits
from vaecompress.models.default import STILL, VIDEO

from ..console import Console
from ..options import frames_at_once, threads_of
from . import resume
from .denoise import denoised
from .inputs import is_video
from .plan import Job
from .sink import Sink
from .source import Source

if TYPE_CHECKING:
    from vaecompress.encoder.tools.file import Encoded
    from vaecompress.media.image import Image
    from vaecompress.models.loaded import LoadedModel


LEARNED = Tool.LEARNED.label


class Encoder:
    """Does jobs, in any number of threads. The model is loaded when it is first needed."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        """Raises :class:`UsageError` when the goal makes no sense."""
        self._options, self._console, self._limits = options, console, Limits()
        self._goal = Goal.from_options(options.quality, options.size, options.bpp, options.psnr, options.kbps)
        check_tools(options.tools, options.lossless, (options.roi, options.denoise))
        self._effort_level: int = DEFAULT_EFFORT if options.effort is None else options.effort
        self._effort = Effort()
        self._models: dict[str, LoadedModel] = {}
        self._loading = threading.Lock()

    def __call__(self, job: Job) -> int:
        """Do one job; returns the exit code. Raises :class:`vaecompress.errors.VaecompressError`."""
        stamp, sink = self._stamp(job), Sink(job, self._options)
        is_done = partial(resume.is_encoded, stamp=stamp)
        codes: list[int] = []
        sink.deliver(is_done, lambda: self._encode(job, sink, stamp, codes), self._console)
        return max(codes, default=0)

    def _encode(self, job: Job, sink: Sink, stamp: bytes | None, codes: list[int]) -> None:
        started = time.monotonic()
        source = Source.of(job, self._options.fps, self._limits)
        with sink.file() as file:
            encode = self._encode_video if source.is_video else self._encode_picture
            record = {"source": job.subject, "output": job.target, **encode(job, source, sink, file, stamp)}
        record["seconds"] = time.monotonic() - started
        self._console.notes(job.subject, record["notes"])
        self._console.done(_summary(record), record)
        codes.append(InputError.exit_code if record.get("damaged") else 0)

    def _encode_picture(
        self, job: Job, source: Source, sink: Sink, file: BinaryIO, stamp: bytes | None
    ) -> dict[str, Any]:
        from vaecompress.media.image_read import read_image
        from vaecompress.media.plain import plain

        assert not isinstance(source.content, tuple)
        image, notes = read_image(source.content, self._limits, exact=self._options.lossless)
        if self._options.strip and image.metadata_bytes:
            notes.append(f"{image.metadata_bytes} bytes of metadata stripped")
            image, more = plain(image)
            notes += more
        encoded = self._coded(job, image, stamp, notes)
        pixels = image.width * image.height
        size_bytes = _finish(io.BytesIO(encoded.data), file, sink, stamp)
        return {
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
            "tool": encoded.tool.label,
            "notes": notes,
        }

    def _coded(self, job: Job, image: "Image", stamp: bytes | None, notes: list[str]) -> "Encoded":
        """The file of a picture; a mask, whose errors do not count alike, is for networks only."""
        if self._options.lossless:
            from vaecompress.encoder.tools.webp import encode_lossless

            return encode_lossless(image)
        from vaecompress.apply.region import masked, read_mask
        from vaecompress.encoder.still import ImageEncoder

        if self._options.denoise is not None:
            image, sigma = denoised(image, self._options.denoise, self._model(STILL), self._progress(job, "passes"))
            notes.append(f"noise of {sigma:.1f} levels removed; PSNR is against the picture without it")
        goal = self._goal if stamp is None else _with_room_for_stamp(self._goal, image.width * image.height)
        codec, effort, others = ImageEncoder(self._model(STILL)), self._effort, self._options.tools == "all"
        if self._options.roi is not None:
            mask, more = read_mask(self._options.roi, image.width, image.height, self._limits)
            effort, others = masked(effort, mask), False
            notes += more
        encoded = codec.encode(
            image,
            goal,
            effort=effort,
            progress=self._progress(job, "steps"),
            other_tools=others,
            exact_alpha=self._options.exact_alpha,
        )
        notes += encoded.notes if self._options.roi is None else ()
        return encoded

    def _encode_video(
        self, job: Job, source: Source, sink: Sink, file: BinaryIO, stamp: bytes | None
    ) -> dict[str, Any]:
        from vaecompress.encoder.video import encode_video

        if self._options.lossless:
            raise UsageError("is a video: --lossless is for pictures; give -q")
        if self._options.roi is not None or self._options.denoise is not None:
            raise UsageError("--roi and --denoise go with pictures, not with a video")
        workers = frames_at_once(self._options, job.in_batch)
        progress = self._progress(job, "frames")
        with ExitStack() as stack:
            video = stack.enter_context(source.open_video(self._options.fps, self._limits, self._options.allow_partial))
            model = self._model(VIDEO)
            plain = file if stamp is None else stack.enter_context(tempfile.TemporaryFile(dir=sink.spool_dir))
            group = DEFAULT_GROUP if self._options.gop is None else self._options.gop
            report = encode_video(
                video,
                plain,
                model,
                self._goal,
                workers,
                sink.spool_dir,
                progress,
                effort=self._effort,
                group=group,
                sound=not self._options.no_audio,
                strip=self._options.strip,
                looking=self._progress(job, "frames looked at"),
                spare_bytes=0 if stamp is None else resume.STAMP_COST_BYTES,
            )
            size_bytes = _finish(plain, file, sink, stamp)
        return {
            "kind": "video",
            "width": video.width,
            "height": video.height,
            "frames": report.frames,
            "size_bytes": size_bytes,
            "sound_bytes": report.sound_bytes,
            "bpp": 8 * size_bytes / (video.width * video.height * report.frames),
            "psnr_db": report.psnr_db,
            "quality": report.quality,
            "kbit_per_s": report.kbit_per_s,
            "model": model.name,
            "damaged": video.is_damaged,
            "notes": list(report.notes),
        }

    def _progress(self, job: Job, unit: str) -> Callable[[int, int | None], None] | None:
        """Shows the progress of the only video or picture; in a batch, files are counted instead."""
        return None if job.in_batch else lambda done, total: self._console.progress(done, total, unit)

    def _model(self, kind: str) -> "LoadedModel":
        """The model that was asked for, or the default one of a kind."""
        with self._loading:
            if kind not in self._models:
                from vaecompress.encoder.prepare import prepare
                from vaecompress.models import registry

                model = registry.load(self._options.model, threads=threads_of(self._options), kind=kind)
                self._effort = prepare(self._effort_level, model, self._options.tune)
                self._models[kind] = model
            return self._models[kind]

    def _stamp(self, job: Job) -> bytes | None:
        """What marks a batch's output, for ``--resume`` to know it by."""
        if not job.in_batch:
            return None
        kept = f"strip={self._options.strip} exact_alpha={self._options.exact_alpha}"
        if self._options.lossless:
            return resume.stamp_of(job.sources[0], f"lossless {kept}")
        model_id = self._model(VIDEO if is_video(job.sources[0]) else STILL).model_id.hex()
        options = self._options
        how = f"effort={self._effort_level} tune={options.tune} tools={options.tools}"
        if is_video(job.sources[0]):
            how += f" gop={options.gop} audio={not options.no_audio}"
        if options.denoise is not None:
            how += f" denoise={options.denoise}"
        if options.roi is not None:
            how += f" roi={resume.stamp_of(options.roi, '').hex()}"
        return resume.stamp_of(job.sources[0], f"{model_id} {self._goal} {kept} {how}")


def _finish(stream: BinaryIO, file: BinaryIO, sink: Sink, stamp: bytes | None) -> int:
    """Put ``stream`` into ``file``, unless it is that already, with its stamp; returns the size in bytes."""
    if stamp is not None:
        stream.seek(0)
        resume.copy_stamped(stream, file, stamp, sink.spool_dir)
    elif stream is not file:
        file.write(stream.read())
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
        *([f"{record['kbit_per_s']:.0f} kbit/s"] if record.get("kbit_per_s") else []),
        "exact" if isinf(record["psnr_db"]) else f"{record['psnr_db']:.2f} dB",
        f"q{record['quality']}",
        *([record["tool"]] if record.get("tool", LEARNED) != LEARNED else []),
        f"{seconds:.2f} s",
    ]
    if "frames" in record:
        words.append(
            f"{record['frames']} frame{'s' * (record['frames'] != 1)}, {record['frames'] / seconds:.2f} a second"
        )
    return "  ".join(words)
