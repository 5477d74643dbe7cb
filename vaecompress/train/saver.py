"""Writing checkpoints while training goes on."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np

from vaecompress.errors import DivergedError
from vaecompress.train import checkpoint
from vaecompress.train.step import TrainState

WEIGHTS_NAME = "weights.msgpack"


class Saver:
    """Copies states off the device at once and writes them to ``folder`` in a thread, one at a time.

    A context: leaving it waits for the last one. What a thread raised comes out of the next call or there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None

    def save(self, state: TrainState, meta: Mapping[str, Any]) -> None:
        """Save the run's checkpoint and its averaged weights.

        Raises :class:`DivergedError`, with what is saved untouched, where a number is not finite;
        :class:`OutputError` where the one before could not be written.
        """
        copy = jax.device_get(state)
        step = int(copy.step)
        if not all(bool(np.isfinite(leaf).all()) for leaf in jax.tree_util.tree_leaves(copy)):
            raise DivergedError(f"weights are not finite at step {step}: the last good checkpoint is kept")
        self.finish()
        self._pending = self._pool.submit(self._write, step, copy, dict(meta))

    def finish(self) -> None:
        """Wait until everything is on the disk. Raises :class:`OutputError`."""
        pending, self._pending = self._pending, None
        if pending:
            pending.result()

    def __enter__(self) -> "Saver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._pool:
            self.finish()

    def _write(self, step: int, state: TrainState, meta: dict[str, Any]) -> None:
        checkpoint.save_state(self._folder, step, state, meta)
        weights = {"params": state.ema, "ranges": state.ranges}
        checkpoint.save_weights(self._folder / WEIGHTS_NAME, weights, {"step": step, **meta})
