"""List the models at hand: what they cost, how good they are, and with --time how fast this machine decodes.

With --decoders, write of each the part that decodes, which is what a page in a browser loads.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from vaecompress.errors import InputError

from ..console import Console
from ..jobs.batch import run_jobs
from ..jobs.plan import Job
from ..options import add_json_argument, path

if TYPE_CHECKING:
    from vaecompress.models.file import ModelFile

_ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--time", action="store_true", help="measure how long a picture of 768x512 takes to decode")
    parser.add_argument(
        "--decoders", type=path, metavar="DIR", help="write of each the part that only decodes, as DIR/ID.vcm"
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """List every model on standard output, the default one marked; returns the exit code."""
    from vaecompress.models import file as model_file
    from vaecompress.models import installed
    from vaecompress.models.default import default_model

    console = Console.of(options)
    default = installed.SHIPPED / f"{default_model(installed.SHIPPED)}{installed.SUFFIX}"

    def say(job: Job) -> int:
        path = job.sources[0]
        file = model_file.load(path)
        record = {
            "name": path.stem,
            "model_id": file.model_id.hex(),
            "path": str(path),
            "size_bytes": path.stat().st_size,
            "decoder_kmac_per_pixel": file.card.get("decoder_kmac_per_pixel"),
            "bd_rate_percent": file.card.get("bd_rate_percent"),
            "decode_s": _decode_seconds(path) if options.time else None,
            "decoder": None if options.decoders is None else _decoder(file, options.decoders),
            "default": path == default,
            "card": {key: value for key, value in file.card.items() if key not in ("codec", "config", "proof")},
        }
        console.answer(_text(record), record)
        return 0

    jobs = [Job((path,), None) for path in installed.paths()]
    if not jobs:
        raise InputError(f"no model is installed; name a folder of model files in {installed.FOLDER_VARIABLE}")
    return run_jobs(jobs, say, 1, console)


def _decoder(file: "ModelFile", folder: Path) -> dict[str, Any]:
    """Write the part of a model file that decodes; its path and size."""
    from vaecompress.files import write_atomically
    from vaecompress.models.file import decoder_only
    from vaecompress.models.installed import SUFFIX

    data, path = decoder_only(file), folder / f"{file.model_id.hex()}{SUFFIX}"
    write_atomically(path, data)
    return {"path": str(path), "size_bytes": len(data)}


def _decode_seconds(path: Path) -> float:
    """Seconds to decode a picture of 768x512 here, start-up and loading left out: the median of three."""
    import vaecompress

    data = vaecompress.encode(_waves(), model=path)
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        vaecompress.decode(data)
        seconds.append(time.perf_counter() - began)
    return round(median(seconds), 3)


def _waves() -> Any:
    """Pixels of waves under noise, which take about as many bits as a photograph."""
    import numpy as np

    rows, columns, channel = np.ogrid[:512, :768, :3]
    waves = 128 + 60 * np.sin(rows / 9 + columns / 23 + channel) + 40 * np.cos(columns / 5 - rows / 31)
    return np.clip(waves + np.random.default_rng(0).normal(0, 6, waves.shape), 0, 255).astype(np.uint8)


def _text(record: dict[str, Any]) -> str:
    cost, rate = record["decoder_kmac_per_pixel"], record["bd_rate_percent"]
    words = [
        f"{record['name']:12}",
        record["model_id"],
        f"{record['size_bytes'] / 1e6:6.2f} MB",
        "" if cost is None else f"{cost:6.2f} kMAC/px",
        "" if rate is None else f"BD-rate {rate:+.1f} %",
        "" if record["decode_s"] is None else f"768x512 decoded in {record['decode_s']:.3f} s",
        "(default)" if record["default"] else "",
        "" if record["decoder"] is None else "-> {path}  {size_bytes:,} bytes".format(**record["decoder"]),
    ]
    return "  ".join(word for word in words if word).rstrip()
