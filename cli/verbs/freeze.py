"""Turn a training run into a model file, each layer of its decoder proven to be exact."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.errors import InputError, UsageError

from ..console import Console
from ..jobs.inputs import excluded_names
from ..jobs.outputs import writing
from ..options import add_exclude_argument, add_json_argument, add_quiet_argument, path

if TYPE_CHECKING:
    from vaecompress.transforms.config import AnyConfig

STILL = "light"
"""Codes frames on their own in a model for video, unless asked otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("source", type=path, metavar="RUN", help="folder of a run, or a file of weights")
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="FILE", help="model file, such as model.vcm"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace the output if it exists")
    parser.add_argument("--name", help="the model's name (the output's name without suffix)")
    parser.add_argument("--licence", default="", metavar="TEXT", help="licence of the weights")
    parser.add_argument("--data", default="", metavar="TEXT", help="what it was trained on, and under which terms")
    parser.add_argument(
        "--bd-rate", type=float, metavar="PERCENT", help="PSNR BD-rate against x265 intra, as bench prints it"
    )
    parser.add_argument(
        "--fit", type=path, nargs="+", metavar="SOURCE", help="training data to fit the probability tables to"
    )
    parser.add_argument(
        "--still", metavar="NAME", help=f"for a run of predicted frames: the model of frames on their own ({STILL})"
    )
    add_exclude_argument(parser)
    add_json_argument(parser)
    add_quiet_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Freeze; returns the exit code."""
    from vaecompress.train.checkpoint import load_weights
    from vaecompress.train.saver import WEIGHTS_NAME
    from vaecompress.transforms.config import VideoConfig, config_from_dict

    weights = options.source / WEIGHTS_NAME if options.source.is_dir() else options.source
    variables, meta = load_weights(weights)
    _check_calibrated(weights, meta)
    config = config_from_dict(meta["model"])
    if options.still and not isinstance(config, VideoConfig):
        raise UsageError("--still is for runs of predicted frames: this one is of stills itself")
    training = {key: value for key, value in meta.items() if key != "model"}
    card = {
        "name": options.name or options.output.stem,
        "licence": options.licence,
        "data": options.data,
        "training": training,
    }
    if options.bd_rate is not None:
        card["bd_rate_percent"] = options.bd_rate
    console = Console.of(options)
    with writing(options.output, options.force) as part:
        try:
            data = _frozen(config, variables, card, options)
        except ValueError as error:
            raise InputError(
                f"{weights}: cannot be made exact: {error}; train it to the end of its exact phase"
            ) from error
        if options.fit:
            data = _fitted(config, data, options, console)
        part.write_bytes(data)
    record = {"source": str(options.source), "output": str(options.output), "size_bytes": len(data)}
    console.done(f"{options.source} -> {options.output}  {len(data):,} bytes", record)
    return 0


def _check_calibrated(path: Path, meta: Mapping[str, Any]) -> None:
    recipe = meta["recipe"]
    exact_steps = max(1, int(recipe["steps"] * recipe["exact_share"]))
    if not meta.get("calibrated", meta["step"] > recipe["steps"] - exact_steps):
        raise InputError(f"{path}: stands at step {meta['step']}, before its exact phase; train it to the end")


def _frozen(
    config: "AnyConfig", variables: Mapping[str, Any], card: Mapping[str, Any], options: argparse.Namespace
) -> bytes:
    from vaecompress.transforms.config import VideoConfig

    if not isinstance(config, VideoConfig):
        from vaecompress.export.freeze import freeze

        return freeze(config, variables, card)
    from vaecompress.export.freeze_video import freeze_video
    from vaecompress.models import file as model_file
    from vaecompress.models import registry

    return freeze_video(model_file.load(registry.path_of(options.still or STILL)), config, variables, card)


def _fitted(config: "AnyConfig", data: bytes, options: argparse.Namespace, console: Console) -> bytes:
    from vaecompress.transforms.config import VideoConfig

    if isinstance(config, VideoConfig):
        from vaecompress.train.data.triples import TRIPLES
        from vaecompress.train.fit_predicted import choose_triples, fit_predicted

        exclude = excluded_names(options.exclude, options.fit, console, TRIPLES)
        return fit_predicted(data, choose_triples(options.fit, exclude))
    from vaecompress.train.data.resident import Resident
    from vaecompress.train.fit_tables import choose_pictures, fit_tables

    exclude = excluded_names(options.exclude, options.fit, console)
    resident = Resident.load(options.fit, exclude, rescale=False)
    return fit_tables(data, choose_pictures(resident))
