"""The golden pictures on aarch64, emulated: ``python -m vaecompress_eval.trust.aarch64 FOLDER``, run from the root.

FOLDER holds a Debian arm64 Python in ``root`` and numpy and onnxruntime for it in ``site``; ``eval/README.md`` says how
to make one. There the plain decoder of ``tests/codec`` decodes every golden picture (constriction has no wheel for that
Python) and compares the SHA-256 of its pixels with the one on record. The exit code is 1 when one differs.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent.parent / "tests"
EMULATOR = "qemu-aarch64"
PROGRAM = """
import hashlib, json, pathlib, platform, sys
import numpy, onnxruntime
tests = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(tests / "codec"))
import plain_decoder
prepare = onnxruntime.InferenceSession
onnxruntime.InferenceSession = lambda *words, **options: prepare(
    *words, **options, disabled_optimizers=["GatherSliceToSplitFusion"]  # gives equal names where nodes have none
)
print(platform.machine(), "Python", platform.python_version(), "onnxruntime", onnxruntime.__version__, flush=True)
models = [path.read_bytes() for path in (tests.parent / "vaecompress" / "models").glob("*.vcm")]
by_id = {data[-32:-24]: data for data in models}
tried = right = 0
for record in sorted(tests.glob("golden/*/pixels.json")):
    for name, entry in json.loads(record.read_text()).items():
        stream = (record.parent / name).read_bytes()
        if "pixels" in entry and stream[6:14] in by_id:
            pixels = plain_decoder.decode(stream, by_id[stream[6:14]])
            same = hashlib.sha256(numpy.ascontiguousarray(pixels).tobytes()).hexdigest() == entry["pixels"]
            print(name, "same pixels" if same else "OTHER PIXELS", flush=True)
            tried, right = tried + 1, right + same
print(f"{right} of {tried} pictures have the pixels on record")
sys.exit(right != tried or not tried)
"""


def missing(folder: Path) -> str | None:
    """What keeps the command from running here, or None."""
    if shutil.which(EMULATOR) is None:
        return f"needs {EMULATOR}: install qemu-user"
    if not (folder / "root").is_dir() or not (folder / "site").is_dir():
        return f"{folder} holds no 'root' and 'site': eval/README.md says how to make them"
    if not TESTS.is_dir():
        return "needs the tests of the repository: install it in editable form"
    return None


def command(folder: Path) -> list[str]:
    """The emulator running the program."""
    root = folder / "root"
    inside = {
        "LD_LIBRARY_PATH": "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu",
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": str(folder / "site"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    settings = [word for name, value in inside.items() for word in ("-E", f"{name}={value}")]
    python = str(root / "usr" / "bin" / "python3.11")
    return [EMULATOR, "-cpu", "cortex-a72", "-L", str(root), *settings, python, "-c", PROGRAM, str(TESTS)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder.resolve()
    if reason := missing(folder):
        print(f"skipped: {reason}")
        return 0
    return subprocess.run(command(folder), check=False, env=os.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
