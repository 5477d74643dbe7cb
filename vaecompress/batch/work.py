"""One task, start to end: read, code, write, record. No engine in here."""

import hashlib
import io
import os
import resource
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vaecompress.batch import store
from vaecompress.batch.store import StoreError
from vaecompress.batch.task import Record, Settings, Task
from vaecompress.errors import LimitError, OutputError, UnsupportedError, UsageError, VaecompressError
from vaecompress.limits import Limits
from vaecompress.media.suffixes import LOSSLESS_PICTURES, LOSSLESS_VIDEOS, VIDEO_SUFFIXES
from vaecompress.models.loaded import LoadedModel

if TYPE_CHECKING:
    from vaecompress.encoder.goal import Goal

BUG = 1
_LIMITS = Limits()
_MIN_FRAME_DB, _MAX_FRAME_DB = 0.0, 100.0

Coded = tuple[str, "bytes | Path", dict[str, Any]]
"""The output's final name, its bytes or a file of them, and what the record says of them."""


def encode_file(task: Task) -> Record:
    """Encode a picture or video on one thread; the record says what came of it.

    A fault of the file is told by ``error`` and ``exit_code``. Raises :class:`vaecompress.errors.OutputError` where the
    output cannot be written, which concerns every file that is to follow.
    """
    return _do(task, _encoded)


def decode_file(task: Task) -> Record:
    """Decode a stream on one thread, as :func:`encode_file` does.

    ``a.png`` keeps its name; another picture gets ``.png`` added, another video ``.mp4``, both without loss.
    """
    return _do(task, _decoded)


def lost(task: Task, error: str, exit_code: int) -> Record:
    """The record of a task whose worker did not live to write one."""
    return _record(task, time.monotonic(), time.process_time(), 1, {"error": error, "exit_code": exit_code})


def _do(task: Task, code: Callable[[Task, Path, "bytes | Path"], Coded]) -> Record:
    started, cpu = time.monotonic(), time.process_time()
    attempts = 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            (task, source), attempts = store.attempt(lambda: _source(task, Path(folder)), task.source, task.retries)
            output, data, found = code(task, Path(folder), source)
        except StoreError as error:
            found = {"error": str(error), "exit_code": 3, "again": True}
            return _record(task, started, cpu, error.attempts, found)
        except (VaecompressError, MemoryError) as error:
            return _record(task, started, cpu, attempts, _fault(task, error, folder))
        except Exception as error:  # a bug of ours must not cost the files that follow
            told = f"{task.source}: bug: {type(error).__name__}: {' '.join(str(error).split())}"
            return _record(task, started, cpu, attempts, {"error": told, "exit_code": BUG})
        try:
            _, tries = store.attempt(lambda: store.put(output, data), output, task.retries)
        except StoreError as error:
            raise OutputError(f"cannot be written: {error}") from error
        found |= {"output": output, **_measured(data)}
    if task.settings.verb == "encode":
        found["bpp"] = 8 * found["output_bytes"] / (found["width"] * found["height"] * found.get("frames", 1))
    return _record(task, started, cpu, max(attempts, tries), found)


def _source(task: Task, folder: Path) -> tuple[Task, bytes | Path]:
    """The task with its source's size and version, and that source: the bytes of a picture, or a copy of a video."""
    if not task.version:
        size_bytes, version = store.describe(task.source)
        task = replace(task, size_bytes=size_bytes, version=version)
    _LIMITS.check_file(task.size_bytes)
    suffix = PurePosixPath(task.source).suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        return task, store.read(task.source)
    local = store.local_path(task.source)
    if local is None:
        local = folder / f"source{suffix}"
        store.fetch(task.source, local)
    return task, local


def _encoded(task: Task, folder: Path, source: "bytes | Path") -> Coded:
    return _encoded_picture(task, source) if isinstance(source, bytes) else _encoded_video(task, folder, source)


def _encoded_picture(task: Task, source: bytes) -> Coded:
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.still import ImageEncoder
    from vaecompress.encoder.tools.webp import encode_lossless
    from vaecompress.media.image_read import read_image

    settings = task.settings
    model = None if settings.lossless else _model(settings)
    image, notes = read_image(source, _LIMITS, exact=settings.lossless)
    if model is None:
        encoded = encode_lossless(image, settings.strip)
    else:
        goal, others = _goal(settings), settings.tools == "all"
        effort = prepare(settings.effort, model, settings.tune)
        encoded = ImageEncoder(model).encode(
            image, goal, settings.strip, effort, other_tools=others, exact_alpha=settings.exact_alpha
        )
    found = {
        "kind": "image",
        "width": image.width,
        "height": image.height,
        "psnr_db": _finite_db(encoded.psnr_db),
        "quality": encoded.quality,
        "tool": encoded.tool.label,
        "notes": (*notes, *encoded.notes),
    }
    return task.output, encoded.data, found


