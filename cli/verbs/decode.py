"""Decode small files into pictures and videos."""

import argparse
import dataclasses
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vaecompress.errors import UsageError, VaecompressError
from vaecompress.media.suffixes import LOSSLESS_PICTURES, LOSSLESS_VIDEOS, STREAM_SUFFIXES

from ..console import Console
from ..jobs.batch import run_jobs
from ..jobs.inputs import Found, Search
from ..jobs.outputs import make_folder
from ..jobs.plan import Job, Request, jobs_into, read_request
from ..options import add_audio_argument, add_file_arguments, files_at_once, frame_range, positive_integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress decode out.bin back.png\n"
        "       vaecompress decode clip.bin back.mp4 [--crf 20]\n"
        "       vaecompress decode clip.bin -o frames/ [--frames 10:20]\n"
        "       vaecompress decode clip.bin one.png --frames 7\n"
        "       vaecompress decode streams/ more.bin -o DIR [-j 2] [--resume | --update]"
    )
    add_file_arguments(parser, "one file each (a.png.bin becomes a.png), or the frames of one video")
    parser.add_argument("--frames", type=frame_range, metavar="10:20", help="these frames only, the last one excluded")
    parser.add_argument("--crf", type=int, metavar="0..51", help="mp4 and mkv in 4:2:0 at this quality, not lossless")
    parser.add_argument(
        "--fit", type=positive_integer, metavar="SIDE", help="no larger than so many pixels a side; of a video, a frame"
    )
    add_audio_argument(parser)
    parser.add_argument("--allow-partial", action="store_true", help="write what is sound of a damaged file; exit 4")
    parser.add_argument(
        "--engine", choices=("auto", "onnxruntime", "openvino", "reference"), default="auto", help="what computes"
    )


def run(options: argparse.Namespace) -> int:
    """Decode; returns the exit code."""
    from ..jobs.decode_job import Decoder

    console = Console.of(options)
    jobs = _jobs(read_request(options), options.allow_partial, console)
    return run_jobs(jobs, Decoder(options, console), files_at_once(options), console)


def _jobs(request: Request, partial: bool, console: Console) -> list[Job]:
    if not request.into_folder or request.output is None:
        if len(request.inputs) > 1:
            raise UsageError("several inputs for one output: -o DIR makes one file each")
        return [Job(tuple(path for path in request.inputs if path is not None), request.output)]
    files = request.files
    if len(files) == 1 and os.path.isfile(files[0]) and _kind(files[0], partial) == "video":
        return [Job((files[0],), request.output, as_frames=True)]
    search = Search(STREAM_SUFFIXES)
    jobs = jobs_into(request.output, _named(search.files(files), partial))
    search.report(console, f"not named {' or '.join(sorted(STREAM_SUFFIXES))}")
    make_folder(request.output)
    return jobs


def _named(streams: Iterable[Found], partial: bool) -> list[Found]:
    """The streams with the places of what they become.

    ``a.jpg.bin`` and ``a.jpg.png.bin`` would both be ``a.jpg.png``: such twins keep the whole name of their stream.
    """
    found = list(streams)
    places = [_place(stream, partial) for stream in found]
    count = Counter(places)
    return [
        dataclasses.replace(
            stream,
            place=place if count[place] == 1 else stream.place.with_name(stream.place.name + place.suffix),
        )
        for stream, place in zip(found, places, strict=True)
    ]


def _place(stream: Found, partial: bool) -> Path:
    place = stream.place
    if stream.trouble is not None:
        return place
    stem = place.with_suffix("") if place.suffix.lower() in STREAM_SUFFIXES else place
    kept, default = (LOSSLESS_VIDEOS, ".mp4") if _kind(stream.path, partial) == "video" else (LOSSLESS_PICTURES, ".png")
    return stem if stem.suffix.lower() in kept else stem.with_name(stem.name + default)


def _kind(path: Path, partial: bool) -> str | None:
    """``image`` or ``video``; None for what is neither, which fails when its turn comes."""
    from vaecompress.bitstream import Container

    try:
        with Container.open(path, partial=partial) as container:
            return container.header.kind
    except VaecompressError:
        return None
