"""One run: batches in, checkpoints and learning curves out."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.errors import VaecompressError
from vaecompress.train import checkpoint
from vaecompress.train.curves import TRAINING, CurveLog, CurveRow, TensorBoardLog, plot_curves
from vaecompress.train.objective import rate_distortion
from vaecompress.train.presets import Preset
from vaecompress.train.state import (
    StepFunction,
    StepReport,
    TrainState,
    init_state,
    init_variables,
    make_calibration,
    make_evaluation,
    make_step,
)
from vaecompress.train.vae import HyperpriorVAE

Pictures = npt.NDArray[np.uint8]
VALIDATION_POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
CALIBRATION_BATCHES = 64
WEIGHTS_NAME = "weights.msgpack"


class Batches(Protocol):
    """Where crops come from: a function of the step alone, so that a resumed run sees the same ones."""

    def batch(self, step: int, batch_size: int, crop: int) -> Any:
        """Crops uint8 [batch_size, crop, crop, 3] of step ``step``."""
        ...


class DivergedError(VaecompressError):
    """The loss is not finite; the last good checkpoint is kept."""


@dataclass(frozen=True)
class RunOptions:
    """What a run does besides the recipe. Intervals in steps; ``save_seconds`` between checkpoints."""

    log_every: int = 50
    validate_every: int = 1000
    save_seconds: float = 300.0
    compute_dtype: Any = jnp.float32
    tensorboard: bool = False


class Run:
    """A training run in a folder."""

    def __init__(
        self,
        preset: Preset,
        batches: Batches,
        validation: Sequence[Pictures],
        folder: Path,
        options: RunOptions = RunOptions(),  # noqa: B008
        report: Callable[[str], None] = print,
    ) -> None:
        self.preset, self.batches, self.folder, self.options = preset, batches, folder, options
        self.validation = _validation_batch(validation)
        self.report = report
        self.start_step = 0
        self.minutes = 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def train(self, weights: tuple[dict[str, Any], int] | None = None) -> TrainState:
        """Resume the folder's newest checkpoint; else start from ``weights`` (variables, step); else from scratch.

        Returns the state after the last step, which is saved. Raises :class:`DivergedError` on a loss that is not
        finite, after which the folder holds the last good checkpoint.
        """
        state = self._start(weights)
        first, total = int(state.step), self.preset.recipe.steps
        curves = CurveLog(self.folder / "curves.csv", first)
        board = TensorBoardLog(self.folder / "tensorboard") if self.options.tensorboard else None
        sinks = [curves, board] if board else [curves]
        steps: dict[bool, StepFunction] = {}
        logged = saved = time.monotonic()
        try:
            while (step := int(state.step)) < total:
                exact = step >= self.exact_start
                if exact and (step == self.exact_start or not steps):
                    state = self._calibrated(state)
                if exact not in steps:
                    steps[exact] = make_step(self.preset, self.options.compute_dtype, exact, self.start_step)
                state, report = steps[exact](state, self._batch(step))
                step += 1
                if step % self.options.log_every == 0 or step == total:
                    now = time.monotonic()
                    self._log(step, report, (now - logged), sinks)
                    logged = now
                if step % self.options.validate_every == 0 or step == total:
                    self._validate(state, sinks, exact)
                    plot_curves(curves.rows, self.folder / "curves.png")
                    logged = time.monotonic()
                if time.monotonic() - saved > self.options.save_seconds and step < total:
                    self._save(state)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save(state)
            raise
        self._save(state)
        return state

    @property
    def exact_start(self) -> int:
        """The first step with rounding in the loop."""
        recipe = self.preset.recipe
        return recipe.steps - int(recipe.steps * recipe.exact_share)

    def _start(self, weights: tuple[dict[str, Any], int] | None) -> TrainState:
        fresh = init_variables(HyperpriorVAE(self.preset.model), self.preset.recipe.seed)
        found = checkpoint.latest_step(self.folder)
        if found is not None:
            _, state, meta = checkpoint.load_state(self.folder, init_state(self.preset, fresh))
            self.start_step, self.minutes = int(meta["start_step"]), float(meta["minutes"])
            return TrainState(*jax.tree_util.tree_map(jnp.asarray, state))
        if weights is not None:
            variables, self.start_step = weights
            return init_state(self.preset, {"ranges": fresh["ranges"], **variables}, self.start_step)
        return init_state(self.preset, fresh)

    def _batch(self, step: int) -> Any:
        recipe = self.preset.recipe
        return self.batches.batch(step, recipe.batch_size, crop_at(recipe.crops, step / recipe.steps))

    def _calibrated(self, state: TrainState) -> TrainState:
        calibrate = make_calibration(self.preset)
        for index in range(CALIBRATION_BATCHES):
            state = calibrate(state, self._batch(self.preset.recipe.steps + index))
        return state

    def _log(self, step: int, report: StepReport, seconds: float, sinks: Sequence[Any]) -> None:
        loss = float(report.loss)
        if not math.isfinite(loss):
            raise DivergedError(f"loss is {loss} at step {step}: lower the learning rate and run again to resume")
        self.minutes += seconds / 60.0
        rate = self.options.log_every / seconds
        left = (self.preset.recipe.steps - step) / rate / 60.0
        row = self._row(step, TRAINING, loss, float(report.bpp), float(report.psnr_db), rate)
        for sink in sinks:
            sink.append(row)
        self.report(
            f"step {step}  loss {loss:.3f}  {float(report.bpp):.3f} bpp  {float(report.psnr_db):.2f} dB  "
            f"|g| {float(report.gradient_norm):.2f}  {rate:.2f} steps/s  {left:.0f} min left"
        )

    def _validate(self, state: TrainState, sinks: Sequence[Any], exact: bool) -> None:
        if self.validation is None:
            return
        evaluate = make_evaluation(self.preset)
        losses = []
        for place in VALIDATION_POSITIONS:
            position = jnp.full((len(self.validation),), place)
            measures = evaluate({"params": state.ema, "ranges": state.ranges}, self.validation, position, exact)
            losses.append(float(jnp.mean(rate_distortion(measures, position))))
            bpp, psnr = float(jnp.mean(measures.bpp)), float(jnp.mean(measures.psnr_db))
            row = self._row(int(state.step), f"q{round(1 + 99 * place)}", losses[-1], bpp, psnr)
            for sink in sinks:
                sink.append(row)
        self.report(f"step {int(state.step)}  validation loss {np.mean(losses):.4f}")

    def _row(
        self, step: int, series: str, loss: float, bpp: float, psnr_db: float, rate: float | None = None
    ) -> CurveRow:
        recipe = self.preset.recipe
        pixels = step * recipe.batch_size * crop_at(recipe.crops, step / recipe.steps) ** 2
        return CurveRow(step, self.minutes, pixels, series, loss, bpp, psnr_db, None, rate)

    def _save(self, state: TrainState) -> None:
        step = int(state.step)
        finite = all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree_util.tree_leaves(state.params))
        if not finite:
            raise DivergedError(f"weights are not finite at step {step}: the last good checkpoint is kept")
        meta = {"start_step": self.start_step, "minutes": self.minutes, **describe(self.preset)}
        checkpoint.save_state(self.folder, step, state, meta)
        weights = {"params": state.ema, "ranges": state.ranges}
        checkpoint.save_weights(self.folder / WEIGHTS_NAME, weights, {"step": step, **meta})


def describe(preset: Preset) -> dict[str, Any]:
    """A preset as JSON-ready fields."""
    return {"model": preset.model.to_dict(), "recipe": json.loads(json.dumps(asdict(preset.recipe)))}


def crop_at(crops: Sequence[tuple[float, int]], progress: float) -> int:
    """The crop side at ``progress`` 0..1 through the run."""
    reached = 0.0
    for share, side in crops:
        reached += share
        if progress < reached:
            return side
    return crops[-1][1]


def _validation_batch(pictures: Sequence[Pictures], side: int = 256) -> Pictures | None:
    """The middle ``side`` x ``side`` of each picture that is large enough, as one batch."""
    cut = []
    for picture in pictures:
        top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        if top >= 0 and left >= 0:
            cut.append(picture[top : top + side, left : left + side])
    return np.stack(cut) if cut else None
