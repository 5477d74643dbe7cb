"""Where a job's output goes: a file or folder that is whole or not there, a pipe, or standard output."""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vaecompress.errors import OutputError

from ..console import Console
from ..streams import standard_output, standard_output_errors
from .outputs import BusyError, check_output, is_special, make_folder, temporary_errors, writing, writing_folder
from .plan import Job

IsDone = Callable[[Path], bool]


class Sink:
    """The output of one job.

    With ``--resume``, several runs may share the work: one claims an output when it begins it, and the others pass it
    over.
    """

    def __init__(self, job: Job, options: argparse.Namespace) -> None:
        self._job, self._force, self._keep_times = job, options.force, options.keep_times
        self._resume: bool = options.resume and job.in_batch

    def deliver(self, is_done: IsDone, work: Callable[[], None], console: Console, folder: bool = False) -> None:
        """Do ``work``, which fills this sink, unless the output ``is_done`` or another run is at it.

        Raises :class:`OutputError` where the output cannot be made, before any work is done if possible.
        """
        job, output = self._job, self._job.output
        if output is None:
            work()
            return
        if job.in_batch:
            make_folder(output.parent)
        if self._is_done(is_done):
            console.passed_over(job.subject, job.target)
            return
        check_output(output, self._force, folder)
        try:
            work()
        except OutputError as error:
            if self._resume and isinstance(error, BusyError):
                console.passed_over(job.subject, job.target, "left to another run")
            elif self._resume and not self._force and is_done(output):
                console.passed_over(job.subject, job.target)
            else:
                raise

    def _is_done(self, is_done: IsDone) -> bool:
        """Whether to leave the output as it is. Raises OutputError where it is another one and is to be kept."""
        output = self._job.output
        if output is None or not self._resume or not os.path.isfile(output):
            return False
        done = is_done(output)
        if not done and not self._force:
            raise OutputError(f"{output}: exists and is damaged or made from something else; --update replaces it")
        return done

    @property
    def spool_dir(self) -> Path | None:
        """Where to put what must wait: on the disk of the output, None for the system's place."""
        output = self._job.output
        return None if output is None or is_special(output) else output.parent

    @contextmanager
    def path(self, folder: bool = False) -> Iterator[Path]:
        """The path of a file to write, or of a ``folder``; not for standard output. Raises :class:`OutputError`."""
        output = self._job.output
        assert output is not None
        with (writing_folder if folder else writing)(output, self._force) as part:
            yield part
            if self._keep_times and not folder and not is_special(part):
                self._set_time(part)

    @contextmanager
    def file(self) -> Iterator[BinaryIO]:
        """A seekable file to write. Raises :class:`OutputError`, or UsageError where standard output takes nothing."""
        output = self._job.output
        if output is not None and not is_special(output):
            with self.path() as part, part.open("w+b") as file:
                yield file
            return
        if output is None:
            standard_output()
        with temporary_errors(), tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            self._send(file)

    def _send(self, file: BinaryIO) -> None:
        if self._job.output is None:
            with standard_output_errors():
                shutil.copyfileobj(file, standard_output())
                standard_output().flush()
            return
        with self.path() as place, place.open("wb") as pipe:
            shutil.copyfileobj(file, pipe)

    def _set_time(self, part: Path) -> None:
        if len(self._job.sources) == 1:
            status = self._job.sources[0].stat()
            os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
