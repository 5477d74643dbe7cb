"""A run of twenty steps, in this process or as one of several: ``python small_run.py FOLDER [COORDINATOR PROCESS]``.

Of two processes, the second is killed when it asks for the crops of step ``KILLED_AT``.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jax
import numpy as np
import numpy.typing as npt
import optax
from small_model import SMALL

from vaecompress.errors import VaecompressError
from vaecompress.train import devices, optimiser
from vaecompress.train.data.device_crops import DeviceResident
from vaecompress.train.data.resident import Resident
from vaecompress.train.loop import Run, RunOptions
from vaecompress.train.presets import Preset, Recipe

MODEL = replace(SMALL, context_steps=1)
RECIPE = Recipe(steps=20, batch_size=4, crops=((1.0, 64),), warmup_steps=4, exact_share=0.0, basis_refresh=4)
KILLED_AT = 13
KILLED_CODE = -signal.SIGKILL


def pictures() -> Resident:
    """One picture of waves under noise, as :meth:`Resident.load` gives it."""
    random = np.random.default_rng(4)
    rows, columns, channel = np.ogrid[:160, :200, :3]
    waves = 128 + 60 * np.sin(rows / 9 + columns / 5 + channel) + 40 * np.cos(columns / 3 - rows / 17)
    picture: npt.NDArray[np.uint8] = np.clip(waves + random.normal(0, 6, waves.shape), 0, 255).astype(np.uint8)
    sizes = (np.array([side], np.int32) for side in picture.shape[:2])
    return Resident(picture.reshape(-1, 3), np.zeros(1, np.int64), *sizes, seed=3)


class Crops(DeviceResident):
    """Crops drawn on the devices; the second of two processes does not survive ``KILLED_AT``."""

    def batch(self, step: int, batch_size: int, crop: int) -> jax.Array:
        if step == KILLED_AT and jax.process_index() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batch(step, batch_size, crop)


def train(folder: Path) -> Any:
    """The run's last state; every step is logged and saved.

    With Adam for SOAP, which turns the rounding of sums over devices into other bases wherever a gradient has no rank.
    """
    options = RunOptions(log_every=1, save_seconds=0.0)
    with patch.object(optimiser, "soap", lambda rate, refresh_every: optax.adam(rate)):
        return Run(Preset(MODEL, RECIPE), Crops(pictures()), [], folder, options).train()


def main(folder: str, coordinator: str | None = None, process: str = "0") -> int:
    """Train; returns the exit code."""
    if coordinator:
        devices.join(coordinator, 2, int(process))
    try:
        train(Path(folder))
    except VaecompressError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
