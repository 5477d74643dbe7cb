"""Random crops drawn on the device from pictures that live in its memory (the twin of ``Resident.batch``)."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from vaecompress.train import devices
from vaecompress.train.data.resident import Resident
from vaecompress.train.data.sources import drawable


class DeviceResident:
    """A :class:`Resident` whose pictures live on every device, where crops are drawn."""

    def __init__(self, resident: Resident) -> None:
        """Put the pictures into every device's memory. Raises :class:`InputError` where they cannot be indexed."""
        self._arrays = devices.replicate(resident.device_arrays())
        self._draw = jax.jit(_draw, static_argnums=(3, 4, 5), out_shardings=devices.shared_out())
        self._seed, self._whole = resident.seed, resident.whole
        self._heights, self._widths = resident.heights, resident.widths

    def batch(self, step: int, batch_size: int, crop: int) -> jax.Array:
        """Random crops, uint8 [batch_size, crop, crop, C], a function of (seed, step) alone; each device cuts its own.

        Raises :class:`InputError` when no picture is large enough.
        """
        drawable(self._heights, self._widths, crop)
        crops: jax.Array = self._draw(self._arrays, self._seed, step, batch_size, crop, self._whole)
        return crops


def _draw(arrays: Mapping[str, jax.Array], seed: int, step: int, batch_size: int, crop: int, whole: bool) -> jax.Array:
    return device_batch(arrays, jax.random.fold_in(jax.random.key(seed), step), batch_size, crop, whole)


def device_batch(
    arrays: Mapping[str, jax.Array], key: jax.Array, batch_size: int, crop: int, whole: bool = False
) -> jax.Array:
    """Random crops, uint8 [batch_size, crop, crop, C], a function of ``arrays`` and ``key`` alone.

    ``arrays`` is ``Resident.device_arrays()`` on the device; ``key`` a PRNG key, such as ``fold_in(key, step)``.
    Pictures are drawn by area among those at least ``crop`` on both sides (there must be one), crops, unless ``whole``,
    turned by one of the eight symmetries of the square. Traceable: call it inside the jitted step with static sizes.
    """
    heights, widths = arrays["heights"], arrays["widths"]
    areas = heights.astype(jnp.float32) * widths.astype(jnp.float32)
    log_areas = jnp.where(jnp.minimum(heights, widths) >= crop, jnp.log(areas), -jnp.inf)
    which, where, turn = jax.random.split(key, 3)
    drawn = jax.random.categorical(which, log_areas, shape=(batch_size,))
    heights, widths = heights[drawn], widths[drawn]
    room = jnp.stack([heights, widths]) - crop + 1
    top, left = jax.random.randint(where, (2, batch_size), 0, room)
    first = arrays["offsets"][drawn] + top * widths + left
    starts = first[:, None] + jnp.arange(crop, dtype=jnp.int32) * widths[:, None]
    pixels = arrays["pixels"]

    def row(start: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(pixels, (start, jnp.int32(0)), (crop, pixels.shape[1]))

    crops = jax.vmap(jax.vmap(row))(starts)
    if whole:
        return crops
    bits = jax.random.bits(turn, (batch_size,), jnp.uint8)[:, None, None, None]
    crops = jnp.where(bits & 4 > 0, crops.swapaxes(1, 2), crops)
    crops = jnp.where(bits & 2 > 0, crops[:, ::-1], crops)
    return jnp.where(bits & 1 > 0, crops[:, :, ::-1], crops)
