"""List the models at hand."""

import argparse
from typing import Any

from vaecompress.errors import InputError

from .batch import run_jobs
from .console import Console
from .options import add_json_argument
from .plan import Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """List every model on standard output, the default one marked; returns the exit code."""
    from vaecompress.codec import model_file, models

    console = Console(options.json, options.verbose)

    def say(job: Job) -> int:
        path = job.sources[0]
        file = model_file.load(path)
        record = {
            "name": path.stem,
            "model_id": file.model_id.hex(),
            "path": str(path),
            "size_bytes": path.stat().st_size,
            "decoder_kmac_per_pixel": file.card.get("decoder_kmac_per_pixel"),
            "default": path.stem == models.DEFAULT_MODEL,
            "card": {key: value for key, value in file.card.items() if key not in ("codec", "config", "proof")},
        }
        console.answer(_text(record), record)
        return 0

    jobs = [Job((path,), None) for path in models.paths()]
    if not jobs:
        raise InputError(f"no model is installed; name a folder of model files in {models.FOLDER_VARIABLE}")
    return run_jobs(jobs, say, 1, console)


def _text(record: dict[str, Any]) -> str:
    cost = record["decoder_kmac_per_pixel"]
    words = [
        f"{record['name']:12}",
        record["model_id"],
        f"{record['size_bytes'] / 1e6:6.2f} MB",
        "" if cost is None else f"decodes with {cost:.2f} kMAC/px",
        "(default)" if record["default"] else "",
    ]
    return "  ".join(word for word in words if word).rstrip()
