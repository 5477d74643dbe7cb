"""Frames predicted from each other: runs of frames between two anchors, coded layer by layer.

Needs numba (the extra ``video``) for the motion search, and a model for video.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from vaecompress.bitstream import Chunk, FramePayload, PredictedPayload, chunks, pixel_checksum
from vaecompress.bitstream.directory import entry_bytes
from vaecompress.codec.group import make_prediction
from vaecompress.codec.motion import first_contexts
from vaecompress.codec.picture import Pixels, psnr_db
from vaecompress.codec.predicted import Prediction
from vaecompress.codec.references import DecodedFrame, suggested_motion
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import Effort
from vaecompress.encoder.gop import (
    ANCHOR_DISTANCE,
    LEAST_DISTANCE,
    Planned,
    is_cut,
    is_too_far,
    layer_quality,
    plan_layers,
)
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.motion_search import FoundMotion, SearchReference, search_motion
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.predicted import encode_predicted
from vaecompress.format import quality_lambda
from vaecompress.models.loaded import LoadedModel

MAX_FRAME_PSNR_DB = 100.0
"""What a frame without any error counts for in a mean."""

Frame = tuple[Pixels, int]
"""Pixels [height, width, 3] and a time stamp."""


@dataclass(frozen=True, eq=False)
class CodedFrame:
    """A frame's chunk, its time stamp, and the PSNR of what a decoder makes of it."""

    chunk: Chunk
    time_stamp: int
    psnr_db: float

    @property
    def counted_db(self) -> float:
        """What it counts for in a mean, finite without any error too."""
        return min(self.psnr_db, MAX_FRAME_PSNR_DB)

    @property
    def file_bytes(self) -> int:
        """What it takes of a file: its body, and its entry in the directory."""
        return entry_bytes(len(self.chunk.body)) + len(self.chunk.body)


@dataclass(frozen=True, eq=False)
class Run:
    """Frames that are coded together. ``starts``: they depend on none before."""

    starts: bool
    frames: list[Frame]


class _Between:
    """Frames after an anchor, and what is coded of them, by their places; the anchor is at 0."""

    def __init__(self, frames: list[Frame], anchor: DecodedFrame, quality: int, effort: Effort) -> None:
        self.frames, self.quality, self.effort = frames, quality, effort
        self.coded: dict[int, CodedFrame] = {}
        self.decoded = {0: anchor}


