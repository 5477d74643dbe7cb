"""Triples of clips and of still pictures in motion, predicted as the encoder does it.

Frames are coded in the encoder's own order, with its motion search, from references that were decoded: by a model for
video as it codes them, by one for stills each on its own. So a model is trained on what it will be asked for, and on
what an earlier version of it decoded (in place of unrolled steps).
"""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaecompress.codec.compiled import COMPILES
from vaecompress.codec.predicted import Prediction
from vaecompress.codec.references import DecodedFrame
from vaecompress.codec.video import shared
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.gop import ANCHOR_DISTANCE, Planned, is_cut, layer_quality, plan_layers
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.predicted import encode_predicted
from vaecompress.encoder.predicted_video import find_prediction
from vaecompress.errors import CorruptError, InputError, UsageError
from vaecompress.format import MAX_QUALITY, MIN_QUALITY
from vaecompress.limits import Limits
from vaecompress.media.suffixes import VIDEO_SUFFIXES
from vaecompress.media.video import open_video
from vaecompress.models.loaded import PREDICTED, LoadedModel
from vaecompress.train.data.made import Progress, pack_made
from vaecompress.train.data.pack import SHARD_BYTES, Shards, check_output
from vaecompress.train.data.sources import IMAGE_SUFFIXES, MIN_SIDE, PICTURES, Entry, decode_pixels
from vaecompress.train.data.synthetic import moving_picture
from vaecompress.train.data.triples import SUFFIX, Triple

Pixels = npt.NDArray[np.uint8]

SIDE = 256
"""Of a triple, at most: of larger frames a random window is kept."""

STRETCH, PERIOD = ANCHOR_DISTANCE + 1, 300
"""Of a long clip, the first frames of every ``PERIOD`` are taken."""

CLIP_PASSES = 2
"""Each stretch of a clip is coded so often, each time at another quality."""

SPACINGS, COUNTS = (4, 8), (3, 5)
"""How far apart, in frames, the pictures of synthetic motion are, and how many: anchors lie 8 to 32 frames apart."""

EFFORT = EFFORTS[1]

CLIPS = replace(PICTURES, noun="clip or picture", suffixes=IMAGE_SUFFIXES | VIDEO_SUFFIXES)
"""What triples are made of; of a clip, :class:`TripleMaker` reads the frames."""


