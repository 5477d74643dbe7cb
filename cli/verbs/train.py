"""Train a model, on every device there is. Run again with the same folder, it goes on where it stopped."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.errors import UsageError

from ..console import Console
from ..jobs.inputs import excluded_names
from ..options import add_exclude_argument, add_quiet_argument, path, positive_integer, positive_number, whole_number

if TYPE_CHECKING:
    from vaecompress.train.data.sources import Kind
    from vaecompress.train.loop import Batches, Weights
    from vaecompress.train.presets import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--preset", default="light", metavar="NAME", help="tiny, light (default), base, large or video")
    parser.add_argument(
        "--data",
        type=path,
        action="extend",
        nargs="+",
        required=True,
        metavar="SOURCE",
        help="folders, pictures, tar shards; for video what 'pack --triples' made",
    )
    add_exclude_argument(parser)
    parser.add_argument("--validation", type=path, metavar="FILE", help="names to test on, not to train on")
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR", help="folder of the run")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=positive_integer, help="steps instead of the preset's")
    length.add_argument("--minutes", type=positive_number, help="train for so long, the schedule fitted to it")
    parser.add_argument("--batch", type=positive_integer, metavar="N", help="crops a step instead of the preset's")
    parser.add_argument("--latents", type=positive_integer, metavar="N", help="latent channels, not the preset's")
    parser.add_argument("--learning-rate", type=positive_number, metavar="RATE", help="peak, instead of the preset's")
    parser.add_argument("--seed", type=whole_number, metavar="N", help="of weights, crops and noise (0)")
    parser.add_argument(
        "--init", metavar="FILE", help="start from a model (its file or name), or go on from saved weights"
    )
    parser.add_argument(
        "--basis-refresh", type=positive_integer, metavar="N", help="steps between two renewals of SOAP's bases (10)"
    )
    parser.add_argument("--coded", action="store_true", help="train the decoder alone, on what 'pack --coded' made")
    parser.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16 until the exact phase (GPU; with AMX by itself)"
    )
    parser.add_argument("--tensorboard", action="store_true", help="write learning curves for TensorBoard too")
    parser.add_argument("--stream", action="store_true", help="read pictures as they are needed, not all into memory")
    parser.add_argument("--jitter", type=positive_number, default=0.0, help="0..1, random colours; needs --stream")
    parser.add_argument(
        "--noise", type=positive_number, default=0.0, metavar="S", help="levels of noise on what goes in"
    )
    parser.add_argument("--mask", choices=["alpha"], help="no error counts where a picture's alpha is 0")
    parser.add_argument("--no-rescale", action="store_true", help="no crops from reduced pictures")
    parser.add_argument("--peak-tflops", type=positive_number, metavar="N", help="a device's peak, to print its share")
    add_quiet_argument(parser)
    hosts = parser.add_argument_group("several hosts: the same command on each, with")
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="address of the first, or auto (Slurm, MPI, TPU)")
    hosts.add_argument("--processes", type=positive_integer, metavar="N", help="how many there are")
    hosts.add_argument("--process", type=int, metavar="I", help="which this is, from 0")


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    if options.jitter and not options.stream:
        raise UsageError("--jitter needs --stream: pictures in memory keep their colours")
    if options.coordinator is None and (options.processes, options.process) != (None, None):
        raise UsageError("--processes and --process need --coordinator HOST:PORT, the first one's address")
    import jax
    import jax.numpy as jnp

    from vaecompress.train import devices
    from vaecompress.train.data.coded import CODED
    from vaecompress.train.data.sources import MASKED, PICTURES, listed_names, validation_images
    from vaecompress.train.data.triples import TRIPLES
    from vaecompress.train.loop import Run, RunOptions
    from vaecompress.transforms.config import VideoConfig

    amx = devices.use_amx()
    if options.coordinator:
        devices.join(options.coordinator, options.processes, options.process)
    console = Console.of(options)
    recipe = _recipe(_preset(options), options)
    devices.check_batch(recipe.recipe.batch_size)
    weights = _initial_weights(options.init, recipe)
    pictures_kind = MASKED if options.mask else PICTURES
    kind = CODED if options.coded else TRIPLES if isinstance(recipe.model, VideoConfig) else pictures_kind
    for name in ("jitter", "noise", "mask"):
        if getattr(options, name) and kind in (CODED, TRIPLES):
            why = f"what belongs to the pixels of a {kind.noun} would no longer fit"
            raise UsageError(f"--{name} is for pictures: {why}")
    tests = sorted(listed_names([options.validation])) if options.validation else []
    pictures = validation_images(options.data, tests, kind)
    exclude = excluded_names(options.exclude, options.data, console, kind) | frozenset(tests)
    batches = _batches(options, exclude, recipe.recipe.seed, kind, console)
    narrow = options.bf16 or (amx and jax.default_backend() == "cpu")
    dtype = jnp.bfloat16 if narrow else jnp.float32
    settings = RunOptions(
        compute_dtype=dtype,
        tensorboard=options.tensorboard,
        budget_minutes=options.minutes,
        noise_levels=options.noise,
        device_tflops=options.peak_tflops,
        facts=_facts(options),
    )

    def progress(done: int, total: int | None) -> None:
        console.progress(done, total, "steps")

    try:
        Run(recipe, batches, pictures, options.output, settings, console.say, progress=progress).train(weights)
    finally:
        console.clear()
    if devices.is_first():
        console.say(f"done; 'vaecompress freeze {options.output} -o model.vcm' makes a model file of it")
    return 0


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    """Version and command line, for ``config.json``."""
    import vaecompress

    words = {name: _plain(value) for name, value in vars(options).items() if value not in (None, False, [])}
    return {"vaecompress": vaecompress.__version__, "command": words}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _preset(options: argparse.Namespace) -> "Preset[Any]":
    """The preset that was asked for. Raises UsageError where coded crops do not go with it."""
    from vaecompress.train.presets import on_coded_crops, preset
    from vaecompress.transforms.config import VideoConfig

    found: Preset[Any] = preset(options.preset)
    if not options.coded:
        return found
    if isinstance(found.model, VideoConfig):
        raise UsageError("--coded goes with models of pictures")
    if options.init is None:
        raise UsageError("--coded needs --init: the model that coded the crops, or a later one with the same encoder")
    return on_coded_crops(found)


def _recipe(preset: "Preset[Any]", options: argparse.Namespace) -> "Preset[Any]":
    """The preset with what the options change. Raises UsageError for what it cannot be changed to."""
    from vaecompress.train.presets import with_latents
    from vaecompress.transforms.config import ModelConfig

    if options.latents is not None and not isinstance(preset.model, ModelConfig):
        raise UsageError("--latents goes with models of pictures")
    given = {
        "steps": options.steps,
        "batch_size": options.batch,
        "learning_rate": options.learning_rate,
        "basis_refresh": options.basis_refresh,
        "seed": options.seed,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    model = preset.model if options.latents is None else with_latents(preset.model, options.latents)
    return dataclasses.replace(preset, model=model, recipe=dataclasses.replace(preset.recipe, **changes))


def _batches(
    options: argparse.Namespace, exclude: frozenset[str], seed: int, kind: "Kind", console: Console
) -> "Batches":
    """Where crops come from: the device's memory where it is not the CPU's, ours, or with ``--stream`` the disk."""
    rescale = kind.rescales and not options.no_rescale
    if options.stream:
        from vaecompress.train.data.sources import DataOptions
        from vaecompress.train.data.stream import Pipeline

        return Pipeline(options.data, DataOptions(exclude, rescale, jitter=options.jitter, seed=seed), kind)
    import jax

    from vaecompress.train.data.device_crops import DeviceResident
    from vaecompress.train.data.resident import Resident

    resident = Resident.load(options.data, exclude, rescale, seed, kind)
    if options.mask and resident.pixels[:, -1].all():
        raise UsageError("--mask alpha: no picture has a pixel of alpha 0, so nothing would be masked")
    megapixels = len(resident.pixels) / 1e6
    console.say(f"{len(resident.heights)} {kind.noun}s in memory, {megapixels:.0f} MP; left out: {resident.skipped}")
    return resident if jax.default_backend() == "cpu" else DeviceResident(resident)


def _initial_weights(init: str | None, preset: "Preset[Any]") -> "Weights | None":
    """Weights grown to the preset's shape; raises :class:`UsageError` where they do not fit it."""
    if init is None:
        return None
    from vaecompress.models.installed import SUFFIX
    from vaecompress.train.loop import Weights
    from vaecompress.transforms.config import VideoConfig, config_from_dict

    if Path(init).suffix in (SUFFIX, ""):
        from vaecompress.export.restore import restore, restore_predicted
        from vaecompress.models import file as model_file
        from vaecompress.models import registry
        from vaecompress.models.loaded import PREDICTED

        file = model_file.load(registry.path_of(init))
        again = isinstance(preset.model, VideoConfig) and PREDICTED in file.card
        model, variables = restore_predicted(file) if again else restore(file)
        config, step, training = model.config, 0, file.card.get("training")
    else:
        from vaecompress.train.checkpoint import load_weights

        variables, meta = load_weights(Path(init))
        config, step = config_from_dict(meta.pop("model")), int(meta["step"])
        training = meta
    if config != preset.model:
        from vaecompress.export.widen import start

        variables = {"params": start(variables["params"], config, preset.model)}
        step = 0 if isinstance(preset.model, VideoConfig) else step
    return Weights(variables, step, training)
