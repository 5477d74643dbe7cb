"""Videos whose frames are predicted from each other: decoded as the encoder saw them, from anywhere, damaged or not."""

import io
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("numba", reason="motion search needs numba, the extra video")

from photo import photo

from vaecompress.bitstream import Chunk, Container, PredictedPayload, chunks, write
from vaecompress.codec.references import HELD_FRAMES, DecodedFrame, HeldFrames, suggested_motion
from vaecompress.codec.video import decode_video
from vaecompress.encoder import predicted_video
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.gop import is_cut, is_too_far, plan_layers
from vaecompress.encoder.video import encode_video
from vaecompress.errors import CorruptError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.video_source import VideoSource
from vaecompress.models.loaded import LoadedModel

HEIGHT, WIDTH, FRAMES, GROUP = 70, 90, 23, 14


class Clip(VideoSource):
    """A pan over a photograph."""

    def __init__(self) -> None:
        super().__init__("clip", WIDTH, HEIGHT, Fraction(1, 25), FRAMES, Colour(), False, Limits())
        self._photo = photo(HEIGHT + 30, WIDTH + 60)

    def _frames(self):
        for index in range(FRAMES):
            top, left = index // 2, index * 2
            yield np.ascontiguousarray(self._photo[top : top + HEIGHT, left : left + WIDTH]), index


@pytest.fixture(scope="module")
def model(video_file):
    return LoadedModel(video_file, threads=1)


@pytest.fixture(scope="module")
def stream(model) -> bytes:
    output = io.BytesIO()
    encode_video(Clip(), output, model, 60, effort=EFFORTS[1], group=GROUP)
    return output.getvalue()


@pytest.fixture(scope="module")
def pixels(stream, model):
    with Container.open(stream) as container:
        return [frame.pixels for frame in decode_video(container, model)]


def test_groups_start_where_asked_and_the_rest_is_predicted(stream):
    with Container.open(stream) as container:
        kinds = [entry.type for entry in container.frames]
    assert [place for place, kind in enumerate(kinds) if kind == chunks.FRAME] == [0, GROUP]
    assert kinds.count(chunks.PREDICTED_FRAME) == FRAMES - 2


def test_every_frame_has_the_checksum_that_the_encoder_saw(pixels):
    assert len(pixels) == FRAMES
    for (original, _), decoded in zip(Clip(), pixels[:3], strict=False):
        assert np.mean((original.astype(float) - decoded) ** 2) < 900  # a coarse model, and random networks


def test_two_workers_write_the_same_bytes(stream, model):
    output = io.BytesIO()
    encode_video(Clip(), output, model, 60, workers=2, effort=EFFORTS[1], group=GROUP)
    assert output.getvalue() == stream


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("wanted", [range(0, 1), range(5, 8), range(13, 16), range(22, 23), range(FRAMES)])
def test_frames_from_anywhere_are_the_same(stream, pixels, model, wanted, workers):
    with Container.open(stream) as container:
        found = list(decode_video(container, model, wanted, workers))
    assert [frame.index for frame in found] == list(wanted)
    for frame in found:
        np.testing.assert_array_equal(frame.pixels, pixels[frame.index])


def test_no_body_is_read_twice(stream, model, monkeypatch):
    with Container.open(stream) as container:
        read: list[object] = []
        real = container.read
        monkeypatch.setattr(container, "read", lambda entry: read.append(entry) or real(entry))
        list(decode_video(container, model, range(11, FRAMES)))
        bodies = [entry for entry in read if entry in container.frames]
    assert len(bodies) == len(set(map(id, bodies)))


def test_one_may_stop_looking_at_any_frame(stream, pixels, model):
    with Container.open(stream) as container:
        frames = decode_video(container, model, workers=2)
        np.testing.assert_array_equal(next(frames).pixels, pixels[0])
        frames.close()


def test_the_plain_engine_gives_the_same_pixels(stream, pixels, video_file):
    with Container.open(stream) as container:
        for frame in decode_video(container, LoadedModel(video_file, "reference"), range(14, 18)):
            np.testing.assert_array_equal(frame.pixels, pixels[frame.index])