def _encoded_video(task: Task, folder: Path, source: Path) -> Coded:
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.video import encode_video
    from vaecompress.media.video import open_video

    settings = task.settings
    if settings.lossless:
        raise UsageError("is a video: lossless is for pictures")
    goal = _goal(settings)
    model = _model(settings)
    video = open_video(source, None, _LIMITS)
    output = folder / "output"
    with output.open("w+b") as file:
        effort = prepare(settings.effort, model, settings.tune)
        report = encode_video(video, file, model, goal, effort=effort, strip=settings.strip)
    found = {
        "kind": "video",
        "width": video.width,
        "height": video.height,
        "frames": report.frames,
        "psnr_db": _finite_db(report.psnr_db),
        "quality": report.quality,
        "notes": report.notes,
    }
    return task.output, output, found


def _decoded(task: Task, folder: Path, source: "bytes | Path") -> Coded:
    from vaecompress.bitstream import Container

    with Container.open(source, _LIMITS) as container:
        header = container.header
        found = {"kind": header.kind, "width": header.width, "height": header.height, "quality": header.quality}
        if header.kind == "image":
            return _decoded_picture(task, container, found)
        return _decoded_video(task, container, _model(task.settings, header.model_id), found, folder)


def _decoded_picture(task: Task, container: Any, found: dict[str, Any]) -> Coded:
    from vaecompress.codec.still import decode_image
    from vaecompress.media.image_write import format_of, write_image

    output = _named(task, LOSSLESS_PICTURES, ".png")
    image, data = decode_image(container, lambda model_id: _model(task.settings, model_id)), io.BytesIO()
    notes = write_image(image, data, format_of(PurePosixPath(output).name))
    return output, data.getvalue(), {**found, "notes": tuple(notes)}


def _decoded_video(task: Task, container: Any, model: LoadedModel, found: dict[str, Any], folder: Path) -> Coded:
    from vaecompress.bitstream.presentation import end_of_frame
    from vaecompress.codec.sound import open_sound
    from vaecompress.codec.video import decode_video, read_colour, read_description, read_time_stamps
    from vaecompress.media.video_write import open_video_writer, video_format_of

    output = _named(task, LOSSLESS_VIDEOS, ".mp4")
    target = folder / f"output{PurePosixPath(output).suffix.lower()}"
    count = len(container.frames)
    sound, stamps = open_sound(container), read_time_stamps(container)
    writer = open_video_writer(
        target,
        video_format_of(target),
        width=found["width"],
        height=found["height"],
        time_base=stamps.time_base,
        colour=read_colour(container),
        sound=None if sound is None else sound.whole,
        description=read_description(container),
    )
    try:
        for frame in decode_video(container, model, range(count), 1):
            writer.write(frame.pixels, frame.pts)
        writer.close(end_of_frame(container, stamps, count - 1))
    except BaseException:
        writer.abandon()
        raise
    return output, target, {**found, "frames": count, "notes": tuple(writer.notes)}


def _goal(settings: Settings) -> "Goal":
    from vaecompress.encoder.goal import Goal

    return Goal.from_options(settings.quality, settings.size_bytes, settings.bpp, settings.psnr_db, settings.kbps)


def _named(task: Task, kept: frozenset[str], suffix: str) -> str:
    return task.output if PurePosixPath(task.output).suffix.lower() in kept else task.output + suffix


def _model(settings: Settings, stream_model: bytes | None = None) -> LoadedModel:
    """The model of the settings or the stream. Raises UnsupportedError where a worker has another one by that name."""
    from vaecompress.models import registry

    if stream_model is not None:
        return registry.find(stream_model, threads=1)
    model = registry.load(settings.model, threads=1)
    if settings.model_id not in ("", model.model_id.hex()):
        raise UnsupportedError(
            f"this worker's model is {model.model_id.hex()}, not {settings.model_id}: install it there"
        )
    return model


def _finite_db(psnr_db: float) -> float:
    """JSON has no infinity: a picture without error has 100 dB."""
    return min(max(psnr_db, _MIN_FRAME_DB), _MAX_FRAME_DB)


def _fault(task: Task, error: VaecompressError | MemoryError, folder: str) -> dict[str, Any]:
    if isinstance(error, MemoryError):
        return {"error": f"{task.source}: does not fit into memory", "exit_code": LimitError.exit_code}
    text = " ".join(str(error).split()).removeprefix("input: ").removeprefix(f"{store.local_path(task.source)}: ")
    if text.startswith(folder):  # the copy that a video is read from
        text = text.partition(": ")[2]
    return {"error": f"{task.source}: {text}", "exit_code": error.exit_code}


def _measured(data: "bytes | Path") -> dict[str, Any]:
    if isinstance(data, bytes):
        return {"output_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with data.open("rb") as file:
        return {"output_bytes": data.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _record(task: Task, started: float, cpu: float, attempts: int, found: dict[str, Any]) -> Record:
    return Record(
        **{
            "source": task.source,
            "etag": task.version,
            "source_bytes": task.size_bytes,
            "target": task.output,
            "output": "",
            "settings": task.settings.text,
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "worker": f"{socket.gethostname()}/{os.getpid()}",
            "attempts": attempts,
            "seconds": round(time.monotonic() - started, 4),
            "cpu_s": round(time.process_time() - cpu, 4),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            **found,
        }
    )
