"""Videos: a stand-in source goes through the tiny model and back, whole, in parts, damaged and over limits."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vaecompress.bitstream import Chunk, Container, FramePayload, Header, PicturePayload, TimeStamps, chunks, write
from vaecompress.bitstream.presentation import read_last_duration
from vaecompress.codec.picture import Pixels, psnr_db
from vaecompress.codec.video import Frame, decode_video, read_colour, read_time_stamps
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.video import encode_video
from vaecompress.errors import CorruptError, GoalError, InputError, LimitError, UnsupportedError, UsageError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.image import Image
from vaecompress.media.video_source import VideoSource
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel

QUALITY = 40
HEIGHT, WIDTH = 50, 70
STAMPS = (3, 4, 7, 8, 9)


def test_the_duration_of_the_last_frame_comes_back(model: LoadedModel) -> None:
    for last, chunk_there in ((None, False), (1, False), (5000, True)):
        output = io.BytesIO()
        encode_video(Pictures(last_duration=last), output, model, QUALITY)
        with Container.open(output.getvalue()) as container:
            assert (container.find(chunks.LAST_DURATION) is not None) == chunk_there
            assert read_last_duration(container, read_time_stamps(container)) == (last or 1)


def moving_pictures(count: int) -> list[Pixels]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return [
        np.stack([(3 * rows + 5 * t) % 256, (2 * columns + 9 * t) % 256, rows + columns], 2).astype(np.uint8)
        for t in range(count)
    ]


@dataclass
class Pictures(VideoSource):
    """A source of pictures made here. ``taken`` counts those handed out; the file is damaged at ``breaks_at``."""

    name: str = "clip"
    width: int = WIDTH
    height: int = HEIGHT
    time_base: Fraction = Fraction(1001, 30000)
    frame_count: int | None = 5
    colour: Colour = field(default_factory=lambda: Colour(9, 16, 9, False))
    has_audio: bool = True
    limits: Limits = field(default_factory=Limits)
    stamps: tuple[int, ...] = STAMPS
    breaks_at: int | None = None
    taken: int = 0

    def _frames(self) -> Iterator[tuple[Pixels, int]]:
        for picture, stamp in zip(moving_pictures(len(self.stamps)), self.stamps, strict=True):
            if self.taken == self.breaks_at:
                raise InputError("clip: is damaged")
            self.taken += 1
            yield picture, stamp
        self._note("audio is not carried")


class RecordingFile(io.BytesIO):
    """A file that remembers which bytes were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.places: set[int] = set()

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        data = super().read(size)
        self.places |= set(range(start, start + len(data)))
        return data


@pytest.fixture(scope="module")
def model(tiny_model_path: Path) -> LoadedModel:
    return registry.load(tiny_model_path, threads=1)


@pytest.fixture(scope="module")
def expected(model: LoadedModel) -> list[Pixels]:
    goal = Goal(quality=QUALITY)
    streams = [ImageEncoder(model).encode(Image(picture), goal).data for picture in moving_pictures(5)]
    return [ImageEncoder(model).decode(Container.open(stream)).pixels for stream in streams]


@pytest.fixture(scope="module")
def stream(model: LoadedModel) -> bytes:
    return encoded(Pictures(), model)


def encoded(source: VideoSource, model: LoadedModel, workers: int = 1) -> bytes:
    output = io.BytesIO()
    encode_video(source, output, model, QUALITY, workers)
    return output.getvalue()


def damaged(stream: bytes, chunk_type: str, number: int = 0) -> bytes:
    entries = [entry for entry in Container.open(stream).directory if entry.type == chunk_type]
    place = entries[number].offset + entries[number].length - 1
    return stream[:place] + bytes([stream[place] ^ 1]) + stream[place + 1 :]


def decoded(stream: bytes, model: LoadedModel, **options: object) -> list[Frame]:
    return list(decode_video(Container.open(stream, partial=True), model, **options))  # type: ignore[arg-type]


def assert_frames(frames: list[Frame], expected: list[Pixels], indices: range | list[int]) -> None:
    assert [frame.index for frame in frames] == list(indices)
    for frame in frames:
        np.testing.assert_array_equal(frame.pixels, expected[frame.index])


@pytest.mark.parametrize("workers", [1, 3])
def test_frames_stamps_and_colour_come_back(
    stream: bytes, model: LoadedModel, expected: list[Pixels], workers: int
) -> None:
    container = Container.open(stream)
    assert container.header == Header("video", WIDTH, HEIGHT, 3, False, QUALITY, model.model_id)
    assert read_time_stamps(container) == TimeStamps(Fraction(1001, 30000), STAMPS)
    assert read_colour(container) == Colour(9, 16, 9, False)
    frames = decoded(stream, model, workers=workers)
    assert_frames(frames, expected, range(5))
    assert [frame.pts for frame in frames] == list(STAMPS)


