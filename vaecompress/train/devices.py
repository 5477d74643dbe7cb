"""The devices of a run: all of this process's, and where several processes join, all of theirs, each with its share.

One code path for one device and for many: arrays carry a sharding over a mesh of every device, and XLA makes of a
jitted function one that works on each device's share of the batch and adds up what is summed over it.
"""

import atexit
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vaecompress.errors import LostProcessError, UsageError

AUTOMATIC = "auto"
CPU_FACTS = Path("/proc/cpuinfo")
XLA_FLAGS, AMX_FLAG = "XLA_FLAGS", "--xla_cpu_experimental_onednn_custom_call=true"
_BATCH = "batch"
_spec: Any = PartitionSpec


def join(coordinator: str, processes: int | None = None, process: int | None = None) -> None:
    """Become process ``process`` of the ``processes`` that train together; before anything else that uses jax.

    ``coordinator`` is HOST:PORT of process 0, or ``auto`` for what jax finds out by itself (Slurm, Open MPI, TPU pods).
    Raises :class:`UsageError` where the others cannot be found.
    """
    settings: Any = jax.config
    settings.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(None if coordinator == AUTOMATIC else coordinator, processes, process)
    except (ValueError, RuntimeError) as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(
            f"cannot train together with the others ({problem}): give each process --coordinator HOST:PORT of the "
            "first, --processes and its own --process"
        ) from error


@cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), (_BATCH,))


def replicated() -> NamedSharding:
    """The sharding of what every device holds whole."""
    return NamedSharding(_mesh(), _spec())


def shared_out() -> NamedSharding:
    """The sharding of a batch [B, ...]: each device holds B / devices of its samples."""
    return NamedSharding(_mesh(), _spec(_BATCH))


def machine() -> str:
    """What trains, for the record: ``8 x NVIDIA H100 80GB HBM3`` or ``1 x cpu (2 cores, AMD EPYC)``."""
    found = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    return f"{found} ({os.cpu_count()} cores, {_processor()})" if jax.default_backend() == "cpu" else found


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    return _of_processor("model name") or platform.processor() or platform.machine()


def _of_processor(fact: str) -> str:
    """What Linux says of the first core, "" where it says nothing."""
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(fact)), "")


def use_amx() -> bool:
    """Whether XLA may multiply bfloat16 in the matrix units of this processor; it is told to. Before jax computes.

    Only where the processor has them and this jaxlib knows the option: without, bfloat16 is slower than float32 there.
    An unknown option ends a process, so another one tries.
    """
    if "amx_bf16" not in _of_processor("flags").split():
        return False
    flags = f"{os.environ.get(XLA_FLAGS, '')} {AMX_FLAG}".strip()
    words = [sys.executable, "-c", "import jax; jax.devices()"]
    known = (
        subprocess.run(words, env={**os.environ, XLA_FLAGS: flags}, capture_output=True, check=False).returncode == 0
    )
    if known:
        os.environ[XLA_FLAGS] = flags
    return known


def check_batch(batch_size: int) -> None:
    """Raises :class:`UsageError` where the devices cannot get equal shares."""
    count = jax.device_count()
    if batch_size % count:
        fitting = -(-batch_size // count) * count
        raise UsageError(f"a batch of {batch_size} cannot be shared out to {count} devices: give --batch {fitting}")


def replicate(tree: Any) -> Any:
    """The arrays of ``tree``, equal in every process, on every device."""
    return jax.tree_util.tree_map(lambda leaf: _put(leaf, replicated()), tree)


def share_out(batch: Any) -> jax.Array:
    """A batch [B, ...], equal in every process, with a share of it on every device."""
    return batch if isinstance(batch, jax.Array) else _put(batch, shared_out())


def _put(leaf: Any, sharding: NamedSharding) -> jax.Array:
    whole: npt.NDArray[Any] = np.asarray(leaf)
    return jax.make_array_from_callback(whole.shape, sharding, lambda span: np.asarray(whole[span]))


def is_first() -> bool:
    """Whether this is process 0, which alone speaks and writes."""
    return jax.process_index() == 0


def from_first(tree: Any) -> Any:
    """Process 0's arrays (numpy) in every process; all must ask for the same."""
    return multihost_utils.broadcast_one_to_all(jax.device_get(tree))


def any_process(flag: bool) -> bool:
    """Whether ``flag`` is set in any process; all must ask."""
    return bool(np.any(multihost_utils.process_allgather(np.asarray(flag))))


@contextmanager
def all_alive() -> Iterator[None]:
    """Raises :class:`LostProcessError` where jax fails because another process of the run is gone.

    This one then ends without the leave-taking of jax, which waits for the other and aborts after a minute or two.
    Where a sum over the devices does not fail but waits, jax itself ends the process, with a message of its own.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        atexit.register(_end_at_once)
        problem = str(error).partition("\n")[0]
        raise LostProcessError(
            f"another process of this run has stopped ({problem}): start again, on any number of devices, to go on "
            "from the last checkpoint"
        ) from error


def _end_at_once() -> None:
    sys.stdout.flush()
    os._exit(LostProcessError.exit_code)
