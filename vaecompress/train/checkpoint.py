"""Checkpoints: the whole state of a run, to resume exactly, and half-precision weights, to keep and hand on.

A run's state is one msgpack byte string cut into parts, ``checkpoint-<step>.<part>.msgpack``, and an index
``checkpoint-<step>.json`` that is written last: a checkpoint exists when its index does. Weights are one file: a magic,
the SHA-256 of what follows, and msgpack of the metadata and the arrays. Neither holds code.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import serialization

from vaecompress.errors import CorruptError, InputError
from vaecompress.files import write_atomically

PART_BYTES = 15_000_000
KEEP = 2
WEIGHTS_MAGIC = b"VCWEIGHT"

_NAME = re.compile(r"\.?checkpoint-(\d{8,})\.(?:json|\d{3}\.msgpack)(?:\.vaecompress\.part)?")
_HALF_ERROR = 2.0**-10
"""Largest rounding error, relative to a leaf's norm, that is put up with (half precision rounds by 2^-11 at most)."""


def save_state(folder: Path, step: int, state: Any, meta: Mapping[str, Any]) -> None:
    """Save ``state`` (a pytree of arrays; PRNG keys as raw key data) as the run's checkpoint at ``step``.

    ``meta`` is kept beside it as JSON. Of older checkpoints in ``folder`` the newest one stays. Raises
    :class:`OutputError` when the disk refuses.
    """
    index = folder / f"checkpoint-{step:08}.json"
    index.unlink(missing_ok=True)
    data = serialization.to_bytes(jax.device_get(state))
    parts = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
    for number, part in enumerate(parts):
        write_atomically(_part(folder, step, number), part)
    record = {"step": step, "parts": len(parts), "sha256": hashlib.sha256(data).hexdigest(), "meta": dict(meta)}
    write_atomically(index, json.dumps(record, indent=1).encode())
    _prune(folder)


def load_state(folder: Path, like: Any) -> tuple[int, Any, dict[str, Any]]:
    """``(step, state, meta)`` of the newest checkpoint in ``folder``; ``state`` has the structure of ``like``.

    Raises :class:`InputError` when there is none or it is of another model, :class:`CorruptError` when it is damaged.
    """
    step = latest_step(folder)
    if step is None:
        raise InputError(f"{folder}: holds no checkpoint to resume from")
    index = folder / f"checkpoint-{step:08}.json"
    try:
        record = json.loads(index.read_bytes())
        data = b"".join(_part(folder, step, number).read_bytes() for number in range(record["parts"]))
        sound = hashlib.sha256(data).hexdigest() == record["sha256"]
        meta = dict(record["meta"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{index}: damaged or incomplete; delete it to resume from the one before") from error
    if not sound:
        raise CorruptError(f"{index}: its parts are damaged; delete it to resume from the one before")
    return step, _fitted(serialization.msgpack_restore(data), like, index), meta


def latest_step(folder: Path) -> int | None:
    """Step of the newest checkpoint in ``folder``, or ``None``."""
    return max(_steps(folder), default=None)


def save_weights(path: Path, tree: Any, meta: Mapping[str, Any]) -> None:
    """Save a pytree of weights in half precision, with ``meta`` (step, preset, settings: anything JSON holds).

    A leaf that half precision cannot hold (out of its range, or so small that the rounding error passes 2^-10 of the
    leaf's norm) is stored as float32; integers are stored as they are. Raises :class:`OutputError`.
    """
    leaves = jax.tree_util.tree_map(_halved, serialization.to_state_dict(jax.device_get(tree)))
    body = serialization.msgpack_serialize({"meta": json.dumps(dict(meta)), "weights": leaves})
    write_atomically(path, WEIGHTS_MAGIC + hashlib.sha256(body).digest() + body)


def load_weights(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """``(tree, meta)`` of a weights file: nested dictionaries of numpy arrays, half precision widened to float32.

    Raises :class:`InputError` when the file cannot be read, :class:`CorruptError` when it is damaged or no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    head = len(WEIGHTS_MAGIC)
    digest, body = data[head : head + 32], data[head + 32 :]
    if not data.startswith(WEIGHTS_MAGIC):
        raise CorruptError(f"{path}: is not a weights file")
    if hashlib.sha256(body).digest() != digest:
        raise CorruptError(f"{path}: weights file is damaged; fetch it again")
    content = serialization.msgpack_restore(body)
    return jax.tree_util.tree_map(_widened, content["weights"]), json.loads(content["meta"])


def _part(folder: Path, step: int, number: int) -> Path:
    return folder / f"checkpoint-{step:08}.{number:03}.msgpack"


def _steps(folder: Path) -> list[int]:
    names = (_NAME.fullmatch(path.name) for path in folder.glob("checkpoint-*.json"))
    return sorted(int(name[1]) for name in names if name)


def _prune(folder: Path) -> None:
    """Delete all but the newest checkpoints, indexes first, and what a crash in the middle of saving left."""
    kept = _steps(folder)[-KEEP:]
    for path in sorted(folder.glob("*checkpoint-*"), key=lambda path: path.suffix):
        name = _NAME.fullmatch(path.name)
        if name and int(name[1]) not in kept:
            path.unlink()


def _fitted(saved: Any, like: Any, index: Path) -> Any:
    """``saved`` in the structure of ``like``, after checking that structure, shapes and dtypes agree."""
    problem = _difference(saved, serialization.to_state_dict(like))
    if problem:
        raise InputError(f"{index}: is of another model or training setup ({problem})")
    return serialization.from_state_dict(like, saved)


def _difference(saved: Any, wanted: Any) -> str | None:
    """The first difference between two state dictionaries in names, shapes or dtypes."""
    found, expected = ({jax.tree_util.keystr(p): v for p, v in _leaves(tree)} for tree in (saved, wanted))
    for name in sorted(found.keys() ^ expected.keys()):
        return f"{name} is {'not expected' if name in found else 'missing'}"
    for name, leaf in expected.items():
        was, now = np.asarray(found[name]), np.asarray(leaf)
        if (was.shape, was.dtype) != (now.shape, now.dtype):
            return f"{name} is {was.dtype}{list(was.shape)}, expected {now.dtype}{list(now.shape)}"
    return None


def _leaves(tree: Any) -> list[tuple[Any, Any]]:
    return list(jax.tree_util.tree_flatten_with_path(tree)[0])


def _halved(leaf: Any) -> npt.NDArray[Any]:
    values = np.asarray(leaf)
    if not jnp.issubdtype(values.dtype, np.floating):
        return values
    values = values.astype(np.float32)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    error = np.linalg.norm((half.astype(np.float32) - values).ravel())
    return half if error <= _HALF_ERROR * np.linalg.norm(values.ravel()) else values


def _widened(leaf: Any) -> npt.NDArray[Any]:
    values = np.asarray(leaf)
    return values.astype(np.float32) if values.dtype == np.float16 else values
