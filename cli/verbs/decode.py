"""Decode small files into pictures and videos."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from vaecompress.errors import UsageError, VaecompressError

from ..console import Console
from ..jobs.batch import run_jobs
from ..jobs.inputs import STREAM_SUFFIX, find_files
from ..jobs.outputs import make_folder
from ..jobs.plan import Job, Request, jobs_into, read_request
from ..options import add_file_arguments, files_at_once, frame_range

_PICTURE_NAMES = frozenset({".png", ".webp", ".tif", ".tiff"})
_VIDEO_NAMES = frozenset({".mp4", ".mkv", ".y4m"})
"""Suffixes that a derived name may keep: formats that are written without loss, alpha and time stamps included."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress decode out.bin back.png\n"
        "       vaecompress decode clip.bin back.mp4 [--crf 20]\n"
        "       vaecompress decode clip.bin -o frames/ [--frames 10:20]\n"
        "       vaecompress decode streams/ more.bin -o DIR [-j 2] [--resume]"
    )
    add_file_arguments(parser, "one file each (a.png.bin becomes a.png), or the frames of one video")
    parser.add_argument("--frames", type=frame_range, metavar="10:20", help="these frames only, the last one excluded")
    parser.add_argument("--crf", type=int, metavar="0..51", help="mp4 and mkv in 4:2:0 at this quality, not lossless")
    parser.add_argument("--allow-partial", action="store_true", help="write what is sound of a damaged file; exit 4")
    parser.add_argument("--engine", choices=("onnxruntime", "reference"), default="onnxruntime", help="what computes")


def run(options: argparse.Namespace) -> int:
    """Decode; returns the exit code."""
    from ..jobs.decode_job import Decoder

    console = Console(options.json, options.verbose)
    jobs = _jobs(read_request(options), options.allow_partial, console)
    return run_jobs(jobs, Decoder(options, console), files_at_once(options), console)


def _jobs(request: Request, partial: bool, console: Console) -> list[Job]:
    if not request.into_folder or request.output is None:
        if len(request.inputs) > 1:
            raise UsageError("several inputs for one output: -o DIR makes one file each")
        return [Job(tuple(path for path in request.inputs if path is not None), request.output)]
    files = request.files
    if len(files) == 1 and files[0].is_file() and _kind(files[0], partial) == "video":
        return [Job((files[0],), request.output, as_frames=True)]
    left_out: list[Path] = []
    found = find_files(files, (STREAM_SUFFIX,), left_out)
    jobs = jobs_into(request.output, _named(found, partial))
    if left_out:
        console.line(f"note: files left out, not named {STREAM_SUFFIX}: {len(left_out)}")
    make_folder(request.output)
    return jobs


def _named(found: Iterator[tuple[Path, Path]], partial: bool) -> Iterator[tuple[Path, Path]]:
    for path, place in found:
        stem = place.with_suffix("") if place.suffix == STREAM_SUFFIX else place
        kept, default = (_VIDEO_NAMES, ".mp4") if _kind(path, partial) == "video" else (_PICTURE_NAMES, ".png")
        yield path, stem if stem.suffix.lower() in kept else stem.with_name(stem.name + default)


def _kind(path: Path, partial: bool) -> str | None:
    """``image`` or ``video``; None for what is neither, which fails when its turn comes."""
    from vaecompress.bitstream import Container

    try:
        with Container.open(path, partial=partial) as container:
            return container.header.kind
    except VaecompressError:
        return None
