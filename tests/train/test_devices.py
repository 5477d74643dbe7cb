"""Training on several devices and in several processes is the training of one device."""

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")

import jax
import small_run

from vaecompress.errors import LostProcessError, UsageError
from vaecompress.train import devices
from vaecompress.train.checkpoint import latest_step
from vaecompress.train.curves import read_rows


def start(folder: Path, device_count: int, *words: object) -> "subprocess.Popen[str]":
    """``small_run.py FOLDER WORDS`` as a process that sees ``device_count`` devices."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={device_count}"
    command = [sys.executable, small_run.__file__, str(folder), *map(str, words)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, env={**os.environ, "XLA_FLAGS": flags}, text=True, **streams)  # type: ignore[call-overload,no-any-return]


def losses(folder: Path) -> Sequence[float]:
    return [row.loss or 0.0 for row in read_rows(folder / "curves.csv")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Sequence[float]:
    """Losses of twenty steps on one device."""
    folder = tmp_path_factory.mktemp("alone")
    small_run.train(folder)
    return losses(folder)


def test_four_devices_train_as_one_does(alone: Sequence[float], tmp_path: Path) -> None:
    process = start(tmp_path, 4)
    said, _ = process.communicate(timeout=1200)
    assert process.returncode == 0, said
    assert len(alone) == 20
    np.testing.assert_allclose(losses(tmp_path), alone, rtol=1e-4)


def test_a_killed_process_ends_the_run_and_one_device_goes_on(alone: Sequence[float], tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    first, second = (start(tmp_path, 2, address, process) for process in (0, 1))
    said, _ = first.communicate(timeout=1200)
    second.communicate(timeout=60)
    assert second.returncode == small_run.KILLED_CODE
    if first.returncode == -signal.SIGABRT:  # newer jax: the sum waits for the dead, until jax ends the process
        assert "another task died" in said
    else:
        assert first.returncode == LostProcessError.exit_code, said
        assert "LostProcessError: another process of this run has stopped" in said
        assert said.endswith("to go on from the last checkpoint\n")
    reached = latest_step(tmp_path)
    assert reached is not None
    assert small_run.KILLED_AT - 2 <= reached <= small_run.KILLED_AT
    assert int(small_run.train(tmp_path).step) == 20
    np.testing.assert_allclose(losses(tmp_path), alone, rtol=1e-4)


def test_a_batch_that_cannot_be_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    devices.check_batch(18)
    with pytest.raises(UsageError, match="16 cannot be shared out to 3 devices: give --batch 18"):
        devices.check_batch(16)


def test_only_a_lost_process_is_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with devices.all_alive():
            raise jax.errors.JaxRuntimeError("connection closed\nand more")

    ends: list[Any] = []
    monkeypatch.setattr(atexit, "register", ends.append)
    with pytest.raises(jax.errors.JaxRuntimeError, match="and more"):
        fail()
    assert not ends
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(LostProcessError, match=r"stopped \(connection closed\): start again"):
        fail()
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("facts", "status"), [("fpu amx_bf16 amx_tile", 0), ("fpu amx_bf16", 134), ("fpu avx512_bf16", 0)]
)
def test_matrix_units_are_used_where_jaxlib_knows_how(
    facts: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def probe(words: Sequence[str], env: dict[str, str], **options: Any) -> "subprocess.CompletedProcess[bytes]":
        tried.append(env["XLA_FLAGS"])
        return subprocess.CompletedProcess(words, status)

    (tmp_path / "cpuinfo").write_text(f"model name\t: one\nflags\t\t: {facts}\n")
    monkeypatch.setattr(devices, "CPU_FACTS", tmp_path / "cpuinfo")
    monkeypatch.setattr(subprocess, "run", probe)
    monkeypatch.setenv("XLA_FLAGS", "--before")
    there, used = "amx_bf16" in facts, "amx_tile" in facts
    assert devices.use_amx() == used
    with_flag = f"--before {devices.AMX_FLAG}"
    assert tried == ([with_flag] if there else [])
    assert os.environ["XLA_FLAGS"] == (with_flag if used else "--before")


def test_a_flag_that_this_jaxlib_lacks_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("flags : amx_bf16\n")
    monkeypatch.setattr(devices, "CPU_FACTS", tmp_path / "cpuinfo")
    monkeypatch.setattr(devices, "AMX_FLAG", "--xla_has_no_such_flag=1")
    before = os.environ["XLA_FLAGS"]
    assert not devices.use_amx()
    assert os.environ["XLA_FLAGS"] == before
