"""One run: batches in, checkpoints and learning curves out."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vaecompress.errors import DivergedError, UsageError
from vaecompress.files import write_atomically
from vaecompress.train import checkpoint, devices
from vaecompress.train.curves import TRAINING, CurveLog, CurveRow, TensorBoardLog, plot_curves
from vaecompress.train.data import coded
from vaecompress.train.data.sources import middles
from vaecompress.train.interrupt import interrupt_flag
from vaecompress.train.meter import Meter
from vaecompress.train.model import fresh_variables, model_of, own_positions
from vaecompress.train.objective import measure, rate_distortion
from vaecompress.train.optimiser import optimiser, warm_up
from vaecompress.train.presets import Preset
from vaecompress.train.saver import Saver
from vaecompress.train.schedule import Schedule
from vaecompress.train.step import (
    StepFunction,
    StepReport,
    TrainState,
    init_state,
    make_calibration,
    make_evaluation,
    make_preset_step,
)
from vaecompress.transforms.config import VideoConfig

Pictures = npt.NDArray[np.uint8]

VALIDATION_SIDE, TRIPLE_SIDE = 256, 192
"""Validation is on the middle of pictures, and of triples, this many pixels square; on the whole of coded crops."""
CONFIG_NAME = "config.json"
"""What the run is, in its folder: written when it starts, and again when it goes on."""

BEFORE_DECAY = "before-decay"
"""The checkpoint from which the learning rate fell, in a folder of its own within the run's."""

VALIDATION_POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
CALIBRATION_BATCHES = 64


class Batches(Protocol):
    """Where crops come from: a function of the step alone, so that a resumed run sees the same ones."""

    def batch(self, step: int, batch_size: int, crop: int) -> Any:
        """Crops uint8 [batch_size, crop, crop, C] of step ``step``, the same in every process."""
        ...


@dataclass(frozen=True)
class RunOptions:
    """What a run does besides the recipe.

    Intervals in steps; ``save_seconds`` between checkpoints. ``budget_minutes`` of training replace the recipe's steps.
    ``noise_levels`` is the deviation of noise on what goes in, while what comes out is held against pictures without.
    ``device_tflops`` is one device's peak where :mod:`meter` does not know it. ``facts`` is what else ``config.json``
    shall tell, as where the pictures came from.
    """

    log_every: int = 50
    validate_every: int = 1000
    save_seconds: float = 300.0
    compute_dtype: Any = jnp.float32
    tensorboard: bool = False
    budget_minutes: float | None = None
    noise_levels: float = 0.0
    device_tflops: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Weights(NamedTuple):
    """Where a run starts: variables, their step, and what is known of the training that made them."""

    variables: dict[str, Any]
    step: int = 0
    training: Mapping[str, Any] | None = None