def test_workers_change_no_byte(stream: bytes, model: LoadedModel) -> None:
    assert encoded(Pictures(), model, workers=3) == stream


def test_report(stream: bytes, model: LoadedModel, expected: list[Pixels]) -> None:
    steps: list[tuple[int, int | None]] = []
    output = io.BytesIO(b"before")
    output.seek(6)
    report = encode_video(Pictures(), output, model, QUALITY, progress=lambda *step: steps.append(step))
    assert output.getvalue() == b"before" + stream
    assert steps == [(done, 5) for done in range(1, 6)]
    assert report.frames == 5
    assert report.size_bytes == len(stream)
    mean_db = np.mean([psnr_db(picture, pixels) for picture, pixels in zip(moving_pictures(5), expected, strict=True)])
    assert report.psnr_db == pytest.approx(mean_db)
    seconds = 6 * 1001 / 30000 * 5 / 4
    assert report.kbit_per_s == pytest.approx(8 * len(stream) / seconds / 1000)
    assert report.frames_per_s > 0
    assert report.notes == ("audio is not carried",)


def test_a_single_frame_has_no_bit_rate(model: LoadedModel) -> None:
    assert encode_video(Pictures(stamps=(0,)), io.BytesIO(), model, QUALITY).kbit_per_s is None


def test_a_frame_without_error_leaves_the_mean_finite(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([float("inf"), 30.0])
    monkeypatch.setattr("vaecompress.encoder.video.psnr_db", lambda *_: next(values))
    assert encode_video(Pictures(stamps=(0, 1)), io.BytesIO(), model, QUALITY).psnr_db == 65.0


def test_frames_ahead_are_bounded(model: LoadedModel) -> None:
    source = Pictures(stamps=tuple(range(12)))
    ahead: list[int] = []
    encode_video(source, io.BytesIO(), model, QUALITY, 2, progress=lambda done, _: ahead.append(source.taken - done))
    assert max(ahead) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_only_wanted_frames_are_read(stream: bytes, model: LoadedModel, expected: list[Pixels], workers: int) -> None:
    file = RecordingFile(stream)
    container = Container.open(file)
    file.places.clear()
    assert_frames(list(decode_video(container, model, range(1, 5, 2), workers)), expected, [1, 3])
    entries = [container.find(chunks.TIME), container.frames[1], container.frames[3]]
    assert file.places == {e.offset + n for e in entries if e is not None for n in range(e.length)}


@pytest.mark.parametrize("wanted", [range(3, 6), range(-1, 2), range(2, 2), range(7, 9)])
def test_frames_that_are_not_there(stream: bytes, model: LoadedModel, wanted: range) -> None:
    with pytest.raises(UsageError, match=rf"{wanted.start}:{wanted.stop} .* 0:5"):
        decoded(stream, model, wanted=wanted)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_frame_costs_one_frame(
    stream: bytes, model: LoadedModel, expected: list[Pixels], workers: int
) -> None:
    broken = damaged(stream, chunks.FRAME, 2)
    with pytest.raises(CorruptError, match=r"^frame 2: .*CRC"):
        decoded(broken, model, workers=workers)
    errors: list[CorruptError] = []
    assert_frames(decoded(broken, model, workers=workers, on_damage=errors.append), expected, [0, 1, 3, 4])
    assert len(errors) == 1
    assert str(errors[0]).startswith("frame 2: ")


def test_a_cut_file_gives_what_is_there(stream: bytes, model: LoadedModel, expected: list[Pixels]) -> None:
    cut = stream[: Container.open(stream).frames[3].offset]
    errors: list[CorruptError] = []
    frames = decoded(cut, model, on_damage=errors.append)
    assert_frames(frames, expected, range(3))
    assert [frame.pts for frame in frames] == [0, 1, 2]
    assert [str(error).partition(":")[0] for error in errors] == ["time stamps", "frame 3", "frame 4"]
    with pytest.raises(CorruptError, match=r"TIME .* cut off"):
        decoded(cut, model)


def test_damaged_stamps_and_colour(stream: bytes) -> None:
    errors: list[CorruptError] = []
    container = Container.open(damaged(stream, chunks.TIME))
    assert read_time_stamps(container, errors.append) == TimeStamps(Fraction(1, 24), tuple(range(5)))
    container = Container.open(damaged(stream, chunks.COLOUR))
    with pytest.raises(CorruptError, match="colr"):
        read_colour(container)
    assert read_colour(container, errors.append) == Colour()
    assert [str(error).partition(":")[0] for error in errors] == ["time stamps", "colour"]


def test_a_wrong_checksum_is_no_sound_frame(model: LoadedModel) -> None:
    payload = PictureEncoder(model).encode(moving_pictures(1)[0], QUALITY).payload
    wrong = PicturePayload(payload.checksum ^ 1, payload.coded)
    with pytest.raises(CorruptError, match=r"^frame 1: .*checksum"):
        decoded(_video(model, 3, [payload, wrong]), model)


def test_grey_frames_come_out_as_rgb(model: LoadedModel) -> None:
    coded = PictureEncoder(model).encode(moving_pictures(1)[0][:, :, :1], QUALITY)
    stream = _video(model, 1, [coded.payload])
    (frame,) = decoded(stream, model)
    np.testing.assert_array_equal(frame.pixels, np.repeat(coded.pixels, 3, axis=2))
    assert read_colour(Container.open(stream)) == Colour()


def _video(model: LoadedModel, channels: int, payloads: list[PicturePayload]) -> bytes:
    header = Header("video", WIDTH, HEIGHT, channels, False, QUALITY, model.model_id)
    stamps = TimeStamps(Fraction(1, 25), tuple(range(len(payloads))))
    frames = [Chunk(chunks.FRAME, FramePayload(QUALITY, payload).to_body()) for payload in payloads]
    return write(header, [*frames, Chunk(chunks.TIME, stamps.to_body())])


def test_a_still_image_is_refused(model: LoadedModel) -> None:
    header = Header("image", WIDTH, HEIGHT, 3, False, QUALITY, model.model_id)
    with pytest.raises(UnsupportedError, match="still image"):
        decoded(write(header, [Chunk(chunks.PICTURE, bytes(6))]), model)


def test_limits_hold_both_ways(stream: bytes, model: LoadedModel) -> None:
    output = io.BytesIO()
    with pytest.raises(LimitError, match="4 frames"):
        encode_video(Pictures(limits=Limits(max_frames=3)), output, model, QUALITY, 2)
    assert output.getvalue() == b""
    with pytest.raises(LimitError, match="5 frames"):
        Container.open(stream, Limits(max_frames=3))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Pictures(breaks_at=3), "clip: is damaged"),
        (Pictures(width=71), "one size"),
        (Pictures(time_base=Fraction(1 << 31)), "clip: its time stamps cannot be carried"),
    ],
)
def test_a_bad_source_leaves_nothing_behind(model: LoadedModel, source: VideoSource, message: str) -> None:
    output = io.BytesIO()
    with pytest.raises(InputError, match=message):
        encode_video(source, output, model, QUALITY, 2)
    assert output.getvalue() == b""


