"""Encode pictures and videos into small files."""

import argparse
import dataclasses
from pathlib import Path

from vaecompress.errors import UsageError
from vaecompress.media.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES

from ..console import Console
from ..jobs.batch import run_jobs
from ..jobs.denoise import ESTIMATED, NOISE_HELP, noise
from ..jobs.inputs import STREAM_SUFFIX, Found, Search
from ..jobs.outputs import make_folder
from ..jobs.plan import Job, Request, jobs_into, read_request
from ..options import (
    add_audio_argument,
    add_file_arguments,
    add_goal_arguments,
    files_at_once,
    frame_rate,
    path,
    positive_integer,
)

_MEDIA_SUFFIXES = PICTURE_SUFFIXES | VIDEO_SUFFIXES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress encode in.png out.bin [-q 50 | --size 40k | --bpp 0.5 | --psnr 34]\n"
        "       vaecompress encode clip.mp4 clip.bin\n"
        "       vaecompress encode frames/ clip.bin [--fps 24]\n"
        "       vaecompress encode photos/ more.jpg -o DIR [-j 2] [--resume | --update]"
    )
    add_file_arguments(parser, "one file each, named a.png.bin")
    add_goal_arguments(parser)
    parser.add_argument(
        "--gop", type=positive_integer, metavar="N", help="a frame of a video is coded on its own every N at most (128)"
    )
    add_audio_argument(parser)
    parser.add_argument(
        "--allow-partial", action="store_true", help="leave out what is damaged of a video, name it, exit 3"
    )
    parser.add_argument(
        "--roi", type=path, metavar="MASK", help="picture that is white where quality matters, black where least"
    )
    parser.add_argument(
        "--denoise", nargs="?", type=noise, const=ESTIMATED, metavar="S", help="remove noise first: " + NOISE_HELP
    )
    parser.add_argument("--fps", type=frame_rate, help="pictures become one video with so many frames a second (24)")


def run(options: argparse.Namespace) -> int:
    """Encode; returns the exit code."""
    from ..jobs.encode_job import Encoder

    console = Console.of(options)
    jobs = _jobs(read_request(options), options.fps is not None, console)
    return run_jobs(jobs, Encoder(options, console), files_at_once(options), console)


def _jobs(request: Request, frames: bool, console: Console) -> list[Job]:
    output = request.output
    if request.into_folder and output is not None:
        if frames:
            raise UsageError("--fps makes one video: name one output file")
        return _batch(request.files, output, console)
    if output is not None and output.suffix.lower() in _MEDIA_SUFFIXES:
        raise UsageError(f"{output}: no name for a stream: name an output such as {output.stem}{STREAM_SUFFIX}")
    if frames and None in request.inputs:
        raise UsageError("--fps goes with pictures that are named, not with standard input")
    if frames:
        return [Job(tuple(request.files), output)]
    if len(request.inputs) > 1:
        raise UsageError("several inputs for one output: -o DIR makes one file each, --fps 24 one video of them all")
    return [Job(tuple(path for path in request.inputs if path is not None), output)]


def _batch(files: list[Path], folder: Path, console: Console) -> list[Job]:
    search = Search(_MEDIA_SUFFIXES)
    jobs = jobs_into(folder, map(_named, search.files(files)))
    search.report(console, "neither pictures nor videos by their names")
    make_folder(folder)
    return jobs


def _named(found: Found) -> Found:
    """With the name of its stream; a folder that cannot be read has no other."""
    return dataclasses.replace(found, place=found.place.parent / (found.place.name + STREAM_SUFFIX))