class TripleMaker:
    """Makes triples with one model. Safe to share between threads."""

    def __init__(self, model: LoadedModel, max_side: int | None = None) -> None:
        """``max_side``: larger frames are reduced to it. Raises UsageError without numba."""
        if not COMPILES:
            raise UsageError("making triples searches for motion, which needs numba: pip install 'vaecompress[video]'")
        self._pictures = PictureEncoder(model)
        self._predicted = model.predicted if PREDICTED in model.file.card else None
        self._max_side = max_side

    def of(self, entry: Entry) -> list[Triple] | None:
        """The triples of a clip or picture, none where it is too small; ``None`` where it cannot be read.

        Chance is a function of the entry's name alone.
        """
        random = np.random.default_rng(zlib.crc32(entry.name.encode()))
        if Path(entry.name).suffix.lower() in VIDEO_SUFFIXES:
            return self._of_clip(entry, random)
        picture = decode_pixels(entry)
        if picture is None:
            return None
        picture = self._reduced(picture)
        if min(picture.shape[:2]) < MIN_SIDE:
            return []
        spacing, count = int(random.choice(SPACINGS)), int(random.choice(COUNTS))
        return list(self._of_run(moving_picture(picture, count, spacing, random), spacing, random))

    def _of_clip(self, entry: Entry, random: np.random.Generator) -> list[Triple] | None:
        found: list[Triple] = []
        try:
            for run in _runs(self._reduced(frame) for frame in _frames(entry)):
                if min(run[0].shape[:2]) >= MIN_SIDE:
                    for _ in range(CLIP_PASSES):
                        found.extend(self._of_run(run, 1, random))
        except (OSError, InputError, CorruptError):
            return None
        return found

    def _of_run(self, frames: Sequence[Pixels], spacing: int, random: np.random.Generator) -> Iterator[Triple]:
        """One triple of each layer of a run of frames that lie ``spacing`` apart, at a random quality."""
        asked = int(random.integers(MIN_QUALITY, MAX_QUALITY + 1))
        layers = list(plan_layers(len(frames) - 1))
        kept = {layer[random.integers(len(layer))].place for layer in layers}
        needed = _references(layers, kept)
        first = self._pictures.encode(frames[0], layer_quality(asked, 0), EFFORT).pixels
        decoded = {0: DecodedFrame.alone(first)}
        for planned in (planned for layer in layers for planned in layer if planned.place in kept | needed):
            pixels, quality = frames[planned.place], layer_quality(asked, planned.layer)
            past, future = decoded[planned.past], None if planned.future is None else decoded[planned.future]
            ahead = 0 if planned.future is None else planned.future - planned.place
            distances = spacing * (planned.place - planned.past), spacing * ahead
            motion, prediction = find_prediction(pixels, past, future, distances, quality)
            if planned.place in kept:
                sides = (side[: pixels.shape[0], : pixels.shape[1]] for side in (prediction.past, prediction.future))
                yield _window(Triple(np.stack([pixels, *sides]), quality, distances), random)
            if planned.place in needed:
                found = self._decoded(pixels, prediction, quality)
                decoded[planned.place] = DecodedFrame(found, motion.blocks, distances[0])

    def _decoded(self, pixels: Pixels, prediction: Prediction, quality: int) -> Pixels:
        """What a decoder makes of a frame."""
        if self._predicted is None:
            return self._pictures.encode(pixels, quality, EFFORT).pixels
        return np.ascontiguousarray(encode_predicted(self._predicted, pixels, prediction, quality, EFFORT).pixels)

    def _reduced(self, pixels: Pixels) -> Pixels:
        if not self._max_side or max(pixels.shape[:2]) <= self._max_side:
            return pixels
        scale = self._max_side / max(pixels.shape[:2])
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def pack_triples(
    sources: Sequence[Path],
    output: Path,
    model: LoadedModel,
    shard_bytes: int = SHARD_BYTES,
    exclude: frozenset[str] = frozenset(),
    max_side: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make triples of clips and pictures, predicted from what ``model`` decodes, and pack them as :func:`pack` does.

    A triple is called after its clip or picture, which is its ``source`` in the manifest. ``progress`` is told how many
    of the clips and pictures are done, and their number. Raises as :func:`pack`, and UsageError without numba.
    """
    check_output(output)
    workers = os.cpu_count() or 1
    maker, shards = TripleMaker(shared(model, workers), max_side), Shards(output, shard_bytes)
    return pack_made(sources, CLIPS, exclude, maker.of, SUFFIX, shards, workers, progress)


def _window(triple: Triple, random: np.random.Generator) -> Triple:
    """A random window of at most SIDE pixels a side."""
    top, left = (int(random.integers(0, max(0, side - SIDE) + 1)) for side in triple.pictures.shape[1:3])
    return triple.window(top, left, SIDE)


def _references(layers: Sequence[Sequence[Planned]], kept: set[int]) -> set[int]:
    """Every place that those of ``kept`` depend on."""
    needed: set[int] = set()
    for planned in (planned for layer in reversed(layers) for planned in layer):
        if planned.place in kept | needed:
            needed |= {planned.past} | ({planned.future} if planned.future is not None else set())
    return needed


def _frames(entry: Entry) -> Iterator[Pixels]:
    """The frames of a clip, which may lie in a shard."""
    with TemporaryDirectory() as folder:
        path = entry.path
        if entry.offset_bytes or path.name != entry.name:
            path = Path(folder) / f"clip{Path(entry.name).suffix}"
            path.write_bytes(entry.read())
        for frame, _ in open_video(path, limits=Limits(), partial=True):
            yield frame


def _runs(frames: Iterable[Pixels]) -> Iterator[list[Pixels]]:
    """Stretches of at least two frames without a cut."""
    run: list[Pixels] = []
    for index, frame in enumerate(frames):
        wanted = index % PERIOD < STRETCH
        if run and (not wanted or index % PERIOD == 0 or is_cut(run[-1], frame)):
            if len(run) > 1:
                yield run
            run = []
        if wanted:
            run.append(frame)
    if len(run) > 1:
        yield run
