"""A trained model as the start of a larger one: more latent channels, more residual blocks.

The larger network starts out computing what the smaller one does (Net2Net, arXiv 1511.05641): new latents are the next
DCT frequencies, which no network reads yet and whose scales start as their neighbours'; new blocks add nothing yet.
"""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import accumulate
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from vaecompress.errors import UsageError
from vaecompress.train.state import init_variables
from vaecompress.train.vae import HyperpriorVAE
from vaecompress.transforms.config import ModelConfig

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

RESIDUAL_ENDS = ("mix_out", "project")
"""Last layers of a block's two branches."""


def grow(params: Mapping[str, Any], old: ModelConfig, new: ModelConfig, seed: int = 0) -> dict[str, Any]:
    """Parameters of the shape ``new`` from trained ones of the shape ``old``.

    How finely the exact phase rounds may differ. Raises UsageError where ``new`` is not ``old`` with more latent
    channels of each component or more blocks.
    """
    _require_growth(old, new)
    trained = {_path(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}
    kept, neighbour = _latent_places(old, new)

    def widened(path: tuple[Any, ...], fresh: Array) -> Array:
        names = _path(path)
        if names not in trained:
            return np.zeros_like(fresh) if names[-2] in RESIDUAL_ENDS else fresh
        leaf = trained[names]
        if leaf.shape == fresh.shape:
            return leaf
        if names[-2] == "scale":
            return leaf[..., neighbour]
        places = [_places(*sizes, kept, old, new) for sizes in zip(leaf.shape, fresh.shape, strict=True)]
        reads_more = leaf.ndim == 2 and names[-1] == "kernel" and leaf.shape[0] != fresh.shape[0]
        start = np.zeros_like(fresh) if reads_more and names[-2] != "linear" else np.array(fresh)
        start[np.ix_(*places)] = leaf
        return start

    template = jax.tree_util.tree_map(np.asarray, init_variables(HyperpriorVAE(new), seed)["params"])
    return dict(jax.tree_util.tree_map_with_path(widened, template))


def _require_growth(old: ModelConfig, new: ModelConfig) -> None:
    before, after = asdict(old), asdict(new)
    for name, size in before.items():
        if name.endswith(("_splits", "_bits")):
            continue
        may_grow = name in ("luma", "chroma") or "_blocks" in name
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


def _places(before: int, after: int, kept: Indices, old: ModelConfig, new: ModelConfig) -> Indices:
    """Where the old entries of an axis lie in the new one: latents, or features and two sets of latents."""
    if before == after:
        return np.arange(before)
    if before == old.latent_channels:
        return kept
    width = old.entropy_width
    return np.concatenate([np.arange(width), width + kept, width + new.latent_channels + kept])


def _path(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(entry.key) for entry in path)
