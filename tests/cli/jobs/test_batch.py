"""Many jobs: all are tried, each failure is named, the highest exit code is left with."""

import threading
from pathlib import Path

import pytest
from vaecompress_cli.console import Console
from vaecompress_cli.jobs.batch import run_jobs
from vaecompress_cli.jobs.plan import Job

from vaecompress.errors import CorruptError, InputError

JOBS = [Job((Path(name),), Path(f"{name}.bin")) for name in "abcd"]


def fails(job: Job) -> int:
    """``b`` is no picture, ``c`` is corrupt, ``d`` is a bug."""
    errors = {"b": InputError("is no picture"), "c": CorruptError("c: is damaged"), "d": ZeroDivisionError("division")}
    if job.subject in errors:
        raise errors[job.subject]
    return 0


@pytest.mark.parametrize("workers", [1, 3])
def test_every_failure_is_named(workers: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_jobs(JOBS[:3], fails, workers, Console()) == CorruptError.exit_code
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines[:2]) == ["vaecompress: b: is no picture", "vaecompress: c: is damaged"]
    assert lines[2:] == ["vaecompress: 2 of 3 files failed"]


def test_a_bug_is_one_line_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_jobs(JOBS[3:], fails, 1, Console()) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vaecompress: d: bug: ZeroDivisionError: division")
    run_jobs(JOBS[3:], fails, 1, Console(verbose=True))
    assert "Traceback" in capsys.readouterr().err


def test_success_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_jobs(JOBS, lambda job: 0, 2, Console()) == 0
    assert capsys.readouterr() == ("", "")


def test_workers_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2)

    def meet(job: Job) -> int:
        meeting.wait(timeout=10)
        return 0

    assert run_jobs(JOBS[:2], meet, 2, Console()) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_stops_the_batch(workers: int) -> None:
    started: list[str] = []

    def work(job: Job) -> int:
        started.append(job.subject)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(JOBS, work, workers, Console())
    assert len(started) < len(JOBS)


def test_records_name_failures_too(capsys: pytest.CaptureFixture[str]) -> None:
    run_jobs(JOBS[1:2], fails, 1, Console(json_records=True))
    assert capsys.readouterr().out == '{"source": "b", "error": "b: is no picture", "exit_code": 3}\n'
