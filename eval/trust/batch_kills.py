"""Kills whatever a batch depends on: ``python -m vaecompress_eval.trust.batch_kills [--pictures 2000] [--outage 10]``.

A real S3 server, a real Dask scheduler, pictures of 64x48. In turn a worker, the store (for ``--outage`` seconds) and
the command itself are killed with SIGKILL; a second run then completes. Prints what was lost and what was done twice;
the exit code is 1 when a picture is missing or damaged, or when more was repeated than was in flight.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from io import BytesIO

from PIL import Image

import vaecompress

from .s3_store import S3Store
from .torture import picture

WORKERS = 2
CHUNK = 50
SIZE = (64, 48)
START_LIMIT_S = 300.0


def fill(store: S3Store, count: int) -> None:
    """Put pictures into the store."""
    for index in range(count):
        with BytesIO() as file:
            Image.fromarray(picture(*SIZE, 3, seed=index)).save(file, "PNG")
            store.put(f"in/{index % 10}/{index}.png", file.getvalue())


def start(store: S3Store) -> "subprocess.Popen[bytes]":
    """The batch, as a process."""
    words = ["batch", "s3://photos/in", "-o", "s3://photos/out", "--model", "tiny", "--effort", "1", "--json"]
    words += ["--workers", str(WORKERS), "--chunk", str(CHUNK), "--retries", "6"]
    command = [sys.executable, "-m", "vaecompress_cli", *words]
    return subprocess.Popen(command, env=store.environment, stdout=subprocess.PIPE)


def parts(store: S3Store) -> list[dict[str, object]]:
    """Every line of the manifest."""
    return [json.loads(line) for text in store.files("out/_manifest/part-").values() for line in text.splitlines()]


def wait_for(store: S3Store, files: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the manifest has so many lines."""
    limit = time.monotonic() + START_LIMIT_S
    while len(parts(store)) < files:
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"the batch did not get to {files} files")
        time.sleep(0.2)


def kill_everything(store: S3Store, count: int, outage_s: float, chance: random.Random) -> None:
    """One run: kill a worker, the store for a while, then the command."""
    import psutil

    process = start(store)
    wait_for(store, count // 10, process)
    family = psutil.Process(process.pid).children(recursive=True)
    chance.choice([one for one in family if "spawn_main" in " ".join(one.cmdline())]).send_signal(signal.SIGKILL)
    wait_for(store, count // 5, process)
    store.cut()
    time.sleep(outage_s)
    store.mend()
    wait_for(store, count // 3, process)
    process.kill()
    process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="batch_kills", description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--outage", type=float, default=10.0, help="seconds without a store (10)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    store = S3Store()
    try:
        fill(store, options.pictures)
        kill_everything(store, options.pictures, options.outage, random.Random(options.seed))
        summary = json.loads(start(store).communicate()[0])
        return tell(store, options.pictures, summary)
    finally:
        store.close()


def is_sound(data: bytes) -> bool:
    """Whether a stream decodes to the picture that its checksum is of."""
    try:
        image = vaecompress.decode(data)
        return (image.width, image.height) == SIZE
    except vaecompress.VaecompressError:
        return False


def tell(store: S3Store, count: int, summary: dict[str, object]) -> int:
    """Print what came of it; returns the exit code."""
    outputs = {name: data for name, data in store.files("out/").items() if name.endswith(".bin")}
    damaged = sum(not is_sound(data) for data in outputs.values())
    times = Counter(one["source"] for one in parts(store))
    repeated = sum(times.values()) - len(times)
    print(f"{count} pictures, {len(outputs)} outputs, {damaged} damaged, {repeated} recorded twice")
    print(f"the last run: {summary['done']} done, {summary['done_before']} done before, {summary['failed']} failed")
    return int(len(outputs) < count or damaged > 0 or repeated > WORKERS * CHUNK or summary["failed"] != 0)


if __name__ == "__main__":
    raise SystemExit(main())
