"""Train the tensorflow-compression peer: ``python -m vaecompress_eval.peers.tfc_train DATA... [--exclude LIST]``.

Trains one model for each lambda on random crops of the same sources that ``vaecompress train`` takes, by default on as
many pixels as the shipped ``tiny`` has seen for all of its rates: 1,500 steps of 8 crops of 64x64. The weights go to
the user's cache folder, where the benchmark's peer ``tfc-hyperprior`` looks for them. A stopped run goes on with the
first lambda that it had not finished.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from vaecompress.errors import OutputError
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import listed_names

from ..console import ProgressBar, exit_code
from .tfc import LAMBDAS, TfcPeer, weights_folder, weights_path

LEARNING_RATE = 1e-3
DECAY_SHARE = 0.5


def train(data: Resident, lmbda: float, steps: int, batch_size: int, crop: int, path: Path) -> float:
    """Train for one lambda with Adam, its rate held and then decayed to zero by a cosine; returns the last loss.

    Writes the weights to ``path``; raises :class:`OutputError` when that fails.
    """
    import tensorflow as tf

    from .tfc_model import TfcHyperprior

    tf.random.set_seed(0)
    networks = TfcHyperprior()
    variables = networks.trainable_variables
    rate = tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, max(1, round(DECAY_SHARE * steps)))
    held = steps - round(DECAY_SHARE * steps)
    optimiser = tf.keras.optimizers.legacy.Adam(LEARNING_RATE)

    @tf.function  # type: ignore[untyped-decorator]
    def step(crops: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = networks.loss(crops, lmbda)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
        optimiser.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    bar, loss = ProgressBar(), float("nan")
    try:
        for index in range(steps):
            optimiser.learning_rate.assign(rate(max(0, index - held)))
            loss = float(step(tf.constant(data.batch(index, batch_size, crop))))
            bar(index + 1, steps, f"lambda {lmbda:g}, loss {loss:.3f}")
    finally:
        bar.close()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        networks.save(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write the weights: {error.strerror}") from error
    return loss


def train_all(data: Resident, steps: int, batch_size: int, crop: int) -> None:
    """Train for every lambda that has no weights of the same data and recipe yet; raises :class:`OutputError`."""
    recipe = {"steps": steps, "batch_size": batch_size, "crop": crop, "training_pixels": len(data.pixels)}
    _keep_weights_of(recipe)
    for lmbda in LAMBDAS:
        if weights_path(lmbda).is_file():
            sys.stdout.write(f"lambda {lmbda:g}: trained already\n")
            continue
        started = time.monotonic()
        loss = train(data, lmbda, steps, batch_size, crop, weights_path(lmbda))
        sys.stdout.write(f"lambda {lmbda:g}: last loss {loss:.4f}, {time.monotonic() - started:.0f} s\n")


def _keep_weights_of(recipe: dict[str, int]) -> None:
    """Delete weights that were trained in another way, or nobody knows how."""
    note = weights_folder() / "recipe.json"
    text = json.dumps(recipe)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        if not note.exists() or note.read_text() != text:
            for lmbda in LAMBDAS:
                weights_path(lmbda).unlink(missing_ok=True)
            note.write_text(text)
    except OSError as error:
        raise OutputError(f"{note}: cannot be written: {error.strerror}") from error


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vaecompress_eval.peers.tfc_train", description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="pictures, folders or tar shards")
    parser.add_argument("--exclude", type=Path, nargs="+", default=[], help="text files of picture names to leave out")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--crop", type=int, default=64, help="side of a crop in pixels")
    options = parser.parse_args()
    if command := TfcPeer().missing_package():
        parser.error(f"tensorflow-compression is not installed: {command}")
    return exit_code(lambda: _train(options), "stopped; finished lambdas are kept, the same command goes on from there")


def _train(options: argparse.Namespace) -> None:
    data = Resident.load(options.data, listed_names(options.exclude))
    train_all(data, options.steps, options.batch_size, options.crop)


if __name__ == "__main__":
    raise SystemExit(main())
