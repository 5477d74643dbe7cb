"""Remove noise from a picture, as what a compression model finds not worth its bits."""

import argparse
import io
import time

from vaecompress.limits import Limits

from ..console import Console
from ..jobs.batch import run_jobs
from ..jobs.denoise import NOISE_HELP, denoised
from ..jobs.plan import Job, read_request
from ..jobs.sink import Sink
from ..jobs.source import content_of
from ..options import add_json_argument, add_quiet_argument, positive_number, thread_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = "vaecompress denoise in.png out.png [--sigma 25]"
    parser.add_argument("paths", nargs=2, metavar="PATH", help="input and output; - for pipes")
    parser.add_argument("--sigma", type=positive_number, metavar="S", help=NOISE_HELP)
    parser.add_argument("--model", metavar="NAME", help="a name that 'vaecompress models' lists, or a .vcm file")
    parser.add_argument("-f", "--force", action="store_true", help="replace an output that exists")
    parser.add_argument("--threads", type=thread_count, metavar="N", help="threads (all cores)")
    parser.set_defaults(output=None, resume=False, keep_times=False)
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Denoise one picture; returns the exit code."""
    from vaecompress.media.image_read import read_image
    from vaecompress.media.image_write import format_of, write_image
    from vaecompress.models import registry

    console, request = Console.of(options), read_request(options)
    format = "png" if request.output is None else format_of(request.output)

    def work(job: Job) -> int:
        started, sink, limits = time.monotonic(), Sink(job, options), Limits()
        image, notes = read_image(content_of(job, limits), limits)
        model = registry.load(options.model, threads=options.threads)
        image, sigma = denoised(image, options.sigma, model, lambda done, all: console.progress(done, all, "passes"))
        with io.BytesIO() as buffer, sink.file() as file:
            notes += write_image(image, buffer, format)
            file.write(buffer.getvalue())
        seconds = time.monotonic() - started
        record = {"source": job.subject, "output": job.target, "sigma": sigma, "seconds": seconds, "notes": notes}
        console.notes(job.subject, notes)
        console.done(f"{job.subject} -> {job.target}  noise {sigma:.1f}  {seconds:.2f} s", record)
        return 0

    def deliver(job: Job) -> int:
        Sink(job, options).deliver(lambda _: False, lambda: None, console)
        return work(job)

    return run_jobs([Job(tuple(filter(None, request.inputs)), request.output)], deliver, 1, console)
