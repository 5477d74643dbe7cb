"""Many jobs: one after the other or several at a time; failures are named, and the highest exit code is left with."""

from collections.abc import Callable, Iterable, Sequence

from vaecompress.errors import InputError

from ..console import Console
from .plan import Job


def run_jobs(jobs: Sequence[Job], work: Callable[[Job], int], workers: int, console: Console) -> int:
    """Do all jobs, ``workers`` at a time; ``work`` returns an exit code or raises. Returns the highest code."""

    def attempt(job: Job) -> int:
        try:
            if job.trouble is not None:
                raise InputError(f"{job.subject}: {job.trouble}")
            return work(job)
        except BrokenPipeError:
            raise
        except Exception as error:
            return console.failed(error, job.subject, job.target)

    codes: list[int] = []
    try:
        for code in _codes(jobs, attempt, workers):
            codes.append(code)
            if len(jobs) > 1:
                console.progress(len(codes), len(jobs), "files")
    finally:
        console.clear()
    failed = sum(code != 0 for code in codes)
    if failed and len(jobs) > 1:
        console.line(f"vaecompress: {failed} of {len(jobs)} files failed")
    return max(codes)


def _codes(jobs: Sequence[Job], attempt: Callable[[Job], int], workers: int) -> Iterable[int]:
    if workers == 1 or len(jobs) == 1:
        yield from map(attempt, jobs)
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(attempt, job) for job in jobs]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
