"""Stopped in the middle: exit code 130, one line, nothing half-written."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import MODEL, clip, finish, names, run, save, start

from vaecompress.bitstream import Container


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Processes started here heed Ctrl-C, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def wait_for(folder: Path, pattern: str) -> None:
    limit = time.monotonic() + 60
    while not any(folder.rglob(pattern)):
        assert time.monotonic() < limit, f"no {pattern} in time"
        time.sleep(0.002)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_an_output_is_written(number: signal.Signals, tmp_path: Path) -> None:
    stream = clip(tmp_path, frames=32)
    before = names(tmp_path)
    process = start("decode", stream, tmp_path / "back.mp4", "--engine", "reference", "-j", 2)
    wait_for(tmp_path, "*.part")
    process.send_signal(number)
    assert finish(process) == (130, b"", ["vaecompress: stopped"])
    assert names(tmp_path) == before


def test_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    for index in range(30):
        save(tmp_path / "photos" / f"{index}.png", seed=index)
    out = tmp_path / "out"
    process = start("encode", tmp_path / "photos", "-o", out, "-j", 2, *MODEL)
    wait_for(tmp_path, "out/*.bin")
    process.send_signal(signal.SIGINT)
    code, _, lines = finish(process)
    assert (code, lines[-1]) == (130, "vaecompress: stopped")
    done = sorted(out.iterdir())
    assert 0 < len(done) < 30
    for path in done:
        with Container.open(path) as container:
            container.verify()
    assert run("encode", tmp_path / "photos", "-o", out, "--resume", *MODEL) == 0
    assert len(names(out)) == 30
