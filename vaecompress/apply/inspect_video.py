"""Where the bits of a video go: by frame, layer and part; and of some frames, where they move and what is skipped."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.apply.inspect import trace_payload
from vaecompress.apply.trace import Trace, trace
from vaecompress.bitstream import Container, FramePayload, Header, PredictedPayload, chunks
from vaecompress.codec.group import GroupDecoder
from vaecompress.codec.predicted import PredictedFrame, Prediction
from vaecompress.errors import CorruptError
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]

DRAWN = 6
"""Frames that are decoded and drawn, unless asked otherwise."""


@dataclass(frozen=True)
class FrameBits:
    """What a frame takes: its quality, its layer, its whole chunk, and of a predicted one, motion.

    Layer 0 is coded on its own, 1 is predicted from the past only, others from layers below theirs. ``past`` and
    ``future`` are the distances to the references in frames, 0 where there is none.
    """

    index: int
    quality: int
    layer: int
    size_bytes: int
    past: int = 0
    future: int = 0
    motion_bytes: int = 0

    @property
    def rest_bytes(self) -> int:
        """All but motion."""
        return self.size_bytes - self.motion_bytes


@dataclass(frozen=True, eq=False)
class DrawnFrame:
    """A frame to draw: decoded uint8 [H, W, 3]; ``blocks`` of motion int32 [rows, columns, 6] of a predicted one.

    ``trace`` is None where nothing but motion was coded.
    """

    bits: FrameBits
    pixels: Pixels
    blocks: Array | None
    trace: Trace | None

    @property
    def skipped(self) -> Array | None:
        """Patches of 16x16 pixels to which nothing is added: bool [h, w]; None where it is all of them."""
        return None if self.trace is None else self.trace.is_empty


@dataclass(frozen=True, eq=False)
class VideoFindings:
    """What was found of a video; ``drawn`` are a few of its frames."""

    header: Header
    model: str
    size_bytes: int
    frames: tuple[FrameBits, ...]
    drawn: tuple[DrawnFrame, ...]

    def layers(self) -> dict[int, list[FrameBits]]:
        """Frames by layer."""
        return {
            layer: [frame for frame in self.frames if frame.layer == layer]
            for layer in sorted({frame.layer for frame in self.frames})
        }

    def to_dict(self) -> dict[str, Any]:
        """All numbers, JSON-ready."""
        pixels = self.header.width * self.header.height
        return {
            "kind": "video",
            "width": self.header.width,
            "height": self.header.height,
            "quality": self.header.quality,
            "model": self.model,
            "size_bytes": self.size_bytes,
            "bpp": 8 * self.size_bytes / (pixels * len(self.frames)),
            "frames": [vars(frame) for frame in self.frames],
            "drawn": [
                {
                    "index": one.bits.index,
                    "skipped_share": 1.0 if one.skipped is None else float(one.skipped.mean()),
                    "map_bits": None if one.trace is None else np.round(one.trace.map, 2).tolist(),
                }
                for one in self.drawn
            ],
        }


def inspect_video(container: Container, model: LoadedModel, drawn: int = DRAWN) -> VideoFindings:
    """Look into a video, and decode ``drawn`` of its frames. Raises CorruptError where it is damaged."""
    frames = _frame_bits(container)
    watcher = _Watcher(container, model)
    pictures = tuple(watcher.look(frame) for frame in _chosen(frames, drawn))
    return VideoFindings(container.header, model.name, container.size_bytes, frames, pictures)


def _frame_bits(container: Container) -> tuple[FrameBits, ...]:
    """What each frame takes, in the order of showing. Raises CorruptError."""
    waiting: dict[int, PredictedPayload] = {}
    found: dict[int, FrameBits] = {}
    for index, entry in enumerate(container.frames):
        body = container.read(entry)
        if entry.type == chunks.FRAME:
            found[index] = FrameBits(index, FramePayload.from_body(body).quality, 0, entry.length)
        else:
            waiting[index] = PredictedPayload.from_body(body)
    while waiting:
        ready = [index for index, one in waiting.items() if all(place in found for place in _references(index, one))]
        if not ready:
            raise CorruptError(f"frame {min(waiting)}: what it refers to never comes; encode the video again")
        for index in ready:
            one, size = waiting.pop(index), container.frames[index].length
            layer = 1 + max(1, *(found[place].layer for place in _references(index, one))) if one.future else 1
            found[index] = FrameBits(index, one.quality, layer, size, one.past, one.future, len(one.motion))
    return tuple(found[index] for index in range(len(found)))


def _references(index: int, payload: PredictedPayload) -> list[int]:
    return [index - payload.past, *([index + payload.future] if payload.future else [])]


def _chosen(frames: tuple[FrameBits, ...], count: int) -> list[FrameBits]:
    """The frame that costs most of each layer, then others that cost most; in the order of showing."""
    dearest = sorted(frames, key=lambda frame: -frame.size_bytes)
    first = {frame.layer: frame for frame in reversed(dearest)}
    chosen = list(dict.fromkeys([*sorted(first.values(), key=lambda frame: frame.layer), *dearest]))[:count]
    return sorted(chosen, key=lambda frame: frame.index)


class _Watcher(GroupDecoder):
    """Decodes as ever, and keeps what the frame that is looked at was made of."""

    _wanted = -1
    _seen: tuple[Array, Trace | None] | None = None

    def look(self, bits: FrameBits) -> DrawnFrame:
        """Decode a frame, with what it depends on. Raises CorruptError where one of them is damaged."""
        self._wanted, self._group = bits.index, range(0)
        entry = self._container.frames[bits.index]
        pixels = self.show(bits.index)
        if entry.type == chunks.FRAME:
            payload = FramePayload.from_body(self._container.read(entry))
            found = trace_payload(self._pictures, payload.picture, self._shape, bits.quality)
            return DrawnFrame(bits, pixels, None, found)
        assert self._seen is not None
        return DrawnFrame(bits, pixels, *self._seen)

    def _reconstruct(self, index: int, payload: PredictedPayload, blocks: Array, prediction: Prediction) -> Pixels:
        if index == self._wanted:
            found = None
            if payload.coded:
                frame = PredictedFrame(self._model.predicted, prediction, payload.quality)
                found = trace(frame.latents, payload.coded, prediction.grid, payload.quality)
            self._seen = (blocks, found)
        return super()._reconstruct(index, payload, blocks, prediction)