class Run:
    """A training run in a folder, on every device of every process that was joined."""

    def __init__(
        self,
        preset: Preset[Any],
        batches: Batches,
        validation: Sequence[Pictures],
        folder: Path,
        options: RunOptions = RunOptions(),
        report: Callable[[str], None] = print,
        log: Callable[[CurveRow], None] | None = None,
        progress: Callable[[int, int | None], None] = lambda done, total: None,
    ) -> None:
        """Raises :class:`UsageError` where the devices cannot get equal shares of a batch.

        ``report`` is given lines for people, ``log`` every row of the learning curves, ``progress`` the steps done of
        those to do (None where a budget of minutes decides), from before the first one on; all in the first process.
        """
        devices.check_batch(preset.recipe.batch_size)
        self.preset, self.batches, self.folder, self.options = preset, batches, folder, options
        self._model = model_of(preset.model, coded=preset.recipe.coded)
        self.validation = middles(validation, _validation_side(preset))
        first = devices.is_first()
        self.report = report if first else lambda line: None
        self.log = log if first else None
        self.progress = progress if first else lambda done, total: None
        self.schedule = Schedule(preset.recipe, options.budget_minutes)
        self.start_step = self.pixels = 0
        self.minutes = 0.0
        self.calibrated = False
        self.losses: dict[str, float] = {}
        self.before: Mapping[str, Any] | None = None
        self._interval = Meter(preset.model, options.device_tflops)
        self._whole = self._interval.fresh()
        self._logged = time.monotonic()
        self._closing = ExitStack()

    def train(self, weights: Weights | None = None) -> TrainState:
        """Resume the folder's newest checkpoint; else start from ``weights``; else from scratch.

        Returns the state after the last step, which is saved. Raises :class:`DivergedError` on a loss that is not
        finite, after which the folder holds the last good checkpoint; UsageError where the weights stand at or beyond
        the last step; :class:`LostProcessError` where another process is gone. Ctrl-C saves and raises
        KeyboardInterrupt, in every process.
        """
        kept = Saver(self.folder / BEFORE_DECAY)
        with (
            devices.all_alive(),
            interrupt_flag() as interrupted,
            Saver(self.folder) as self._saver,
            kept,
            self._closing,
        ):
            state = self._start(weights)
            self._write_config()
            self._curves, self._sinks = self._open_curves(int(state.step))
            self._evaluate = make_evaluation(self._model, measure)
            return self._loop(state, interrupted, kept)

    def _loop(self, state: TrainState, interrupted: threading.Event, kept: Saver) -> TrainState:
        """Every step from ``state`` on; where the learning rate begins to fall the state is ``kept``."""
        first = step = int(state.step)
        steps_left = self.preset.recipe.steps - first if self.options.budget_minutes is None else None
        self.progress(0, steps_left)
        self._logged = saved = time.monotonic()
        rate_holds = self._place(first) < self.schedule.decay_from
        take_step: StepFunction | None = None
        report: StepReport | None = None
        while not self._done(step):
            if rate_holds and self._place(step) >= self.schedule.decay_from:
                rate_holds = False
                self._save(state, kept)
            if take_step is None or (self._exact(step) and not self.calibrated):
                state, take_step = self._phase(state, step)
            batch, before = self._next_batch(step, report), report
            state, report = take_step(state, batch, self.schedule.moment(self._place(step)))
            if before is not None:  # let the device lag one step behind, not many
                before.loss.block_until_ready()
            step += 1
            self.progress(step - first, steps_left)
            stop = self._stop(step, interrupted)
            if step % self.options.log_every == 0 or stop or self._done(step):
                self._log(step, report)
            done = self._done(step)
            if done or (step % self.options.validate_every == 0 and not stop):
                self._validate(state, step)
            if done or stop or time.monotonic() - saved > self.options.save_seconds:
                self._save(state, self._saver)
                saved = time.monotonic()
            if stop and not done:
                raise KeyboardInterrupt
        if self._whole.steps:
            self.report(f"{self._whole.steps} steps in {self._whole.seconds / 60:.1f} min  {self._whole.text()}")
        return state

    def _place(self, step: int) -> float:
        return self.schedule.at(step, self.minutes)

    def _exact(self, step: int) -> bool:
        return self._place(step) >= self.schedule.exact_from

    def _done(self, step: int) -> bool:
        """Whether the end is reached; a run that asks for rounding in the loop ends with some, however late."""
        return self._place(step) >= 1.0 and (self.calibrated or not self._exact(step))

    def _stop(self, step: int, interrupted: threading.Event) -> bool:
        """Whether to stop here; several processes agree on it when they log."""
        if jax.process_count() == 1:
            return interrupted.is_set()
        return step % self.options.log_every == 0 and devices.any_process(interrupted.is_set())

    def _phase(self, state: TrainState, step: int) -> tuple[TrainState, StepFunction]:
        """The step function from ``step`` on; grids are calibrated once, where rounding enters the loop."""
        exact = self._exact(step)
        if exact and not self.calibrated:
            calibrate = make_calibration(self._model)
            for index in range(CALIBRATION_BATCHES):
                state = calibrate(state, self._batch(self.preset.recipe.steps + index, self._crop(step)))
            self.calibrated = True
        return state, make_preset_step(self.preset, self.options.compute_dtype, exact, self.options.noise_levels)

    def _start(self, weights: Weights | None) -> TrainState:
        """The state to go on from, which the first process finds and hands to the others."""
        state = self._found(weights)
        if jax.process_count() > 1:
            facts = np.array([self.start_step, self.minutes, self.calibrated], np.float32)
            state, facts = devices.from_first((state, facts))
            self.start_step, self.minutes, self.calibrated = int(facts[0]), float(facts[1]), bool(facts[2])
        placed: TrainState = devices.replicate(state)
        return placed

    def _found(self, weights: Weights | None) -> TrainState:
        fresh = fresh_variables(self._model, self.preset.recipe.seed)
        transform = optimiser(self.preset.recipe)
        if devices.is_first() and checkpoint.latest_step(self.folder) is not None:
            step, state, meta = checkpoint.load_state(self.folder, init_state(transform, fresh))
            self.start_step, self.minutes = int(meta["start_step"]), float(meta["minutes"])
            self.pixels = int(meta.get("pixels", 0))
            self.calibrated = bool(meta.get("calibrated", self._place(step) > self.schedule.exact_from))
            self.losses, self.before = dict(meta.get("validation_losses", {})), meta.get("before")
            return TrainState(*state)
        if weights is not None:
            self.start_step, self.before = weights.step, weights.training
            if self.start_step >= self.preset.recipe.steps and self.options.budget_minutes is None:
                raise UsageError(f"the weights stand at step {self.start_step}: give a run of more steps than that")
            start = {"params": weights.variables["params"], "ranges": fresh["ranges"]}
            return init_state(transform, start, self.start_step)
        return init_state(transform, fresh)

    def _crop(self, step: int) -> int:
        return self.schedule.crop(self._place(step))

    def _batch(self, step: int, crop: int) -> jax.Array:
        return devices.share_out(self.batches.batch(step, self.preset.recipe.batch_size, crop))

    def _next_batch(self, step: int, running: Any) -> jax.Array:
        """The batch of ``step``, counted; as waiting too, where the step before it, ``running``, ended meanwhile."""
        crop, asked = self._crop(step), time.monotonic()
        batch = self._batch(step, crop)
        if running is not None and running.loss.is_ready():
            self._interval.waiting_s += time.monotonic() - asked
        pixels = self.preset.recipe.batch_size * crop**2
        self._interval.steps += 1
        self._interval.pixels += pixels
        self.pixels += pixels
        return batch

    def _write_config(self) -> None:
        """What the run is, for people and for whoever runs it again."""
        if devices.is_first():
            options = {name: value for name, value in vars(self.options).items() if name != "facts"}
            options["compute_dtype"] = jnp.dtype(self.options.compute_dtype).name
            config = {"machine": devices.machine(), "options": options, **self.options.facts, **describe(self.preset)}
            write_atomically(self.folder / CONFIG_NAME, json.dumps(config, indent=1).encode() + b"\n")

    def _open_curves(self, step: int) -> tuple[CurveLog | None, list[Callable[[CurveRow], None]]]:
        """The learning curves up to ``step``, and everything that takes new rows; nothing where another writes."""
        if not devices.is_first():
            return None, []
        curves = CurveLog(self.folder / "curves.csv", step)
        sinks: list[Callable[[CurveRow], None]] = [curves.append]
        if self.options.tensorboard:
            events = TensorBoardLog(self.folder / "tensorboard")
            self._closing.callback(events.close)
            sinks.append(events.append)
        if self.log is not None:
            sinks.append(self.log)
        return curves, sinks

    def _log(self, step: int, report: StepReport) -> None:
        loss = float(report.loss)
        if not math.isfinite(loss):
            raise DivergedError(f"loss is {loss} at step {step}: lower the learning rate and run again to resume")
        now, meter = time.monotonic(), self._interval
        meter.seconds, self._logged = now - self._logged, now
        self.minutes += meter.seconds / 60.0
        if self.options.budget_minutes is not None and jax.process_count() > 1:
            self.minutes = float(devices.from_first(np.float32(self.minutes)))
        left = self.schedule.minutes_left(step, self.minutes, meter.steps_per_s)
        bpp, psnr_db = float(report.bpp), float(report.psnr_db)
        self._append(step, TRAINING, loss, bpp, psnr_db, meter.steps_per_s)
        self.report(
            f"step {step}  loss {loss:.3f}  {bpp:.3f} bpp  {psnr_db:.2f} dB  |g| {float(report.gradient_norm):.2f}  "
            f"{meter.steps_per_s:.2f} steps/s  {meter.text()}  {left:.0f} min left"
        )
        self._whole.add(meter)
        self._interval = meter.fresh()

    def _validate(self, state: TrainState, step: int) -> None:
        """Measure the averaged weights on the validation pictures and draw the curves; not counted as training time."""
        began = time.monotonic()
        if len(self.validation):
            self.losses = dict(self._measure(state, step))
            self.report(f"step {step}  validation loss {np.mean(list(self.losses.values())):.4f}")
        if self._curves and find_spec("matplotlib"):
            plot_curves(self._curves.rows, self.folder / "curves.png")
        self._logged += time.monotonic() - began

    def _measure(self, state: TrainState, step: int) -> Iterator[tuple[str, float]]:
        """Series of the learning curves and their losses, in the arithmetic of the current phase.

        Pictures are coded at each of the qualities, triples and coded crops at their own, which counts for the nearest.
        """
        own = own_positions(self._model, self.validation)
        places = np.asarray(VALIDATION_POSITIONS, np.float32)
        if own is None:
            every = np.full(len(self.validation), True)
            passes = [(np.full(len(self.validation), place, np.float32), {place: every}) for place in places]
        else:
            nearest = np.abs(np.asarray(own)[:, None] - places).argmin(1)
            passes = [(np.asarray(own), {place: nearest == index for index, place in enumerate(places)})]
        for position, members in passes:
            found = self._measured(state, position)
            for place, chosen in members.items():
                if chosen.any():
                    loss, bpp, psnr_db = (float(np.mean(values[chosen])) for values in found)
                    self._append(step, _series(place), loss, bpp, psnr_db)
                    yield _series(place), loss

    def _measured(self, state: TrainState, position: npt.NDArray[np.float32]) -> tuple[npt.NDArray[Any], ...]:
        """Losses, bits a pixel and PSNR in dB [N] of what validation is on, coded at ``position`` [N]."""
        where = devices.replicate(position)
        variables = {"params": state.ema, "ranges": state.ranges}
        measures = self._evaluate(variables, devices.replicate(self.validation), where, self.calibrated)
        return tuple(np.asarray(each) for each in (rate_distortion(measures, where), measures.bpp, measures.psnr_db))

    def _append(
        self, step: int, series: str, loss: float, bpp: float, psnr_db: float, steps_per_s: float | None = None
    ) -> None:
        """One row of the learning curves, about the ``step`` steps taken so far."""
        warm = float(warm_up(self.preset.recipe)(step - 1 - self.start_step))
        learning_rate = warm * self.schedule.decay(self._place(step - 1))
        row = CurveRow(step, self.minutes, self.pixels, series, loss, bpp, psnr_db, learning_rate, steps_per_s)
        for sink in self._sinks:
            sink(row)

    def _save(self, state: TrainState, saver: Saver) -> None:
        if not devices.is_first():
            return
        facts = {
            "start_step": self.start_step,
            "minutes": self.minutes,
            "pixels": self.pixels,
            "calibrated": self.calibrated,
            "machine": devices.machine(),
            "validation_losses": self.losses,
        }
        before = {} if self.before is None else {"before": dict(self.before)}
        saver.save(state, {**facts, **before, **describe(self.preset)})


def _validation_side(preset: Preset[Any]) -> int:
    if preset.recipe.coded:
        return coded.SIDE
    return TRIPLE_SIDE if isinstance(preset.model, VideoConfig) else VALIDATION_SIDE


def _series(place: float) -> str:
    return f"q{round(1 + 99 * place)}"


def describe(preset: Preset[Any]) -> dict[str, Any]:
    """A preset as JSON-ready fields."""
    return {"model": preset.model.to_dict(), "recipe": json.loads(json.dumps(asdict(preset.recipe)))}
