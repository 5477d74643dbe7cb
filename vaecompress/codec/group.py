"""The frames of a video whose frames are predicted from each other, decoded in the order that they need one another.

FORMAT.md, "Predicted frames". A group runs from a frame coded on its own up to the next one. Its frames are
decoded in the order of showing, each after what it refers to.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Container, FramePayload, PredictedPayload, chunks, pixel_checksum
from vaecompress.codec.motion import first_contexts, read_motion, to_field
from vaecompress.codec.picture import PictureCodec, Pixels
from vaecompress.codec.predicted import Prediction, decode_predicted
from vaecompress.codec.prediction import Reference, predict
from vaecompress.codec.references import DecodedFrame, HeldFrames, suggested_motion
from vaecompress.errors import CorruptError
from vaecompress.format import HYPER_PATCH
from vaecompress.media.padding import pad_edge
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

MOST_WAITING = 16
"""Frames that may wait for one another to be decoded."""


class GroupDecoder:
    """Decodes frames of a video one after another. Not safe to share between threads."""

    def __init__(self, container: Container, model: LoadedModel) -> None:
        self._container, self._model = container, model
        header = container.header
        self._shape = (header.height, header.width, header.channels)
        self._pictures = PictureCodec(model)
        self._held = HeldFrames()
        self._done: dict[int, CorruptError | None] = {}
        self._group = range(0)

    def show(self, index: int) -> Pixels:
        """Pixels of frame ``index``; frames are shown in ascending order. Raises CorruptError where it is damaged.

        Only what the frame depends on is read and decoded.
        """
        if index not in self._group:
            self._enter(index)
        return self._frame(index, 0).pixels

    def _enter(self, index: int) -> None:
        """Start the group of ``index``: decode what it needs of the frames before it."""
        frames = self._container.frames
        alone = [place for place, entry in enumerate(frames) if entry.type == chunks.FRAME]
        start = max(place for place in alone if place <= index)
        stop = min((place for place in alone if place > index), default=len(frames))
        self._group = range(start, stop)
        self._held.clear()
        self._done.clear()
        for place in sorted(self._needed(index)):
            if place < index and place not in self._done:
                try:
                    self._frame(place, 0)
                except CorruptError:
                    continue  # whoever depends on it says so

    def _needed(self, index: int) -> set[int]:
        """Every frame of the group that ``index`` depends on, as far as their bodies can be read."""
        needed, found = {index}, [index]
        while found:
            place = found.pop()
            if self._container.frames[place].type == chunks.FRAME:
                continue
            try:
                payload = PredictedPayload.from_body(self._container.read(self._container.frames[place]))
            except CorruptError:
                continue
            for other in (place - payload.past, place + payload.future):
                if other in self._group and other not in needed:
                    needed.add(other)
                    found.append(other)
        return needed

    def _frame(self, index: int, waiting: int) -> DecodedFrame:
        """A frame, decoded unless it is held. Raises CorruptError."""
        if index in self._done:
            error = self._done[index]
            if error is not None:
                raise error
            return self._held.use(index)
        try:
            frame = self._decode(index, waiting)
        except CorruptError as error:
            self._done[index] = error
            raise
        self._done[index] = None
        self._held.add(index, frame)
        return frame

    def _decode(self, index: int, waiting: int) -> DecodedFrame:
        entry = self._container.frames[index]
        body = self._container.read(entry)
        if entry.type == chunks.FRAME:
            frame = FramePayload.from_body(body)
            return DecodedFrame.alone(self._pictures.decode(frame.picture, self._shape, frame.quality))
        payload = PredictedPayload.from_body(body)
        if waiting == MOST_WAITING:
            raise CorruptError("too many frames wait for one another; encode the video again")
        past = self._reference(index - payload.past, waiting)
        future = self._reference(index + payload.future, waiting) if payload.future else None
        distances = (payload.past, payload.future)
        blocks = read_motion(payload.motion, suggested_motion(past, future, distances), distances, first_contexts())
        prediction = make_prediction(blocks, past.pixels, None if future is None else future.pixels)
        pixels = np.ascontiguousarray(self._reconstruct(index, payload, blocks, prediction))
        if pixel_checksum(pixels.data) != payload.checksum:
            raise CorruptError("the decoded picture does not match its checksum; the stream is damaged")
        return DecodedFrame(pixels, blocks, payload.past, payload.disposable)

    def _reconstruct(self, index: int, payload: PredictedPayload, blocks: Array, prediction: Prediction) -> Pixels:
        """Pixels of frame ``index``, whose motion ``blocks`` gave ``prediction``."""
        height, width, _ = self._shape
        return decode_predicted(self._model.predicted, payload.coded, prediction, height, width, payload.quality)

    def _reference(self, index: int, waiting: int) -> DecodedFrame:
        if index not in self._group:
            raise CorruptError(f"it refers to frame {index}, which is not in its group; encode the video again")
        try:
            frame = self._frame(index, waiting + 1)
        except CorruptError as error:
            raise CorruptError(f"it depends on frame {index}: {error}") from error
        return frame


def make_prediction(blocks: Array, past: Pixels, future: Pixels | None) -> Prediction:
    """The two predictions [H, W, 3] of motion ``blocks``, sides padded to multiples of 64 with copies of their edge."""
    other = None if future is None else Reference(future)
    first, second = predict(to_field(blocks), Reference(past), other)
    return Prediction(pad_edge(first, HYPER_PATCH), pad_edge(second, HYPER_PATCH), future is None)
