"""From the words of a command line to jobs: which inputs, and whether the output is a file or a folder."""

import argparse
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vaecompress.errors import UsageError

from .inputs import Found, input_path, names_folder, output_path
from .outputs import is_special


@dataclass(frozen=True)
class Job:
    """One output and what it is made of.

    ``sources`` is empty for standard input; several are the frames of one video. ``output`` is None for standard
    output. ``in_batch``: the output's name was derived, in an output folder. ``as_frames``: the output is a folder of
    frames. ``trouble`` says why it cannot be done, where that is known before.
    """

    sources: tuple[Path, ...]
    output: Path | None
    in_batch: bool = False
    as_frames: bool = False
    trouble: str | None = None

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
        """The inputs where each makes an output in a folder. Raises UsageError for standard input and pipes."""
        for path in self.inputs:
            if path is None or is_special(path):
                name = "standard input" if path is None else f"{path}: a pipe"
                raise UsageError(f"{name} has no name to derive an output from: name one output file")
        return [path for path in self.inputs if path is not None]


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
    inputs, target = tuple(map(input_path, words)), output_path(output)
    many = len(inputs) > 1 or (inputs[0] is not None and os.path.isdir(inputs[0]))
    if target is not None and any(_is_same_file(target, path) for path in inputs if path is not None):
        raise UsageError(f"{output}: is the input as well, and would be lost: name another output")
    derived = by_option and target is not None and not is_special(target) and (many or not target.suffix)
    folder = names_folder(output) or derived
    if target is None and options.json:
        raise UsageError(f"--json and an output of {output} both want standard output: name an output file")
    if options.resume and not folder:
        raise UsageError("--resume and --update go with a folder of outputs: -o DIR")
    return Request(inputs, target, folder)


def _is_same_file(output: Path, path: Path) -> bool:
    return os.path.isfile(output) and os.path.exists(path) and output.samefile(path)


def jobs_into(folder: Path, named: Iterable[Found]) -> list[Job]:
    """A job for each source, its output at the given place in ``folder``.

    Raises :class:`UsageError` when there is none, or two would write the same output.
    """
    jobs = [Job((found.path,), folder / found.place, in_batch=True, trouble=found.trouble) for found in named]
    if not jobs:
        raise UsageError("no input file found: name files, or folders that hold some")
    output, count = Counter(job.output for job in jobs).most_common(1)[0]
    if count > 1:
        twins = ", ".join(job.subject for job in jobs if job.output == output)
        raise UsageError(f"{twins} would all become {output}: give them in runs with different output folders")
    return jobs
