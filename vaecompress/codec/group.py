"""The frames of a video whose frames are predicted from each other, decoded in the order that they need one another.

FORMAT.md, "Predicted frames". A group runs from a frame coded on its own up to the next one. Its frames are
decoded in the order of showing, each after what it refers to; several at a time where none of them waits for another.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Container, FramePayload, PredictedPayload, chunks, pixel_checksum
from vaecompress.codec.motion import first_contexts, read_motion, to_field
from vaecompress.codec.picture import PictureCodec, Pixels
from vaecompress.codec.predicted import Prediction, decode_predicted
from vaecompress.codec.prediction import Reference, predict
from vaecompress.codec.references import DecodedFrame, HeldFrames, suggested_motion
from vaecompress.codec.threads import Pending, Threads
from vaecompress.errors import CorruptError
from vaecompress.format import HYPER_PATCH
from vaecompress.media.padding import pad_edge
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

MOST_WAITING = 16
"""Frames that may wait for one another to be decoded."""

AHEAD = 4
"""For each worker so many frames are decoded before they are shown: where a chain of references waits, others go on."""


class GroupDecoder:
    """Decodes frames of a video, ``workers`` of them at a time. Not safe to share between threads."""

    def __init__(self, container: Container, model: LoadedModel, workers: int = 1) -> None:
        self._container, self._model = container, model
        header = container.header
        self._shape = (header.height, header.width, header.channels)
        self._pictures = PictureCodec(model)
        self._threads, self._ahead = Threads(workers), AHEAD * workers
        self._held = HeldFrames[_Pending]()
        self._done: dict[int, CorruptError | None] = {}
        self._read: dict[int, _Payload] = {}
        self._group = range(0)

    def show_all(self, indices: Iterable[int]) -> Iterator[tuple[int, Pixels | CorruptError]]:
        """Frames in ascending order, each with its pixels, or with what is wrong with it.

        Only what they depend on is read and decoded, and a few of them are decoded before they are asked for.
        """
        started: deque[tuple[int, _Pending]] = deque()
        try:
            for index in indices:
                started.append((index, self._start(index)))
                if len(started) > self._ahead:
                    yield _shown(*started.popleft())
            while started:
                yield _shown(*started.popleft())
        finally:
            self._threads.close()

    def show(self, index: int) -> Pixels:
        """Pixels of one frame; frames are shown in ascending order. Raises CorruptError where it is damaged."""
        return self._start(index).result().pixels

    def _start(self, index: int) -> "_Pending":
        if index not in self._group:
            self._enter(index)
        try:
            return self._frame(index, 0)
        except CorruptError as error:
            return self._threads.start(partial(_raise, error))

    def _enter(self, index: int) -> None:
        """Start the group of ``index``: with what it needs of the frames before it."""
        frames = self._container.frames
        alone = [place for place, entry in enumerate(frames) if entry.type == chunks.FRAME]
        start = max(place for place in alone if place <= index)
        stop = min((place for place in alone if place > index), default=len(frames))
        self._group = range(start, stop)
        self._held.clear()
        self._done.clear()
        self._read.clear()
        for place in sorted(self._needed(index)):
            if place < index and place not in self._done:
                with suppress(CorruptError):  # whoever depends on it says so
                    self._frame(place, 0)

    def _needed(self, index: int) -> set[int]:
        """Every frame of the group that ``index`` depends on, as far as their bodies can be read."""
        needed, found = {index}, [index]
        while found:
            place = found.pop()
            with suppress(CorruptError):
                payload = self._read[place] = self._payload(place)
                if isinstance(payload, PredictedPayload):
                    others = {place - payload.past, place + payload.future} - needed
                    found += [other for other in others if other in self._group]
                    needed.update(found)
        return needed

    def _payload(self, index: int) -> "_Payload":
        entry = self._container.frames[index]
        body = self._container.read(entry)
        return FramePayload.from_body(body) if entry.type == chunks.FRAME else PredictedPayload.from_body(body)

    def _frame(self, index: int, waiting: int) -> "_Pending":
        """A frame, its decoding started unless it is held. Raises CorruptError."""
        if index in self._done:
            error = self._done[index]
            if error is not None:
                raise error
            return self._held.use(index)
        try:
            frame, disposable = self._decode(index, waiting)
        except CorruptError as error:
            self._done[index] = error
            raise
        self._done[index] = None
        if not disposable:
            self._held.add(index, frame)
        return frame

    def _decode(self, index: int, waiting: int) -> tuple["_Pending", bool]:
        """Start to decode a frame after those that it refers to; and whether no other refers to it."""
        payload = self._read.pop(index, None) or self._payload(index)
        if isinstance(payload, FramePayload):
            return self._threads.start(partial(self._alone, payload)), False
        if waiting == MOST_WAITING:
            raise CorruptError("too many frames wait for one another; encode the video again")
        places = [index - payload.past] + [index + payload.future] * (payload.future > 0)
        references = [(place, self._reference(place, waiting)) for place in places]
        work = partial(self._from_others, index, payload, references)
        return self._threads.start(work, [frame for _, frame in references]), payload.disposable

    def _reference(self, index: int, waiting: int) -> "_Pending":
        if index not in self._group:
            raise CorruptError(f"it refers to frame {index}, which is not in its group; encode the video again")
        try:
            return self._frame(index, waiting + 1)
        except CorruptError as error:
            raise CorruptError(f"it depends on frame {index}: {error}") from error

    def _alone(self, payload: FramePayload) -> DecodedFrame:
        return DecodedFrame.alone(self._pictures.decode(payload.picture, self._shape, payload.quality))

    def _from_others(
        self, index: int, payload: PredictedPayload, references: list[tuple[int, "_Pending"]]
    ) -> DecodedFrame:
        past, *others = [_decoded(*reference) for reference in references]
        future = others[0] if others else None
        distances = (payload.past, payload.future)
        blocks = read_motion(payload.motion, suggested_motion(past, future, distances), distances, first_contexts())
        prediction = make_prediction(blocks, past.pixels, None if future is None else future.pixels)
        pixels = np.ascontiguousarray(self._reconstruct(index, payload, blocks, prediction))
        if pixel_checksum(pixels.data) != payload.checksum:
            raise CorruptError("the decoded picture does not match its checksum; the stream is damaged")
        return DecodedFrame(pixels, blocks, payload.past)

    def _reconstruct(self, index: int, payload: PredictedPayload, blocks: Array, prediction: Prediction) -> Pixels:
        """Pixels of frame ``index``, whose motion ``blocks`` gave ``prediction``."""
        height, width, _ = self._shape
        return decode_predicted(self._model.predicted, payload.coded, prediction, height, width, payload.quality)


_Pending = Pending[DecodedFrame]
_Payload = FramePayload | PredictedPayload


def _shown(index: int, frame: _Pending) -> tuple[int, Pixels | CorruptError]:
    try:
        return index, frame.result().pixels
    except CorruptError as error:
        return index, error


def _decoded(index: int, frame: _Pending) -> DecodedFrame:
    """A frame that another one refers to. Raises CorruptError."""
    try:
        return frame.result()
    except CorruptError as error:
        raise CorruptError(f"it depends on frame {index}: {error}") from error


def _raise(error: CorruptError) -> DecodedFrame:
    raise error


def make_prediction(blocks: Array, past: Pixels, future: Pixels | None) -> Prediction:
    """The two predictions [H, W, 3] of motion ``blocks``, sides padded to multiples of 64 with copies of their edge."""
    other = None if future is None else Reference(future)
    first, second = predict(to_field(blocks), Reference(past), other)
    return Prediction(pad_edge(first, HYPER_PATCH), pad_edge(second, HYPER_PATCH), future is None)
