"""Whole folders on a real Dask cluster and a real S3 server, with whatever can die killed in the middle."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import MODEL, finish, names, pixels, save, start
from PIL import Image

import vaecompress

pytest.importorskip("distributed", reason="needs the batch extra")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

QUICK = (*MODEL, "--effort", 1)
HOOK = """
import os, signal, sys, time
def look(event, words):
    if event == "open" and isinstance(words[0], str):
        if words[0].endswith("poison.png"):
            os.kill(os.getpid(), signal.SIGKILL)
        if words[0].endswith("endless.png"):
            time.sleep(1000)
sys.addaudithook(look)
"""
"""Opening certain files kills the process or never ends, in place of a picture that does so to a library."""


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Processes started here heed Ctrl-C, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def batch(*words: object, **options: object) -> "subprocess.Popen[bytes]":
    return start("batch", *words, "--workers", 2, **options)


def end(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, list[str]]:
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err.decode().splitlines()


def records(texts: "list[str] | list[bytes]") -> list[dict[str, Any]]:
    return [json.loads(line) for text in texts for line in text.splitlines()]


def manifest(folder: Path) -> list[dict[str, Any]]:
    return records([path.read_text() for path in sorted(folder.glob("part-*.jsonl"))])


def wait_until(condition: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, end(process)
        assert time.monotonic() < limit
        time.sleep(0.05)


def workers(process: "subprocess.Popen[bytes]") -> list[Any]:
    """The worker processes of a run, not multiprocessing's own helper."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def listening(process: "subprocess.Popen[bytes]") -> set[str]:
    family = [psutil.Process(process.pid), *workers(process)]
    return {one.laddr.ip for member in family for one in member.net_connections() if one.status == psutil.CONN_LISTEN}


def test_a_worker_a_store_and_the_command_itself_are_killed() -> None:
    pytest.importorskip("moto", reason="needs the test extra")
    from vaecompress_eval.trust.s3_store import KEY, SECRET, S3Store

    store = S3Store()
    try:
        count = 60
        for index in range(count):
            with BytesIO() as file:
                Image.fromarray(pixels(seed=index)).save(file, "PNG")
                store.put(f"in/{index % 3}/{index}.png", file.getvalue())
        words = ("s3://photos/in", "-o", "s3://photos/out", *QUICK, "--chunk", 5)

        process = batch(*words, env=store.environment)
        wait_until(lambda: len(store.files("out/_manifest/part-")) >= 2, process)
        assert listening(process) == {"127.0.0.1"}
        processes = json.dumps([child.cmdline() for child in workers(process)])
        workers(process)[0].send_signal(signal.SIGKILL)
        store.cut()
        time.sleep(2)
        store.mend()
        so_far = len(store.files("out/_manifest/part-"))
        wait_until(lambda: len(store.files("out/_manifest/part-")) > so_far, process)
        process.kill()
        first = end(process)

        code, out, err = end(batch(*words, env=store.environment))
        assert (code, err) == (0, [])
        files = store.files("out/")
        told = records([text for name, text in files.items() if name.startswith("_manifest/part-")])
        times = Counter(one["source"] for one in told)
        assert len(times) == count
        assert sum(times.values()) - count <= 2 * 5 + 1  # what two workers had in flight, and the one that died

        for index in (0, 59):
            made = vaecompress.encode(pixels(seed=index), model="tiny", effort=1)
            assert files[f"{index % 3}/{index}.png.bin"] == made
        everything = json.dumps([out.decode(), err, str(first), processes]) + str(files)
        assert KEY not in everything
        assert SECRET not in everything

        words = ("s3://photos/out", "-o", "s3://photos/back", "--decode")
        assert end(batch(*words, env=store.environment))[0] == 0
        back = np.asarray(Image.open(BytesIO(store.files("back/")["2/59.png"])))
        assert np.array_equal(back, vaecompress.decode(files["2/59.png.bin"]).pixels)
    finally:
        store.close()


def test_files_that_kill_or_stall_a_worker_are_named_and_cost_no_other(tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(HOOK)
    for name in [*(f"{index}.png" for index in range(9)), "poison.png", "endless.png"]:
        save(tmp_path / "in" / name)
    (tmp_path / "in" / "damaged.png").write_bytes((tmp_path / "in" / "0.png").read_bytes()[:99])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(hooks), os.environ.get("PYTHONPATH", "")])}

    words = (tmp_path / "in", "-o", tmp_path / "out", *QUICK, "--timeout", 8)
    code, _, lines = end(batch(*words, env=environment))
    assert code == 10, lines
    faults = {Path(one["source"]).name: one["exit_code"] for one in manifest(tmp_path / "out/_manifest")}
    assert {name: code for name, code in faults.items() if code} == {
        "poison.png": 10,
        "endless.png": 6,
        "damaged.png": 3,
    }
    assert len(faults) == 12
    assert len(lines) == 3
    assert len([name for name in names(tmp_path / "out") if name.endswith(".bin")]) == 9


def test_a_full_disk_and_a_stop_lose_nothing(tmp_path: Path) -> None:
    count = 40
    for index in range(count):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels(seed=index, height=160, width=224)).save(tmp_path / "in" / f"{index}.png")
    out = tmp_path / "out"
    words = (tmp_path / "in", "-o", out, *QUICK, "-q", 100, "--chunk", 6)

    def disk_of_nothing() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    code, _, lines = end(batch(*words, preexec_fn=disk_of_nothing))
    assert code == 8, lines
    assert len(lines) == 1
    assert lines[0].startswith("vaecompress: cannot be written: ")
    assert not list(out.rglob("*.part"))

    process = batch(*words)
    wait_until(lambda: sum(name.endswith(".bin") for name in names(out)) > 3, process)
    process.send_signal(signal.SIGTERM)
    code, answer, lines = end(process)
    assert (code, len(lines)) == (130, 1)
    assert b"stopped; the same command goes on" in answer
    done = manifest(out / "_manifest")
    assert 0 < len(done) < count
    assert sorted(one["output"] for one in done) == sorted(map(str, out.glob("*.bin")))

    code, answer, lines = finish(start("batch", *words, "--workers", 2, "--json"))
    assert (code, lines) == (0, [])
    summary = json.loads(answer)
    assert (summary["done"], summary["done_before"]) == (count - len(done), len(done))
    assert Counter(one["source"] for one in manifest(out / "_manifest")) == Counter(
        str(tmp_path / "in" / f"{index}.png") for index in range(count)
    )
