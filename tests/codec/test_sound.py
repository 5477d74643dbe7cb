"""Sound in streams: it comes back, in part too, and what damages it costs nothing else."""

import io
from dataclasses import replace
from pathlib import Path

import av
import pytest
from clips import Sine, clip, packets

from vaecompress.bitstream import Chunk, Container, TimeStamps, chunks, write
from vaecompress.bitstream.sound import SoundHead
from vaecompress.bitstream.stamps import StampRuns
from vaecompress.codec.sound import open_sound, sound_in_words, sound_of_frames
from vaecompress.codec.video import decode_video, read_time_stamps
from vaecompress.encoder.video import encode_video
from vaecompress.errors import CorruptError
from vaecompress.media.formats.sound import Sound, SoundMuxer
from vaecompress.media.formats.stream import LENIENT
from vaecompress.media.video import open_video
from vaecompress.models import registry
from vaecompress.models.loaded import LoadedModel

FRAMES = 3


@pytest.fixture(scope="module")
def model(tiny_model_path: Path) -> LoadedModel:
    return registry.load(tiny_model_path, threads=1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clip") / "a.mp4", Sine("libopus", 48000, seconds=0.12), frames=FRAMES)


@pytest.fixture(scope="module")
def stream(source: Path, model: LoadedModel) -> bytes:
    output = io.BytesIO()
    report = encode_video(open_video(source), output, model, 30)
    with Container.open(output.getvalue()) as container:
        entry = container.find(chunks.SOUND)
        assert entry is not None
        assert report.sound_bytes == entry.length
        assert report.kbit_per_s == pytest.approx(8 * (len(output.getvalue()) - entry.length) * 24 / FRAMES / 1000)
    assert report.notes == ()
    return output.getvalue()


def packets_of(sound: Sound, format: str = "matroska") -> list[bytes]:
    """The packets, muxed into a file of a format of libav, and read from there."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        muxer = SoundMuxer(sound.whole, container, format)
        muxer.write_until(None)
        muxer.close()
    file.seek(0)
    with av.open(file, **LENIENT) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def with_sound(stream: bytes, body: bytes) -> bytes:
    """The stream with another chunk of sound, its CRC right."""
    with Container.open(stream) as container:
        parts = [
            Chunk(entry.type, body if entry.type == chunks.SOUND else container.read(entry))
            for entry in container.directory
        ]
        return write(container.header, parts)


def body_of(stream: bytes) -> bytes:
    with Container.open(stream) as container:
        entry = container.find(chunks.SOUND)
        assert entry is not None
        return container.read(entry)


def test_packets_and_times_are_those_of_the_source(stream: bytes, source: Path) -> None:
    with Container.open(stream) as container:
        sound = open_sound(container)
        assert sound is not None
        (track,) = sound.tracks
        (wanted,) = packets(source)
        assert packets_of(sound) == [data for _, data in wanted]
        assert [stamp * track.time_base for stamp in track.stamps] == [time for time, _ in wanted]
        assert sound_in_words(container) == ["opus, 48000 Hz, mono, deu"]


def test_the_same_source_gives_the_same_bytes(stream: bytes, source: Path, model: LoadedModel) -> None:
    output = io.BytesIO()
    encode_video(open_video(source), output, model, 30)
    assert output.getvalue() == stream


def test_without_sound(stream: bytes, source: Path, model: LoadedModel) -> None:
    output = io.BytesIO()
    report = encode_video(open_video(source), output, model, 30, sound=False)
    assert (report.sound_bytes, report.notes) == (0, ())
    with Container.open(output.getvalue()) as container:
        assert open_sound(container) is None
        assert sound_in_words(container) == []
    assert len(stream) - len(output.getvalue()) == len(body_of(stream)) + 10


def test_the_time_that_frames_are_shown(stream: bytes) -> None:
    with Container.open(stream) as container:
        sound, stamps = open_sound(container), read_time_stamps(container)
        assert sound is not None
        whole = sound_of_frames(sound, container, stamps, range(FRAMES))
        assert (whole.start, whole.end) == (None, None)
        cut = sound_of_frames(sound, container, stamps, range(1, 2))
        assert (cut.start, cut.end) == (stamps.pts[1] * stamps.time_base, stamps.pts[2] * stamps.time_base)
        last = sound_of_frames(sound, container, stamps, range(1, FRAMES))
        assert last.end == (2 * stamps.pts[2] - stamps.pts[1]) * stamps.time_base
        one = TimeStamps(stamps.time_base, (0,))
        assert sound_of_frames(sound, container, one, range(1)).end is None


def test_damage_is_told_and_costs_the_sound_only(stream: bytes, model: LoadedModel) -> None:
    with Container.open(stream) as container:
        entry = container.find(chunks.SOUND)
        assert entry is not None
    broken = bytearray(stream)
    broken[entry.offset + entry.length // 2] ^= 4
    with Container.open(bytes(broken)) as container:
        with pytest.raises(CorruptError, match=r"^sound: chunk audi .* damaged"):
            open_sound(container)
        told: list[CorruptError] = []
        assert open_sound(container, told.append) is None
        assert len(told) == 1
        assert len(list(decode_video(container, model))) == FRAMES


def test_whatever_stands_in_the_chunk_is_sound_or_corrupt(stream: bytes) -> None:
    """Bytes flipped and cut off, with sound CRCs: libav reads what is behind them, and never crashes."""
    body = body_of(stream)
    places = [*range(60), *range(60, len(body), 7)]
    bodies = [body[:place] + bytes([body[place] ^ (1 << place % 8)]) + body[place + 1 :] for place in places]
    bodies += [body[:length] for length in range(0, len(body), 31)]
    ends = {"sound": 0, "corrupt": 0, "not written": 0}
    for changed in bodies:
        with Container.open(with_sound(stream, changed)) as container:
            try:
                sound = open_sound(container)
                assert sound is not None
                assert len(sound_in_words(container)) == len(sound.tracks)
                assert len(packets_of(sound)) == sum(len(list(track.stamps)) for track in sound.tracks)
                ends["sound"] += 1
            except CorruptError:
                ends["corrupt"] += 1
            except av.FFmpegError:
                ends["not written"] += 1
    assert ends["sound"] > 50
    assert ends["corrupt"] > 50


def test_a_packet_too_few_or_too_many(stream: bytes) -> None:
    body = body_of(stream)
    head, start = SoundHead.read(io.BytesIO(body), len(body))
    (one,) = head.streams
    stamps = list(one.stamps)
    for wrong in (stamps[:-1], [*stamps, stamps[-1] + 960]):
        other = SoundHead((replace(one, stamps=StampRuns.of(one.stamps.time_base, wrong)),))
        with (
            Container.open(with_sound(stream, other.to_bytes() + body[start:])) as container,
            pytest.raises(CorruptError, match="other packets than it says"),
        ):
            open_sound(container)
