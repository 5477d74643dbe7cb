"""One run: batches in, checkpoints and learning curves out."""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.errors import UsageError, VaecompressError
from vaecompress.train import checkpoint
from vaecompress.train.curves import TRAINING, CurveLog, CurveRow, TensorBoardLog, plot_curves
from vaecompress.train.interrupt import interrupt_flag
from vaecompress.train.objective import rate_distortion
from vaecompress.train.optimiser import schedule
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
        options: RunOptions = RunOptions(),
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
        finite, after which the folder holds the last good checkpoint; UsageError where the weights stand at or beyond
        the last step. Ctrl-C saves and raises KeyboardInterrupt.
        """
        state = self._start(weights)
        self._curves = CurveLog(self.folder / "curves.csv", int(state.step))
        self._sinks: list[CurveLog | TensorBoardLog] = [self._curves]
        if self.options.tensorboard:
            self._sinks.append(TensorBoardLog(self.folder / "tensorboard"))
        self._evaluate = make_evaluation(self.preset)
        with interrupt_flag() as interrupted:
            return self._loop(state, interrupted)

    @property
    def exact_start(self) -> int:
        """The first step with rounding in the loop; a run that asks for any gets at least one."""
        recipe = self.preset.recipe
        return recipe.steps - (max(1, int(recipe.steps * recipe.exact_share)) if recipe.exact_share else 0)

    def _loop(self, state: TrainState, interrupted: threading.Event) -> TrainState:
        """Every step from ``state`` on."""
        step, total = int(state.step), self.preset.recipe.steps
        self._logged_step, self._logged = step, time.monotonic()
        saved = time.monotonic()
        take_step: StepFunction | None = None
        report: StepReport | None = None
        while step < total:
            if take_step is None or step == self.exact_start:
                state, take_step = self._phase(state, step)
            before = report
            state, report = take_step(state, self._batch(step))
            if before is not None:  # let the device lag one step behind, not many
                before.loss.block_until_ready()
            step += 1
            stop = step == total or interrupted.is_set()
            if step % self.options.log_every == 0 or stop:
                self._log(step, report)
            if stop or time.monotonic() - saved > self.options.save_seconds:
                self._save(state)
                saved = time.monotonic()
            if stop and step < total:
                raise KeyboardInterrupt
            if step % self.options.validate_every == 0 or step == total:
                self._validate(state, step)
        return state

    def _phase(self, state: TrainState, step: int) -> tuple[TrainState, StepFunction]:
        """The step function from ``step`` on; grids are calibrated once, where rounding enters the loop."""
        exact = step >= self.exact_start
        if exact and step == max(self.exact_start, self.start_step):
            calibrate = make_calibration(self.preset)
            for index in range(CALIBRATION_BATCHES):
                state = calibrate(state, self._batch(self.preset.recipe.steps + index))
        return state, make_step(self.preset, self.options.compute_dtype, exact, self.start_step)

    def _start(self, weights: tuple[dict[str, Any], int] | None) -> TrainState:
        fresh = init_variables(HyperpriorVAE(self.preset.model), self.preset.recipe.seed)
        found = checkpoint.latest_step(self.folder)
        if found is not None:
            _, state, meta = checkpoint.load_state(self.folder, init_state(self.preset, fresh))
            self.start_step, self.minutes = int(meta["start_step"]), float(meta["minutes"])
            return TrainState(*jax.tree_util.tree_map(jnp.asarray, state))
        if weights is not None:
            variables, self.start_step = weights
            if self.start_step >= self.preset.recipe.steps:
                raise UsageError(f"the weights stand at step {self.start_step}: give a run of more steps than that")
            return init_state(self.preset, {"params": variables["params"], "ranges": fresh["ranges"]}, self.start_step)
        return init_state(self.preset, fresh)

    def _batch(self, step: int) -> Any:
        recipe = self.preset.recipe
        return self.batches.batch(step, recipe.batch_size, crop_at(recipe.crops, step / recipe.steps))

    def _log(self, step: int, report: StepReport) -> None:
        loss = float(report.loss)
        if not math.isfinite(loss):
            raise DivergedError(f"loss is {loss} at step {step}: lower the learning rate and run again to resume")
        now = time.monotonic()
        seconds, steps = now - self._logged, step - self._logged_step
        self._logged_step, self._logged = step, now
        self.minutes += seconds / 60.0
        rate = steps / seconds
        left = (self.preset.recipe.steps - step) / rate / 60.0
        bpp, psnr_db = float(report.bpp), float(report.psnr_db)
        self._append(step, TRAINING, loss, bpp, psnr_db, rate)
        self.report(
            f"step {step}  loss {loss:.3f}  {bpp:.3f} bpp  {psnr_db:.2f} dB  "
            f"|g| {float(report.gradient_norm):.2f}  {rate:.2f} steps/s  {left:.0f} min left"
        )

    def _validate(self, state: TrainState, step: int) -> None:
        """Measure the averaged weights on the validation pictures and draw the curves; not counted as training time."""
        began = time.monotonic()
        if self.validation is not None:
            losses = [self._measure(state, step, place) for place in VALIDATION_POSITIONS]
            self.report(f"step {step}  validation loss {np.mean(losses):.4f}")
        plot_curves(self._curves.rows, self.folder / "curves.png")
        self._logged += time.monotonic() - began

    def _measure(self, state: TrainState, step: int, place: float) -> float:
        """Loss over the validation pictures at one quality, 0..1, in the arithmetic of the current phase."""
        assert self.validation is not None
        position = jnp.full((len(self.validation),), place)
        variables = {"params": state.ema, "ranges": state.ranges}
        measures = self._evaluate(variables, jnp.asarray(self.validation), position, step > self.exact_start)
        loss = float(jnp.mean(rate_distortion(measures, position)))
        series = f"q{round(1 + 99 * place)}"
        self._append(step, series, loss, float(jnp.mean(measures.bpp)), float(jnp.mean(measures.psnr_db)))
        return loss

    def _append(
        self, step: int, series: str, loss: float, bpp: float, psnr_db: float, steps_per_s: float | None = None
    ) -> None:
        """One row of the learning curves, about the ``step`` steps taken so far."""
        recipe = self.preset.recipe
        pixels = recipe.batch_size * sum(crop_at(recipe.crops, i / recipe.steps) ** 2 for i in range(step))
        learning_rate = float(schedule(recipe, self.start_step)(step - 1 - self.start_step))
        row = CurveRow(step, self.minutes, pixels, series, loss, bpp, psnr_db, learning_rate, steps_per_s)
        for sink in self._sinks:
            sink.append(row)

    def _save(self, state: TrainState) -> None:
        step = int(state.step)
        if not all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree_util.tree_leaves(state)):
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
