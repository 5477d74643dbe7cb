"""The tf.data pipeline: crops streamed from the disk, for picture sets too large for memory. Needs tensorflow."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vaecompress.errors import InputError
from vaecompress.train.data.sources import (
    PICTURES,
    DataOptions,
    Kind,
    drawable,
    measured,
    window,
)

Crops = npt.NDArray[np.uint8]

CROPS_PER_PICTURE = 8
"""Crops cut from a picture once it is decoded; they go to as many consecutive batches. Of what is whole, one."""

MAX_TRIES = 1000
PREFETCHED_BATCHES = 4


class Pipeline:
    """Random crops of the pictures of ``sources``, decoded as they are needed.

    Batches come in rounds of ``CROPS_PER_PICTURE``: a round draws as many pictures as a batch has crops, by area, and
    every batch of it has one crop of each. What is whole has rounds of one batch, and is not turned. All randomness is
    a function of (seed, step), so a run resumes anywhere.
    """

    def __init__(self, sources: Sequence[Path], options: DataOptions, kind: Kind = PICTURES) -> None:
        """List the pictures and read their headers.

        Raises :class:`InputError` when a source is missing or no usable picture is found.
        """
        tf.config.set_visible_devices([], "GPU")
        counts: Counter[str] = Counter()
        entries = kind.entries(sources, options.exclude, counts)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sized = list(measured(entries, pool.map(kind.size, entries), counts))
        if not sized:
            named = ", ".join(map(str, sources))
            raise InputError(f"no usable training {kind.noun} in {named} (skipped: {dict(counts)})")
        self.options, self._kind = replace(options, flip=options.flip and not kind.whole), kind
        self._round = 1 if kind.whole else CROPS_PER_PICTURE
        self._counts = counts
        self._entries = [entry for entry, _, _ in sized]
        self._widths = np.array([width for _, width, _ in sized])
        self._heights = np.array([height for _, _, height in sized])
        self._damaged: set[int] = set()
        self._stream: Iterator[Crops] = iter(())
        self._place: tuple[int, int, int] | None = None

    @property
    def skipped(self) -> dict[str, int]:
        """Files left out so far, by reason. Damage behind a sound header shows only when the picture is drawn."""
        return dict(self._counts + Counter(corrupt=len(self._damaged)))

    def batch(self, step: int, batch_size: int, crop: int) -> Crops:
        """Crops uint8 [batch_size, crop, crop, C] of step ``step``; quick when steps are asked for in order.

        Raises :class:`InputError` when no picture is large enough or every one drawn is damaged.
        """
        if self._place != (step, batch_size, crop):
            self._stream = self.batches(step, batch_size, crop)
        self._place = step + 1, batch_size, crop
        return next(self._stream)

    def batches(self, first_step: int, batch_size: int, crop: int) -> Iterator[Crops]:
        """The endless sequence of batches from ``first_step`` on. Raises as :meth:`batch`."""
        usable, cumulative = drawable(self._heights, self._widths, crop)
        first_round, within = divmod(first_step, self._round)

        def cut(item: int) -> Crops:
            return self._cut(int(item), crop, usable, cumulative)

        def vary(item: Any) -> Any:
            shape = (self._round, crop, crop, self._kind.channels)
            crops = tf.ensure_shape(tf.numpy_function(cut, [item], tf.uint8), shape)
            return _varied(crops, item, self.options)

        stream = (
            tf.data.Dataset.range(first_round * batch_size, np.iinfo(np.int64).max)
            .map(vary, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .batch(batch_size)
            .flat_map(lambda crops: tf.data.Dataset.from_tensor_slices(tf.transpose(crops, (1, 0, 2, 3, 4))))
            .skip(within)
            .prefetch(PREFETCHED_BATCHES)
        )
        try:
            yield from stream.as_numpy_iterator()
        except tf.errors.OpError as error:
            raise InputError(f"training pictures cannot be read: {error.message.splitlines()[0]}") from error

    def _cut(self, item: int, crop: int, usable: npt.NDArray[np.intp], cumulative: npt.NDArray[np.float64]) -> Crops:
        """A round's crops [N, crop, crop, C] of the first sound picture that ``item``'s own randomness draws."""
        random = np.random.default_rng([self.options.seed, item])
        for _ in range(MAX_TRIES):
            index = int(usable[np.searchsorted(cumulative, random.random(), side="right")])
            picture = None if index in self._damaged else self._kind.decode(self._entries[index])
            if picture is not None:
                windows = [window(picture, crop, random, self.options.rescale) for _ in range(self._round)]
                return np.stack(windows)
            self._damaged.add(index)
        raise InputError(f"{MAX_TRIES} damaged pictures in a row")


def _varied(crops: Any, item: Any, options: DataOptions) -> Any:
    """Flip each of ``crops`` uint8 [n, crop, crop, C] and change the colours of all alike, as the options say."""
    seeds = tf.random.experimental.stateless_split(tf.stack([tf.constant(options.seed, tf.int64), item]), 7)
    if options.flip:
        crops = tf.image.stateless_random_flip_left_right(crops, seeds[0])
        crops = tf.image.stateless_random_flip_up_down(crops, seeds[1])
        swap = tf.random.stateless_uniform((len(crops), 1, 1, 1), seeds[2]) < 0.5
        crops = tf.where(swap, tf.transpose(crops, (0, 2, 1, 3)), crops)
    if options.jitter:
        strength = options.jitter
        colours, alpha = crops[..., :3], crops[..., 3:]
        colours = tf.image.convert_image_dtype(colours, tf.float32)
        colours = tf.image.stateless_random_brightness(colours, 0.3 * strength, seeds[3])
        colours = tf.image.stateless_random_contrast(colours, 1 - 0.5 * strength, 1 + 0.5 * strength, seeds[4])
        colours = tf.image.stateless_random_saturation(colours, 1 - 0.5 * strength, 1 + 0.5 * strength, seeds[5])
        colours = tf.image.stateless_random_hue(colours, 0.1 * strength, seeds[6])
        crops = tf.concat([tf.image.convert_image_dtype(colours, tf.uint8, saturate=True), alpha], axis=-1)
    return crops
