"""A trained model as the start of a larger one: more latent channels, wider networks, more residual blocks.

The larger network starts out computing what the smaller one does (after Net2Net, arXiv 1511.05641): new latents are the
next DCT frequencies, whose scales start as their neighbours'; new features see everything, but nothing that was there
before reads what is new; new blocks add nothing yet. A model of predicted frames starts as one of stills.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from vaecompress.errors import UsageError
from vaecompress.format import PREDICTION_CHANNELS
from vaecompress.transforms.config import AnyConfig, ModelConfig, VideoConfig
from vaecompress.transforms.vae import HyperpriorVAE, init_variables
from vaecompress.transforms.video_vae import PredictedVAE, init_predicted

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

RESIDUAL_ENDS = ("mix_out", "project")
"""Last layers of a block's two branches."""

GROWS = ("luma", "chroma", "entropy_width", "_blocks", "s_width")
"""Parts of the names of sizes that may grow."""

SHRINKS = ("luma", "chroma", "_blocks")
"""Of those that may be less in a model of predicted frames."""


def start(params: Mapping[str, Any], old: AnyConfig, new: AnyConfig) -> dict[str, Any]:
    """Parameters of the shape ``new`` from trained ones of the shape ``old``: :func:`widen` or :func:`start_predicted`.

    Raises UsageError where neither can.
    """
    if isinstance(old, VideoConfig):
        raise UsageError("weights of predicted frames start only a model of predicted frames of their own shape")
    return start_predicted(params, old, new) if isinstance(new, VideoConfig) else widen(params, old, new)


def widen(params: Mapping[str, Any], old: ModelConfig, new: ModelConfig, seed: int = 0) -> dict[str, Any]:
    """Parameters of the shape ``new`` from trained ones of the shape ``old``.

    How finely the exact phase rounds may differ. Raises UsageError where ``new`` is not ``old`` with more latent
    channels of each component, wider networks or more blocks.
    """
    for name, before, after in _misfits(old, new, GROWS):
        raise UsageError(f"weights with {name} {before} cannot start a model with {after}")
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


def start_predicted(params: Mapping[str, Any], still: ModelConfig, new: VideoConfig, seed: int = 0) -> dict[str, Any]:
    """Parameters of a model of predicted frames from trained ones of a model of stills.

    What was missed of a frame then is coded as a picture would be, with as many of its latents as ``new`` has, the
    lowest frequencies; nothing reads the prediction yet but by near-zero weights. Raises UsageError where ``still`` is
    not the shape of ``new``'s latents, or that with more latents or blocks.
    """
    for name, wanted, has in _misfits(new.latents, still, SHRINKS):
        raise UsageError(f"weights with {name} {has} cannot start a model with {wanted}")
    trained = {_path(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]}
    kept, _ = _latent_places(new.latents, still)

    def taken(path: tuple[Any, ...], fresh: Array) -> Array:
        names = _path(path)
        if names not in trained:
            return fresh
        leaf = trained[names]
        if names == ("analysis", "stem", "kernel"):
            return _beside_prediction(leaf, fresh.shape)
        places = [_places(*sizes, kept, new.latents, still) for sizes in _sizes(names, fresh.shape, leaf.shape)]
        return np.asarray(leaf[np.ix_(*places)])

    template = jax.tree_util.tree_map(np.asarray, init_predicted(PredictedVAE(new), seed)["params"])
    return dict(jax.tree_util.tree_map_with_path(taken, template))


def _beside_prediction(kernel: Array, shape: tuple[int, ...]) -> Array:
    """A kernel of patches of pictures as one of patches of pictures with their prediction, which counts nothing."""
    colours = 3
    channels = colours + PREDICTION_CHANNELS
    wider = np.zeros((len(kernel) // colours, channels, shape[-1]), kernel.dtype)
    wider[:, :colours] = kernel.reshape(-1, colours, shape[-1])
    return wider.reshape(shape)


def _misfits(small: ModelConfig, large: ModelConfig, may_grow: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """Sizes of both that keep ``large`` from being ``small`` grown in what ``may_grow`` names."""
    less, more = asdict(small), asdict(large)
    for name, size in less.items():
        if name.endswith(("_splits", "_bits")) or more[name] == size:
            continue
        if not (any(part in name for part in may_grow) and np.all(np.asarray(more[name]) >= size)):
            yield name, size, more[name]


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
