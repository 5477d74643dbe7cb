"""Videos: streams to frames, several in parallel, with their time stamps and colour."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vaecompress import bitstream
from vaecompress.bitstream import Container, FramePayload, TimeStamps, chunks
from vaecompress.bitstream.presentation import read_tags_and_aspect
from vaecompress.codec.picture import PictureCodec, Pixels
from vaecompress.errors import CorruptError, UnsupportedError, UsageError
from vaecompress.media.colour import Colour
from vaecompress.media.video_source import DEFAULT_FRAME_RATE, Description
from vaecompress.models.loaded import LoadedModel

if TYPE_CHECKING:
    from vaecompress.codec.group import GroupDecoder

OnDamage = Callable[[CorruptError], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Frame:
    """Frame ``index`` of a video: uint8 RGB [height, width, 3], shown from ``pts`` (in units of the time base) on."""

    index: int
    pts: int
    pixels: Pixels


def decode_video(
    container: Container,
    model: LoadedModel,
    wanted: range | None = None,
    workers: int = 1,
    on_damage: OnDamage | None = None,
) -> Iterator[Frame]:
    """The ``wanted`` frames of a video (default: all), in order, ``workers`` of them decoded at a time.

    No body is read but theirs and those of the frames that they depend on. A damaged frame raises CorruptError; where
    ``on_damage`` is given it is left out instead, with those that depend on it, and that is told the errors, which
    name the frames. Raises UsageError when the video lacks a wanted frame, UnsupportedError when it is a still image.
    """
    header, count = container.header, len(container.frames)
    stamps = read_time_stamps(container, on_damage)
    indices = range(count) if wanted is None else wanted
    if not indices or min(indices) < 0 or max(indices) >= count:
        raise UsageError(f"frames {indices.start}:{indices.stop} are not in this video, which has frames 0:{count}")
    if any(entry.type == chunks.PREDICTED_FRAME for entry in container.frames):
        from vaecompress.codec.group import GroupDecoder  # brings numba, where that is installed

        workers = min(workers, len(indices))
        decoder = GroupDecoder(container, shared(model, workers), workers)
        return _sound(_predicted(decoder, indices, stamps), on_damage)
    codec = PictureCodec(shared(model, workers))
    shape = (header.height, header.width, header.channels)

    def decode(index: int) -> Frame | CorruptError:
        try:
            frame = FramePayload.from_body(container.read(container.frames[index]))
            pixels = codec.decode(frame.picture, shape, frame.quality)
        except CorruptError as error:
            return CorruptError(f"frame {index}: {error}")
        return Frame(index, stamps.pts[index], np.repeat(pixels, 3 // header.channels, axis=2))

    return _sound(in_order(decode, indices, workers), on_damage)


def _predicted(decoder: "GroupDecoder", indices: range, stamps: TimeStamps) -> Iterator[Frame | CorruptError]:
    """Frames that are predicted from each other, or what is wrong with them."""
    for index, found in decoder.show_all(indices):
        if isinstance(found, CorruptError):
            yield CorruptError(f"frame {index}: {found}")
        else:
            yield Frame(index, stamps.pts[index], found)


def read_time_stamps(container: Container, on_damage: OnDamage | None = None) -> TimeStamps:
    """When each frame is shown.

    Damaged stamps raise CorruptError; where ``on_damage`` is given, that is told the error, and the frames are shown at
    24 a second. Raises UnsupportedError when the container is a still image.
    """
    entry, frames = container.find(chunks.TIME), len(container.frames)
    if entry is None:
        raise UnsupportedError("this stream is a still image: decode it to a picture")
    try:
        return TimeStamps.from_body(container.read(entry), frames)
    except CorruptError as error:
        if on_damage is None:
            raise
        on_damage(CorruptError(f"time stamps: {error}"))
        return TimeStamps(1 / DEFAULT_FRAME_RATE, tuple(range(frames)))


def read_colour(container: Container, on_damage: OnDamage | None = None) -> Colour:
    """The colour that the source declared, unspecified where it is not in the file.

    A damaged description raises CorruptError; where ``on_damage`` is given, that is told the error instead.
    """
    entry = container.find(chunks.COLOUR)
    if entry is None:
        return Colour()
    try:
        found = bitstream.Colour.from_body(container.read(entry))
    except CorruptError as error:
        if on_damage is None:
            raise
        on_damage(CorruptError(f"colour: {error}"))
        return Colour()
    return Colour(found.primaries, found.transfer, found.matrix, found.full_range)


def read_description(container: Container, on_damage: OnDamage | None = None) -> Description:
    """Title and the like, and the shape of pixels; nothing, and square, where the file does not say.

    Damage raises CorruptError; where ``on_damage`` is given, that is told the error instead.
    """
    try:
        return Description(*read_tags_and_aspect(container))
    except CorruptError as error:
        if on_damage is None:
            raise
        on_damage(CorruptError(f"description: {error}"))
        return Description()


def shared(model: LoadedModel, workers: int) -> LoadedModel:
    """The model for ``workers`` threads to share: where there are several, each network call takes one thread."""
    return model if workers == 1 else model.one_thread


def in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """``function`` of each item, in order, computed in ``workers`` threads; one item more than that is in memory."""
    pool = ThreadPoolExecutor(workers)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:  # an abandoned generator may end in any thread, one of the pool's too: waiting could wait for itself
        pool.shutdown(wait=False, cancel_futures=True)


def _sound(results: Iterator[Frame | CorruptError], on_damage: OnDamage | None) -> Iterator[Frame]:
    """The frames among ``results``; errors are raised, or told to ``on_damage``."""
    for result in results:
        if isinstance(result, Frame):
            yield result
        elif on_damage is None:
            raise result
        else:
            on_damage(result)
