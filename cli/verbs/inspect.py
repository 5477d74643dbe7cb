"""Say where the bits of a picture or video go, and draw it into a report: one HTML file that needs no network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.errors import InputError, UsageError

from ..console import Console
from ..jobs.inputs import input_path, output_path
from ..jobs.outputs import check_output, writing
from ..jobs.plan import Job
from ..jobs.source import content_of
from ..options import add_json_argument, add_quiet_argument, effort, path, quality

if TYPE_CHECKING:
    from vaecompress.apply.inspect import PictureFindings
    from vaecompress.apply.inspect_video import VideoFindings
    from vaecompress.limits import Limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress inspect a.bin -o report.html [--original a.png]\n       vaecompress inspect a.png -q 60 --json"
    )
    parser.add_argument("file", metavar="FILE", help="a stream, or a picture to encode first; - is standard input")
    parser.add_argument("-o", "--output", metavar="HTML", help="the report to write")
    parser.add_argument("-f", "--force", action="store_true", help="replace a report that exists")
    parser.add_argument("--original", type=path, metavar="PICTURE", help="what a stream was made of, to draw its error")
    parser.add_argument("-q", "--quality", type=quality, metavar="1..100", help="quality to encode a picture at (60)")
    parser.add_argument("--effort", type=effort, metavar="0..9", help="effort to encode a picture with (3)")
    parser.add_argument("--model", metavar="NAME", help="model to encode a picture with")
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Look into one file; returns the exit code. Raises UsageError for options that do not go with the file."""
    from vaecompress.apply.inspect import inspect_picture
    from vaecompress.apply.inspect_report import picture_report
    from vaecompress.apply.inspect_video import inspect_video
    from vaecompress.apply.video_report import video_report
    from vaecompress.bitstream import Container, Tool
    from vaecompress.bitstream.directory import MAGIC
    from vaecompress.codec.info import tool_of
    from vaecompress.limits import Limits
    from vaecompress.media.image_read import read_image
    from vaecompress.models import registry

    console, source, limits = Console.of(options), input_path(options.file), Limits()
    output = None if options.output is None else output_path(options.output)
    if options.output is not None and output is None:
        raise UsageError("the report is a file: name it with -o")
    if output is not None:
        check_output(output, options.force)
    job = Job(() if source is None else (source,), output)
    content = content_of(job, limits)
    data = _read(content, limits) if isinstance(content, Path) else content
    original: Path | bytes | None = options.original
    if not data.startswith(MAGIC):
        if original is not None:
            raise UsageError("--original goes with a stream: a picture is its own")
        original, data = data, _encoded(data, options)
    elif (options.quality, options.effort, options.model) != (None, None, None):
        raise UsageError("-q, --effort and --model go with a picture: a stream is encoded already")
    with Container.open(data, limits) as container:
        if (tool := tool_of(container)) not in (None, Tool.LEARNED.label):
            raise UsageError(f"{job.subject}: is coded with {tool}: inspect shows what networks code")
        model = registry.load(options.model) if options.model else registry.find(container.header.model_id)
        if container.header.kind == "video":
            if original is not None:
                raise UsageError("--original goes with a picture's stream, not with a video's")
            video = inspect_video(container, model)
            record, lines = video.to_dict(), _layers(video)
            report = "" if output is None else video_report(video, job.subject)
        else:
            pixels = None if original is None else read_image(original, limits)[0].pixels
            picture = inspect_picture(container, model, pixels)
            record, lines = picture.to_dict(), _parts(picture)
            report = "" if output is None else picture_report(picture, model, job.subject)
    text = "\n".join([_first_line(job.subject, record), *lines])
    if output is not None:
        with writing(output, options.force) as part:
            part.write_text(report, encoding="utf-8")
        text += f"\n  report  {output}"
        record["report"] = str(output)
    if options.json or not options.quiet:
        console.answer(text, {"source": job.subject, **record})
    return 0


def _read(path: Path, limits: "Limits") -> bytes:
    try:
        limits.check_file(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _encoded(picture: bytes, options: argparse.Namespace) -> bytes:
    import vaecompress
    from vaecompress.defaults import DEFAULT_EFFORT

    return vaecompress.encode(
        picture,
        options.quality,
        model=options.model,
        effort=DEFAULT_EFFORT if options.effort is None else options.effort,
        strip=True,
        tools="learned",
    )


def _first_line(name: str, record: dict[str, Any]) -> str:
    size = f"{record['width']}x{record['height']}, quality {record['quality']}"
    return f"{name}: {size}, {record['size_bytes']:,} bytes, {record['bpp']:.3f} bpp"


def _parts(found: "PictureFindings") -> list[str]:
    return [f"  {part.size_bytes:>10,.0f}  {part.name}" for part in found.parts]


def _layers(found: "VideoFindings") -> list[str]:
    return [
        f"  {sum(frame.size_bytes for frame in frames):>10,}  layer {layer}, {len(frames)} frames, "
        f"{sum(frame.motion_bytes for frame in frames):,} of it motion"
        for layer, frames in found.layers().items()
    ]
