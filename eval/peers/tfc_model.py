"""A small hyperprior codec made of tensorflow-compression's own layers, entropy models and range coder.

The form is that of Balle et al. (ICLR 2018) with the predicted means of Minnen et al. (NeurIPS 2018): four strided 5x5
convolutions with GDN each way, noise in place of rounding while training. One set of weights serves one lambda.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

from .base import Pixels

FILTERS, LATENTS = 32, 48
SCALE_MIN, SCALE_MAX, SCALES = 0.11, 256.0, 64
PIXELS_PER_LATENT, PIXELS_PER_HYPER_LATENT = 16, 64


class _Prior(tfc.NoisyDeepFactorized):  # type: ignore[misc]
    """Searches for its tails in a graph: operation by operation that takes several times as long."""

    def _quantization_offset(self) -> Any:
        return _in_graph(super()._quantization_offset)

    def _lower_tail(self, tail_mass: float) -> Any:
        return _in_graph(super()._lower_tail, tail_mass)

    def _upper_tail(self, tail_mass: float) -> Any:
        return _in_graph(super()._upper_tail, tail_mass)


def _in_graph(search: Callable[..., Any], *arguments: float) -> Any:
    """The graph is let go at once: one that lives until Python ends complains on its way out."""
    return tf.function(search, autograph=False)(*arguments)


class TfcHyperprior(tf.Module):  # type: ignore[misc]
    """The networks and the prior of the hyper-latents; ``coder`` adds what needs finished weights."""

    def __init__(self) -> None:
        super().__init__()
        self.analysis = tf.keras.Sequential([*(_down(FILTERS, 5, tfc.GDN()) for _ in range(3)), _down(LATENTS, 5)])
        self.synthesis = tf.keras.Sequential([*(_up(FILTERS, 5, tfc.GDN(inverse=True)) for _ in range(3)), _up(3, 5)])
        self.hyper_analysis = tf.keras.Sequential(
            [_down(FILTERS, 3, tf.nn.relu, stride=1), _down(FILTERS, 5, tf.nn.relu), _down(FILTERS, 5)]
        )
        self.hyper_synthesis = tf.keras.Sequential(
            [_up(FILTERS, 5, tf.nn.relu), _up(FILTERS, 5, tf.nn.relu), _up(2 * LATENTS, 3, stride=1)]
        )
        self.hyper_prior = _Prior(batch_shape=(FILTERS,))
        self._build()

    def loss(self, crops: Any, lmbda: float) -> Any:
        """Bits a pixel + ``lmbda`` x squared error on 0..255, of crops uint8 [N, H, W, 3]; noise for rounding."""
        x = tf.cast(crops, tf.float32) / 255.0
        y = self.analysis(x)
        z_noisy, z_bits = self._hyper_model(compression=False)(self.hyper_analysis(y), training=True)
        indexes, mean = self._parameters(z_noisy, tf.shape(y))
        y_noisy, y_bits = _latent_model(compression=False)(y, indexes, loc=mean, training=True)
        pixels = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
        bpp = (tf.reduce_sum(y_bits) + tf.reduce_sum(z_bits)) / pixels
        return bpp + lmbda * 255.0**2 * tf.reduce_mean(tf.math.squared_difference(x, self.synthesis(y_noisy)))

    def save(self, path: Path) -> None:
        """Write the weights, in order, to an ``.npz`` file."""
        with path.open("wb") as file:
            np.savez(file, *(variable.numpy() for variable in self.variables))

    def restore(self, path: Path) -> None:
        """Read what :meth:`save` wrote."""
        with np.load(path) as stored:
            for variable, key in zip(self.variables, stored.files, strict=True):
                variable.assign(stored[key])

    def coder(self) -> "TfcCoder":
        """The codec of the weights as they are now: its tables are computed once, here."""
        return TfcCoder(self, self._hyper_model(compression=True), _latent_model(compression=True))

    def _hyper_model(self, compression: bool) -> Any:
        return tfc.ContinuousBatchedEntropyModel(self.hyper_prior, coding_rank=3, compression=compression)

    def _parameters(self, hyper_latents: Any, shape: Any) -> tuple[Any, Any]:
        """Scale index and mean of every latent of ``shape``."""
        indexes, mean = tf.split(self.hyper_synthesis(hyper_latents)[:, : shape[1], : shape[2]], 2, axis=-1)
        return indexes, mean

    def _build(self) -> None:
        """Make the variables."""
        self.loss(np.zeros((1, PIXELS_PER_HYPER_LATENT, PIXELS_PER_HYPER_LATENT, 3), np.uint8), 1.0)


class TfcCoder:
    """Pixels to bytes and back with trained networks."""

    def __init__(self, networks: TfcHyperprior, hyper_model: Any, latent_model: Any) -> None:
        self._networks, self._hyper_model, self._latent_model = networks, hyper_model, latent_model

    def encode(self, pixels: Pixels) -> bytes:
        """Bytes of a picture, uint8 [H, W, 3]: its size and two range-coded strings, packed as TFC packs them."""
        y = self._networks.analysis(tf.constant(pixels[None], tf.float32) / 255.0)
        z = self._networks.hyper_analysis(y)
        z_string = self._hyper_model.compress(z)
        indexes, mean = self._conditions(z_string, *pixels.shape[:2])
        packed = tfc.PackedTensors()
        packed.pack([tf.constant(pixels.shape[:2], tf.int32), z_string, self._latent_model.compress(y, indexes, mean)])
        return bytes(packed.string)

    def decode(self, data: bytes) -> Pixels:
        """The picture in bytes that :meth:`encode` wrote."""
        shape, z_string, y_string = tfc.PackedTensors(data).unpack([tf.int32, tf.string, tf.string])
        height, width = (int(side) for side in shape)
        indexes, mean = self._conditions(z_string, height, width)
        x = self._networks.synthesis(self._latent_model.decompress(y_string, indexes, mean))
        decoded: Pixels = tf.saturate_cast(tf.round(x[0, :height, :width] * 255.0), tf.uint8).numpy()
        return decoded

    def _conditions(self, z_string: Any, height: int, width: int) -> tuple[Any, Any]:
        z_shape, y_shape = (
            [-(-side // unit) for side in (height, width)] for unit in (PIXELS_PER_HYPER_LATENT, PIXELS_PER_LATENT)
        )
        z_hat = self._hyper_model.decompress(z_string, z_shape)
        return self._networks._parameters(z_hat, [1, *y_shape])


def _latent_model(compression: bool) -> Any:
    step = np.log(SCALE_MAX / SCALE_MIN) / (SCALES - 1)
    return tfc.LocationScaleIndexedEntropyModel(
        tfc.NoisyNormal,
        num_scales=SCALES,
        scale_fn=lambda index: SCALE_MIN * tf.exp(step * index),
        coding_rank=3,
        compression=compression,
    )


def _down(filters: int, side: int, activation: Any = None, stride: int = 2) -> Any:
    return tfc.SignalConv2D(
        filters, side, corr=True, strides_down=stride, padding="same_zeros", use_bias=True, activation=activation
    )


def _up(filters: int, side: int, activation: Any = None, stride: int = 2) -> Any:
    return tfc.SignalConv2D(
        filters, side, corr=False, strides_up=stride, padding="same_zeros", use_bias=True, activation=activation
    )