def test_a_damaged_frame_costs_those_that_depend_on_it_and_not_the_next_group(stream, pixels, model):
    with Container.open(stream) as container:
        entries, header = container.directory, container.header
        bodies = [container.read(entry) for entry in entries]
    frames = [place for place, entry in enumerate(entries) if entry.type in chunks.FRAME_TYPES]
    middle = frames[(GROUP - 1) // 2]
    body = bytearray(bodies[middle])
    body[5] ^= 1  # in the checksum of pixels
    parts = [
        Chunk(entry.type, bytes(body) if place == middle else bodies[place]) for place, entry in enumerate(entries)
    ]
    errors: list[str] = []
    with Container.open(write(header, parts)) as container:
        left = list(decode_video(container, model, on_damage=lambda error: errors.append(str(error))))
    assert errors
    assert any("does not match its checksum" in error for error in errors)
    assert any("depends on frame" in error for error in errors)
    assert {frame.index for frame in left} >= {0, *range(GROUP, FRAMES)}
    for frame in left:
        np.testing.assert_array_equal(frame.pixels, pixels[frame.index])


def test_every_flipped_byte_of_a_predicted_frame_is_noticed(stream, pixels, model):
    with Container.open(stream) as container:
        entries, header = container.directory, container.header
        bodies = [container.read(entry) for entry in entries]
        frames = list(container.frames)
    place = entries.index(frames[1])
    for index in range(0, len(bodies[place]), 3):
        body = bytearray(bodies[place])
        body[index] ^= 0x55
        parts = [Chunk(entry.type, bytes(body) if one == place else bodies[one]) for one, entry in enumerate(entries)]
        with Container.open(write(header, parts)) as container:
            try:
                (frame,) = decode_video(container, model, range(1, 2))
            except CorruptError:
                continue
        np.testing.assert_array_equal(frame.pixels, pixels[1])  # what changed no pixel, such as an unused quality


def test_a_payload_survives_its_bytes():
    payload = PredictedPayload(60, True, 3, 200, 0x01020304, b"motion", b"coded")
    assert PredictedPayload.from_body(payload.to_body()) == payload
    for length in range(len(payload.to_body()) - len(b"coded")):
        with pytest.raises(CorruptError):
            PredictedPayload.from_body(payload.to_body()[:length])


@pytest.mark.parametrize("length", [1, 2, 5, 16, 32])
def test_a_plan_refers_only_to_what_is_coded_before_and_a_decoder_holds_it(length):
    known, planned = {0}, {}
    for layer in plan_layers(length):
        for one in layer:
            assert one.past in known
            assert one.future is None or one.future in known
            planned[one.place] = one
        known |= {one.place for one in layer}
    assert known == set(range(length + 1))
    held, frame = HeldFrames(), DecodedFrame.alone(np.zeros((8, 8, 3), np.uint8))
    held.add(0, frame)
    assert {one.past for one in planned.values()} | {one.future for one in planned.values()} <= {None, 0} | {
        place for place, one in planned.items() if not one.disposable
    }

    def decode(place: int) -> None:
        one = planned[place]
        for other in (one.past, one.future):
            if other is not None and other not in done:
                decode(other)
            if other is not None:
                held.use(other)
        done.add(place)
        if not one.disposable:
            held.add(place, frame)

    done = {0}
    for place in range(1, length + 1):
        if place in done:
            held.use(place)
        else:
            decode(place)


def test_only_so_many_frames_are_held():
    held, frame = HeldFrames(), DecodedFrame.alone(np.zeros((8, 8, 3), np.uint8))
    for index in range(HELD_FRAMES + 1):
        held.add(index, frame)
    with pytest.raises(CorruptError, match="no longer holds"):
        held.use(0)


def test_motion_goes_on_in_a_straight_line():
    past = DecodedFrame.alone(np.zeros((8, 16, 3), np.uint8))
    blocks = past.blocks.copy()
    blocks[0, 0] = (0, -8, 20, 0, 0, 3)
    future = DecodedFrame(past.pixels, blocks, 4)
    found = suggested_motion(past, future, (1, 3))
    assert found[0, 0, :5].tolist() == [2, -2, 5, 6, -15]
    assert found[0, 1, 0] == -1


def test_a_cut_is_told_from_motion():
    clip = [frame for frame, _ in Clip()]
    assert not is_cut(clip[0], clip[5])
    assert is_cut(clip[0], 255 - clip[0] // 4)


def test_an_anchor_is_too_far_where_one_half_as_far_costs_much_less():
    assert is_too_far(2000, 1000, 10_000)
    assert not is_too_far(1500, 1000, 10_000)
    assert not is_too_far(10, 0, 1_000_000)


def anchors_of(model, group):
    """How far from their references those frames are that have none after them."""
    output = io.BytesIO()
    encode_video(Clip(), output, model, 60, effort=EFFORTS[1], group=group)
    with Container.open(output.getvalue()) as container:
        assert len(list(decode_video(container, model))) == FRAMES
        bodies = [container.read(entry) for entry in container.frames if entry.type == chunks.PREDICTED_FRAME]
    payloads = [PredictedPayload.from_body(body) for body in bodies]
    return [payload.past for payload in payloads if not payload.future]


@pytest.mark.parametrize(("too_far", "distances"), [(False, [22]), (True, [11, 11])])
def test_anchors_come_nearer_where_that_pays(model, monkeypatch, too_far, distances):
    monkeypatch.setattr(predicted_video, "is_too_far", lambda *_: too_far)
    assert anchors_of(model, 128) == distances


def test_a_size_is_kept_by_predicted_frames_too(stream, model):
    output = io.BytesIO()
    report = encode_video(Clip(), output, model, Goal(size_bytes=len(stream)), 2, effort=EFFORTS[1], group=GROUP)
    assert 0.93 * len(stream) <= report.size_bytes <= len(stream)
    with Container.open(output.getvalue()) as container:
        assert [entry.type for entry in container.frames].count(chunks.FRAME) == 2
        assert len(list(decode_video(container, model))) == FRAMES
