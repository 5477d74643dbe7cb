"""Say what files are, without decoding them."""

import argparse
from typing import TYPE_CHECKING

from ..console import Console
from ..failures import one_line, printable
from ..jobs.batch import run_jobs
from ..jobs.inputs import input_path
from ..jobs.plan import Job
from ..jobs.source import content_of
from ..options import add_json_argument

if TYPE_CHECKING:
    from vaecompress.codec.info import Info


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("paths", nargs="+", metavar="FILE", help="streams; - is standard input")
    parser.add_argument("--verify", action="store_true", help="check every byte against the checksums of the file")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Describe each file on standard output; returns the exit code."""
    from vaecompress.codec.info import describe
    from vaecompress.limits import Limits

    console = Console.of(options)

    def say(job: Job) -> int:
        limits = Limits()
        info = describe(content_of(job, limits), limits, verify=options.verify)
        console.answer(_text(job.subject, info, options.verify), {"source": job.subject, **info.to_dict()})
        return 0

    jobs = [Job(() if path is None else (path,), None) for path in map(input_path, options.paths)]
    return run_jobs(jobs, say, 1, console)


def _text(name: str, info: "Info", verified: bool) -> str:
    colours = {1: "grey", 3: "RGB"}[info.channels] + (" with alpha" if info.alpha else "")
    lines = [f"{name}: {info.kind}, {info.width}x{info.height} {colours}, quality {info.quality}"]
    if info.duration_s is not None:
        rate = f", {info.frames / info.duration_s:.4g} a second" if info.duration_s else ""
        lines.append(f"  frames  {info.frames} in {info.duration_s:.2f} s{rate}")
    if info.aspect != (1, 1):
        lines.append("  pixels  {}:{}".format(*info.aspect))
    lines += [f"  sound   {stream}" for stream in info.sound]
    lines += [f"  tag     {printable(one_line(f'{name}: {value}'))}" for name, value in info.tags.items()]
    lines.append(f"  size    {info.size_bytes:,} bytes, {info.bpp:.3f} bpp")
    if info.tool is not None:
        lines.append(f"  tool    {info.tool}")
    if any(bytes.fromhex(info.model_id)):
        lines.append(f"  model   {info.model or 'not installed here'} ({info.model_id})")
    lines.append("  chunks  " + ", ".join(f"{kind} {size:,}" for kind, size in info.chunks))
    if verified:
        lines.append("  every checksum is right")
    return "\n".join(lines)
