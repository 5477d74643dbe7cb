"""Dask runs the chunks: on a cluster of our own on this machine, or on the scheduler that is named.

Our own listens on loopback only, with TLS and a key of its own for each run, for whoever can talk to a scheduler can
run code; it has no dashboard. Its workers heed no signal of the terminal: a run that is stopped lets them end their
file.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, Security, as_completed, get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.scheduler import KilledWorker

from vaecompress.batch.chunk import Chunk, Outcome, Report, run_chunk, stopped
from vaecompress.errors import UsageError

_LOOPBACK = "127.0.0.1"
_CONNECT_S = 30

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # a chunk whose worker died is split at once
    "distributed.comm.timeouts.connect": "60s",
    "distributed.deploy.lost-worker-timeout": "1h",  # by default one that takes 15 s to start again is given up
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    },
}


class Died:
    """In place of an outcome: the worker of a chunk died."""


class Engine:
    """Runs chunks in worker processes. A context manager."""

    def __init__(self, run: str, workers: int | None, scheduler: str | None, report: Report) -> None:
        """Start ``workers`` processes (default: one a core), or connect to ``scheduler``.

        Raises UsageError where nobody answers.
        """
        self._run, self._cluster = run, None
        dask.config.set(_SETTINGS)
        if scheduler is None:
            self._cluster = _own_cluster(workers or len(os.sched_getaffinity(0)))
            self._client = Client(self._cluster)
            self._client.register_plugin(_Deaf())
        else:
            self._client = _connected(scheduler)
        self._client.subscribe_topic(run, lambda event: report(*event[1]))
        self._completed = as_completed([])
        self._chunks: dict[Any, Chunk] = {}

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    @property
    def cores(self) -> int:
        """Threads of all workers; one picture keeps one of them busy."""
        return max(1, int(sum(self._client.nthreads().values())))

    @property
    def in_flight(self) -> int:
        """Chunks that were submitted and have not come back."""
        return len(self._chunks)

    def submit(self, chunk: Chunk) -> None:
        """Have a chunk done."""
        future = self._client.submit(_on_worker, chunk, pure=False)
        self._chunks[future.key] = chunk
        self._completed.add(future)

    def outcomes(self) -> Iterator[tuple[Chunk, Outcome | Died]]:
        """Chunks that come back, until none is in flight; more may be submitted meanwhile."""
        while self._chunks:
            future: Future = next(self._completed)
            chunk = self._chunks.pop(future.key)
            error = future.exception()
            if error is None:
                outcome: Outcome | Died = future.result()
            elif isinstance(error, KilledWorker):
                outcome = Died()
            else:
                outcome = Outcome((), f"{type(error).__name__}: {error}")
            future.release()
            yield chunk, outcome

    def stop(self) -> None:
        """Let every worker end the file it is at, and no other of this run."""
        self._client.run(stopped.add, self._run, on_error="ignore")


class _Deaf(WorkerPlugin):  # type: ignore[misc]
    """A terminal sends its signals to workers, too, and a job manager as well."""

    name = "vaecompress-deaf"

    def setup(self, worker: Any) -> None:
        """Run in the worker's main thread, when it starts."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _own_cluster(workers: int) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host=_LOOPBACK,
        protocol="tls",
        security=Security.temporary(),
        dashboard_address=f"{_LOOPBACK}:0",
        dashboard=False,
        worker_dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )


def _connected(scheduler: str) -> Client:
    try:
        return Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise UsageError(f"{scheduler}: no Dask scheduler answers there") from error


def _on_worker(chunk: Chunk) -> Outcome:
    told: Callable[[str, Any], None] = get_worker().log_event
    return run_chunk(chunk, lambda files, pixels: told(chunk.run, [files, pixels]))
