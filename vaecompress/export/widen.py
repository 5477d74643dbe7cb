"""A trained model as the start of a larger one: more latent channels, wider networks, more residual blocks.

The larger network starts out computing what the smaller one does (after Net2Net, arXiv 1511.05641): new latents are the
next DCT frequencies, whose scales start as their neighbours'; new features see everything, but nothing that was there
before reads what is new; new blocks add nothing yet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import accumulate
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from vaecompress.errors import UsageError
from vaecompress.transforms.config import ModelConfig
from vaecompress.transforms.vae import HyperpriorVAE, init_variables

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

RESIDUAL_ENDS = ("mix_out", "project")
"""Last layers of a block's two branches."""


def widen(params: Mapping[str, Any], old: ModelConfig, new: ModelConfig, seed: int = 0) -> dict[str, Any]:
    """Parameters of the shape ``new`` from trained ones of the shape ``old``.

    How finely the exact phase rounds may differ. Raises UsageError where ``new`` is not ``old`` with more latent
    channels of each component, wider networks or more blocks.
    """
    _require_growth(old, new)
    trained = {_path(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}
    kept, neighbour = _latent_places(old, new)

    def widened(path: tuple[Any, ...], fresh: Array) -> Array:
        names = _path(path)
        if names not in trained:
            return np.zeros_like(fresh) if names[-2] in RESIDUAL_ENDS else fresh
        leaf = trained[names]
        if names[-2] == "scale":
            leaf = leaf[..., neighbour]
        places = [_places(*sizes, kept, old, new) for sizes in _sizes(names, leaf.shape, fresh.shape)]
        start = np.array(fresh)
        if leaf.ndim == 2 and names[-1] == "kernel" and names[-2] != "linear":
            start[np.ix_(np.setdiff1d(np.arange(len(fresh)), places[0]), places[1])] = 0
        start[np.ix_(*places)] = leaf
        return start

    template = jax.tree_util.tree_map(np.asarray, init_variables(HyperpriorVAE(new), seed)["params"])
    return dict(jax.tree_util.tree_map_with_path(widened, template))


def _require_growth(old: ModelConfig, new: ModelConfig) -> None:
    before, after = asdict(old), asdict(new)
    for name, size in before.items():
        if name.endswith(("_splits", "_bits")):
            continue
        may_grow = name in ("luma", "chroma", "entropy_width") or "_blocks" in name or "s_width" in name
        if after[name] != size and not (may_grow and np.all(np.asarray(after[name]) >= size)):
            raise UsageError(f"weights with {name} {size} cannot start a model with {after[name]}")


def _latent_places(old: ModelConfig, new: ModelConfig) -> tuple[Indices, Indices]:
    """Where each old latent channel lies among the new ones; and for each new one the old one it is nearest to."""
    counts = list(zip((old.luma, *old.chroma), (new.luma, *new.chroma), strict=True))
    old_starts = accumulate((before for before, _ in counts), initial=0)
    new_starts = accumulate((after for _, after in counts), initial=0)
    kept, neighbour = [], []
    for (before, after), old_start, new_start in zip(counts, old_starts, new_starts, strict=False):
        kept.append(new_start + np.arange(before))
        neighbour.append(old_start + np.minimum(np.arange(after), before - 1))
    return np.concatenate(kept), np.concatenate(neighbour)


def _sizes(names: tuple[str, ...], before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Of each axis: how often features stand in it, once for each position that is resampled, and both their counts."""
    grouped = -1 if names[-2] == "dense" else -2 if names[-2].startswith("down") else None
    for axis, (small, large) in enumerate(zip(before, after, strict=True), start=-len(before)):
        repeats = 4 if axis == grouped else 1
        yield repeats, small // repeats, large // repeats


def _places(repeats: int, before: int, after: int, kept: Indices, old: ModelConfig, new: ModelConfig) -> Indices:
    """Where the old entries of an axis lie in the new one: features, latents, or features and two sets of latents."""
    latents, more = old.latent_channels, new.latent_channels
    if (before, after) == (latents, more):
        places = kept
    elif (before, after) == (old.entropy_width + 2 * latents, new.entropy_width + 2 * more):
        width = new.entropy_width
        places = np.concatenate([np.arange(old.entropy_width), width + kept, width + more + kept])
    else:
        places = np.arange(before)
    return np.concatenate([index * after + places for index in range(repeats)])


def _path(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(entry.key) for entry in path)
