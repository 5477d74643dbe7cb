"""A chunk's watch: a file whose time is up is recorded, and ends the worker; one in time is left alone."""

import signal
import subprocess
import sys
from pathlib import Path

from command import save

from vaecompress.batch import chunk as chunks
from vaecompress.batch.chunk import Chunk, run_chunk
from vaecompress.batch.manifest import read_part
from vaecompress.batch.task import Settings, Task

STALLED = """
import sys, time
from vaecompress.batch import chunk
from vaecompress.batch.task import Settings, Task
chunk.encode_file = lambda task: time.sleep(60)
task = Task("a.png", "a.bin", Settings())
chunk.run_chunk(chunk.Chunk("run", sys.argv[1], (task,), 0.1, 0), lambda files, pixels: None)
"""


def test_a_file_that_takes_too_long_is_recorded_and_ends_its_worker(tmp_path: Path) -> None:
    part = tmp_path / "part"
    done = subprocess.run([sys.executable, "-c", STALLED, part], timeout=60)
    assert done.returncode == -signal.SIGKILL
    (record,) = read_part(str(part), 0) or []
    assert (record.source, record.exit_code) == ("a.png", 6)
    assert "took longer than 0.1 s" in record.error


def test_files_in_time_are_done_and_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sources = [save(tmp_path / f"{index}.png", seed=index) for index in range(2)]
    settings = Settings(model="tiny", effort=1)
    tasks = tuple(Task(str(source), str(source.with_suffix(".bin")), settings) for source in sources)
    outcome = run_chunk(Chunk("run", str(tmp_path / "part"), tasks, 60.0, 0), lambda *done: told.append(done))
    assert [record.error for record in outcome.records] == ["", ""]
    assert sum(files for files, _ in told) == 2
    assert outcome == run_chunk(Chunk("run", str(tmp_path / "part"), tasks, 60.0, 0), lambda *done: told.append(done))
    assert not chunks.stopped