def test_decoding_may_stop_early(stream: bytes, model: LoadedModel, expected: list[Pixels]) -> None:
    with Container.open(stream) as container:
        frames = decode_video(container, model, workers=2)
        assert_frames([next(frames)], expected, [0])
        frames.close()  # type: ignore[attr-defined]
    assert list(frames) == []


def test_goals_are_kept(model: LoadedModel) -> None:
    source = Pictures(stamps=tuple(range(8)), frame_count=None)
    output = io.BytesIO()
    plain = encode_video(source, output, model, QUALITY)
    for goal in (Goal(size_bytes=plain.size_bytes), Goal(bpp=8 * plain.size_bytes / (8 * HEIGHT * WIDTH))):
        output = io.BytesIO()
        report = encode_video(Pictures(stamps=tuple(range(8))), output, model, goal, workers=2)
        assert 0.93 * plain.size_bytes <= report.size_bytes <= plain.size_bytes
        with Container.open(output.getvalue()) as container:
            assert container.header.quality == report.quality
            assert len(list(decode_video(container, model))) == 8
    assert plain.kbit_per_s is not None
    report = encode_video(Pictures(stamps=tuple(range(8))), io.BytesIO(), model, Goal(kbps=plain.kbit_per_s))
    assert report.kbit_per_s == pytest.approx(plain.kbit_per_s, rel=0.05)
    report = encode_video(Pictures(stamps=tuple(range(8))), io.BytesIO(), model, Goal(psnr_db=plain.psnr_db))
    assert plain.psnr_db <= report.psnr_db <= plain.psnr_db + 0.5


def test_a_goal_out_of_reach_leaves_nothing(model: LoadedModel) -> None:
    output = io.BytesIO()
    for goal in (Goal(size_bytes=100), Goal(size_bytes=300), Goal(psnr_db=90.0)):
        with pytest.raises(GoalError, match="out of reach"):
            encode_video(Pictures(), output, model, goal)
    assert output.getvalue() == b""
