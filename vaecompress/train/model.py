"""What a preset trains: the module of its kind, and how that reads a batch.

Models of stills take pictures at any quality, models of predicted frames take triples, each at the quality that it was
made for; the decoder of a model of stills takes coded crops, each at the quality that it was coded at.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaecompress.format import STEP_BITS, quality_position
from vaecompress.train.data.coded import unpacked
from vaecompress.train.data.sources import MASKED
from vaecompress.train.data.triples import ONE_SIDED, TAG
from vaecompress.train.objective import COLOURS, positions
from vaecompress.transforms.coded_vae import CodedVAE
from vaecompress.transforms.config import AnyConfig, VideoConfig
from vaecompress.transforms.vae import HyperpriorVAE, Variables, init_variables
from vaecompress.transforms.video_vae import PredictedVAE, init_predicted

Array = jax.Array
Model = HyperpriorVAE | PredictedVAE
FRAME, PAST, FUTURE = (slice(COLOURS * place, COLOURS * (place + 1)) for place in range(3))
"""Where the pictures of a triple lie among its channels."""


def model_of(config: AnyConfig, compute_dtype: Any = jnp.float32, coded: bool = False) -> Model:
    """The module of a shape; ``coded``: the one that coded crops are for."""
    if isinstance(config, VideoConfig):
        return PredictedVAE(config, compute_dtype)
    return CodedVAE(config, compute_dtype) if coded else HyperpriorVAE(config, compute_dtype)


def fresh_variables(model: Model, seed: int) -> Variables:
    """Fresh parameters and empty calibration."""
    if isinstance(model, PredictedVAE):
        return init_predicted(model, seed)
    return init_variables(HyperpriorVAE(model.config), seed)


def own_positions(model: Model, levels: Any) -> Array | None:
    """The positions [B] at which triples or coded crops are coded; pictures have none of their own."""
    if isinstance(model, PredictedVAE):
        quality: Any = jnp.asarray(levels[:, 0, 0, TAG], jnp.float32) % ONE_SIDED
    elif isinstance(model, CodedVAE):
        quality = _unpacked(model, jnp.asarray(levels, jnp.float32))[2]
    else:
        return None
    return jnp.asarray(quality_position(quality))


def at_any_quality(levels: Array, key: Array) -> tuple[Array, Array]:
    """Pictures and random positions for them."""
    return levels, positions(key, levels.shape[0])


def drawn(model: Model, levels: Array, key: Array) -> tuple[Array, Array]:
    """A batch as it is trained on, and the positions [B] it is coded at: of pictures random ones, one in each range.

    Past and future of triples change places at random, which is time reversed.
    """
    own = own_positions(model, levels)
    if own is None:
        return at_any_quality(levels, key)
    if isinstance(model, CodedVAE):
        return levels, own
    swap = jax.random.bernoulli(key, 0.5, (levels.shape[0], 1, 1, 1))
    past, future = levels[..., PAST], levels[..., FUTURE]
    sides = jnp.where(swap, future, past), jnp.where(swap, past, future)
    return jnp.concatenate([levels[..., FRAME], *sides, levels[..., TAG:]], axis=-1), own


def apply(
    model: Model,
    variables: Variables,
    levels: Array,
    position: Array,
    exact_phase: bool = False,
    noise: bool = False,
    **options: Any,
) -> Any:
    """The module's forward pass on a batch in 8-bit levels [B, H, W, C]; ``options`` are those of Flax."""
    if isinstance(model, CodedVAE):
        symbols, z_hat, _ = _unpacked(model, levels)
        return model.apply(variables, symbols, z_hat, position, exact_phase, method="decode_symbols", **options)
    inputs = [levels[..., FRAME]]
    if isinstance(model, PredictedVAE):
        inputs = [levels[..., FRAME], levels[..., PAST], levels[..., FUTURE], levels[:, 0, 0, TAG] >= ONE_SIDED]
    return model.apply(variables, *inputs, position, exact_phase, noise, **options)


def _unpacked(model: CodedVAE, levels: Array) -> tuple[Array, Array, Array]:
    """Symbols, with latents of planes in steps, hyper-latents and qualities of coded crops [B, H, W, 6]."""
    config = model.config
    symbols, z_hat, quality = unpacked(levels, config.latent_channels, config.hyper_latent_channels)
    unit = np.ones(config.latent_channels, np.float32)
    unit[config.plane_channels] = 1 / (1 << STEP_BITS)
    return symbols * unit, z_hat, quality


def pictures(levels: Array) -> Array:
    """What is coded of a batch [B, H, W, C]: pictures [B, H, W, 3], or 4 where the batch has alpha."""
    return levels if levels.shape[-1] == MASKED.channels else levels[..., FRAME]


def noisy(levels: Array, deviation: float, key: Array) -> Array:
    """Pictures [B, H, W, 3 or 4] with white noise of ``deviation`` levels on their colours, in 8 bits as files are."""
    colours = levels[..., FRAME]
    noise = deviation * jax.random.normal(key, colours.shape)
    return jnp.concatenate([jnp.clip(jnp.round(colours + noise), 0.0, 255.0), levels[..., COLOURS:]], axis=-1)
