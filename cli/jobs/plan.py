"""From the words of a command line to jobs: which inputs, and whether the output is a file or a folder."""

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vaecompress.errors import UsageError

from .inputs import names_folder, to_path


@dataclass(frozen=True)
class Job:
    """One output and what it is made of.

    ``sources`` is empty for standard input; several are the frames of one video. ``output`` is None for standard
    output. ``in_batch``: the output's name was derived, in an output folder. ``as_frames``: the output is a folder of
    frames.
    """

    sources: tuple[Path, ...]
    output: Path | None
    in_batch: bool = False
    as_frames: bool = False

    @property
    def subject(self) -> str:
        """What to call it in messages."""
        if not self.sources:
            return "-"
        return str(self.sources[0] if len(self.sources) == 1 else self.sources[0].parent)

    @property
    def target(self) -> str:
        """What to call its output in messages."""
        return "-" if self.output is None else str(self.output)


@dataclass(frozen=True)
class Request:
    """Inputs and output as given; None is standard input or output."""

    inputs: tuple[Path | None, ...]
    output: Path | None
    into_folder: bool

    @property
    def files(self) -> list[Path]:
        """The inputs where each makes an output in a folder. Raises UsageError for standard input."""
        named = [path for path in self.inputs if path is not None]
        if len(named) < len(self.inputs):
            raise UsageError("standard input has no name to derive an output from: name one output file")
        return named


def read_request(options: argparse.Namespace) -> Request:
    """Tell inputs and output apart.

    The output is the last path, or that of ``-o``. It is a folder where it exists as one or ends with a slash; that of
    ``-o`` also where there are several inputs, or a folder of them, or it has no suffix. Raises :class:`UsageError`.
    """
    words, output = list(options.paths), options.output
    by_option = output is not None
    if not by_option:
        output = words.pop()
    if not words:
        raise UsageError(f"{output}: the only path given; name an output too, a file or -o DIR")
    inputs = tuple(map(to_path, words))
    many = len(inputs) > 1 or (inputs[0] is not None and inputs[0].is_dir())
    if output != "-" and any(_is_same_file(Path(output), path) for path in inputs if path is not None):
        raise UsageError(f"{output}: is the input as well, and would be lost: name another output")
    folder = names_folder(output) or (by_option and output != "-" and (many or not Path(output).suffix))
    if output == "-" and options.json:
        raise UsageError("--json and an output of - both want standard output: name an output file")
    if options.resume and not folder:
        raise UsageError("--resume goes with a folder of outputs: -o DIR")
    return Request(inputs, to_path(output), folder)


def _is_same_file(output: Path, path: Path) -> bool:
    return output.is_file() and path.exists() and output.samefile(path)


def jobs_into(folder: Path, named: Iterable[tuple[Path, Path]]) -> list[Job]:
    """A job for each source, its output at the given place in ``folder``.

    Raises :class:`UsageError` when there is none, or two would write the same output.
    """
    jobs = [Job((source,), folder / place, in_batch=True) for source, place in named]
    if not jobs:
        raise UsageError("no input file found: name files, or folders that hold some")
    output, count = Counter(job.output for job in jobs).most_common(1)[0]
    if count > 1:
        twins = ", ".join(job.subject for job in jobs if job.output == output)
        raise UsageError(f"{twins} would all become {output}: give them in runs with different output folders")
    return jobs