class PredictedEncoder:
    """Codes a video in groups of at most ``group`` frames; those of a layer at a time, in the threads of ``pool``."""

    def __init__(self, model: LoadedModel, group: int, pool: ThreadPoolExecutor) -> None:
        """Raises UnsupportedError where ``model`` is not for video."""
        self._pictures, self._predicted = PictureEncoder(model), model.predicted
        self._group, self._pool = group, pool

    def encode(self, frames: Iterable[Frame], quality: int, effort: Effort) -> Iterator[CodedFrame]:
        """The coded frames, in the order of showing. At most ``ANCHOR_DISTANCE`` frames wait, however long it is."""
        anchor: DecodedFrame | None = None
        for run in self.runs(frames):
            coded, anchor = self.code(run, anchor, quality, effort)
            yield from coded

    def runs(self, frames: Iterable[Frame]) -> Iterator[Run]:
        """Single frames that start a group, and the runs up to the next anchor that follow them."""
        waiting: list[Frame] = []
        before: Pixels | None = None
        length = 0
        for pixels, time_stamp in frames:
            starts = before is None or length == self._group or is_cut(before, pixels)
            before, length = pixels, 1 if starts else length + 1
            if waiting and (starts or len(waiting) == ANCHOR_DISTANCE):
                yield Run(False, waiting)
                waiting = []
            if starts:
                yield Run(True, [(pixels, time_stamp)])
            else:
                waiting.append((pixels, time_stamp))
        if waiting:
            yield Run(False, waiting)

    def code(
        self, run: Run, anchor: DecodedFrame | None, quality: int, effort: Effort
    ) -> tuple[list[CodedFrame], DecodedFrame]:
        """The coded frames of a run, and its last one as the next anchor; ``anchor``: the last of the run before."""
        if run.starts or anchor is None:
            return self._alone(*run.frames[0], quality, effort)
        return self._predict(run.frames, anchor, quality, effort)

    def _predict(
        self, run: list[Frame], anchor: DecodedFrame, quality: int, effort: Effort
    ) -> tuple[list[CodedFrame], DecodedFrame]:
        """The frames after an anchor, with as many anchors among them as pay; the last frame is one."""
        coded: list[CodedFrame] = []
        while run:
            part = _Between(run, anchor, quality, effort)
            length = self._next_anchor(part)
            for layer in list(plan_layers(length))[1:]:
                self._code(part, layer)
            coded += [part.coded[place] for place in range(1, length + 1)]
            run, anchor = run[length:], part.decoded[length]
        return coded, anchor

    def _next_anchor(self, part: "_Between") -> int:
        """How many frames on the next anchor is; it is coded."""
        length, pixels = len(part.frames), part.frames[0][0]
        near = length // 2
        tried = [length, near] if near >= LEAST_DISTANCE else [length]
        self._code(part, [Planned(place, 0, None, 1) for place in tried])
        while near >= LEAST_DISTANCE:
            if near not in part.coded:
                self._code(part, [Planned(near, 0, None, 1)])
            far_bytes, near_bytes = (len(part.coded[place].chunk.body) for place in (length, near))
            if not is_too_far(far_bytes, near_bytes, pixels.shape[0] * pixels.shape[1]):
                break
            length, near = near, near // 2
        return length

    def _code(self, part: "_Between", layer: list[Planned]) -> None:
        """Code the frames of a layer, in threads."""

        def code(planned: Planned) -> tuple[CodedFrame, DecodedFrame]:
            future = None if planned.future is None else part.decoded[planned.future]
            where = planned, *part.frames[planned.place - 1], part.decoded[planned.past], future
            return self._predicted_frame(*where, layer_quality(part.quality, planned.layer), part.effort)

        for planned, found in zip(layer, self._pool.map(code, layer), strict=True):
            part.coded[planned.place], part.decoded[planned.place] = found

    def _alone(
        self, pixels: Pixels, time_stamp: int, quality: int, effort: Effort
    ) -> tuple[list[CodedFrame], DecodedFrame]:
        """A frame that starts a group."""
        quality = layer_quality(quality, 0)
        latents = Search(self._pictures, pixels, quality, VideoError()).run(effort)
        found = self._pictures.finish(pixels, self._pictures.latents.encode(latents), quality, latents)
        chunk = Chunk(chunks.FRAME, FramePayload(quality, found.payload).to_body())
        coded = CodedFrame(chunk, time_stamp, psnr_db(pixels, found.pixels))
        return [coded], DecodedFrame.alone(found.pixels)

    def _predicted_frame(
        self,
        planned: Planned,
        pixels: Pixels,
        time_stamp: int,
        past: DecodedFrame,
        future: DecodedFrame | None,
        quality: int,
        effort: Effort,
    ) -> tuple[CodedFrame, DecodedFrame]:
        distances = planned.place - planned.past, 0 if planned.future is None else planned.future - planned.place
        motion, prediction = find_prediction(pixels, past, future, distances, quality)
        found = encode_predicted(self._predicted, pixels, prediction, quality, effort)
        kept = np.ascontiguousarray(found.pixels)
        payload = PredictedPayload(
            quality, planned.disposable, *distances, pixel_checksum(kept.data), motion.data, found.coded
        )
        coded = CodedFrame(Chunk(chunks.PREDICTED_FRAME, payload.to_body()), time_stamp, psnr_db(pixels, kept))
        return coded, DecodedFrame(kept, motion.blocks, distances[0])


def find_prediction(
    pixels: Pixels, past: DecodedFrame, future: DecodedFrame | None, distances: tuple[int, int], quality: int
) -> tuple[FoundMotion, Prediction]:
    """The motion of a frame that is ``distances`` frames from its references (without a future: 0), and what it gives.

    ``quality`` is that of the frame.
    """
    suggested = suggested_motion(past, future, distances)
    searched = _searchable(past), None if future is None else _searchable(future)
    motion = search_motion(pixels, *searched, suggested, distances, first_contexts(), quality_lambda(quality))
    return motion, make_prediction(motion.blocks, past.pixels, None if future is None else future.pixels)


def _searchable(frame: DecodedFrame) -> SearchReference:
    """What a motion search computes of a reference, once."""
    if frame.search is None:
        frame.search = SearchReference(frame.pixels)
    found: SearchReference = frame.search
    return found
