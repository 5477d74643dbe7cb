"""Sound copied out of video files and into them: the same packets at the same times."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import FRAMES, RATE, Sine, clip, packets, pictures, pitch_hertz, samples

from vaecompress.errors import InputError, LimitError
from vaecompress.limits import Limits
from vaecompress.media.colour import Colour
from vaecompress.media.formats.sound import Sound, SoundCut, copy_sound, count_packets, describe_sound
from vaecompress.media.formats.stream import OnDamage
from vaecompress.media.video import open_video
from vaecompress.media.video_write import open_video_writer

SINES = {
    "aac.mp4": (Sine(),),
    "aac.mkv": (Sine(),),
    "two.mkv": (Sine("libopus", 48000), Sine("ac3", 48000, 880, "eng")),
    "pcm.mov": (Sine("pcm_s16le", 8000, language="und"),),
    "mp3.mp4": (Sine("libmp3lame"),),
    "flac.mkv": (Sine("flac", layout="stereo"),),
}


def fail(error: InputError) -> None:
    raise error


def copied(path: Path, on_damage: OnDamage = fail, limits: Limits = Limits()) -> tuple[Sound, list[str]]:  # noqa: B008
    file = io.BytesIO()
    tracks, notes = copy_sound(path, file, limits, on_damage)
    return Sound(file, tracks), notes


def written(path: Path, sound: SoundCut, first: int = 0, count: int = FRAMES) -> list[str]:
    """Write a video file with this sound; returns the notes about that."""
    writer = open_video_writer(
        path,
        path.suffix[1:],
        width=48,
        height=32,
        time_base=Fraction(1, RATE),
        colour=Colour(),
        crf=20,
        sound=sound,
    )
    for index, picture in enumerate(pictures(count)):
        writer.write(picture, first + index)
    writer.close(first + count)
    return [note for note in writer.notes if "millisecond" not in note]


@pytest.mark.parametrize("name", SINES)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_packets_and_times_come_back(tmp_path: Path, name: str, suffix: str) -> None:
    source, back = clip(tmp_path / name, *SINES[name]), tmp_path / f"back{suffix}"
    sound, notes = copied(source)
    assert notes == []
    moved = written(back, sound.whole)
    ahead_s = 0.0
    if moved:  # only where Matroska has no room for times below zero
        assert suffix == ".mkv"
        assert len(moved) == 1
        ahead_s = next(iter(open_video(back)))[1] / 1000
    for before, after in zip(packets(source), packets(back), strict=True):
        assert [data for _, data in after] == [data for _, data in before]
        times = np.array([[float(time) for time, _ in side] for side in (before, after)])
        assert np.abs(times[0] - times[1] + ahead_s).max() <= (1e-4 if "mp4" in suffix and "mkv" not in name else 2e-3)


def test_what_is_decoded_is_the_same_wave(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", Sine(hertz=660))
    sound, _ = copied(source)
    written(tmp_path / "b.mp4", sound.whole)
    before, after = samples(source), samples(tmp_path / "b.mp4")
    np.testing.assert_array_equal(before, after)
    assert pitch_hertz(after, 44100) == pytest.approx(660, abs=1)


def test_the_pictures_keep_their_times(tmp_path: Path) -> None:
    sound, _ = copied(clip(tmp_path / "a.mp4", Sine()))
    written(tmp_path / "b.mp4", sound.whole)
    video = open_video(tmp_path / "b.mp4")
    assert [stamp * video.time_base for _, stamp in video] == [Fraction(index, RATE) for index in range(FRAMES)]


def test_languages_and_words_about_streams(tmp_path: Path) -> None:
    sound, _ = copied(clip(tmp_path / "a.mkv", *SINES["two.mkv"]))
    assert describe_sound(sound.file) == ["opus, 48000 Hz, mono, deu", "ac3, 48000 Hz, mono, eng"]
    written(tmp_path / "b.mp4", sound.whole)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [stream.metadata["language"] for stream in container.streams.audio] == ["deu", "eng"]


def test_stamps_of_a_coarse_clock_follow_without_gaps(tmp_path: Path) -> None:
    sound, _ = copied(clip(tmp_path / "a.mkv", Sine()))
    (track,) = sound.tracks
    assert track.time_base == Fraction(1, 44100)
    assert set(np.diff(np.array(list(track.stamps)))) == {1024}


def test_transport_streams_lose_their_headers_only(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.ts", Sine())
    sound, _ = copied(source)
    written(tmp_path / "b.mp4", sound.whole)
    (before,), (after,) = packets(source), packets(tmp_path / "b.mp4")
    assert [data[7:] for _, data in before] == [data for _, data in after]
    assert len(samples(tmp_path / "b.mp4")) >= 44100


def test_a_clock_that_starts_anew_goes_on(tmp_path: Path) -> None:
    one = clip(tmp_path / "a.ts", Sine(seconds=3), frames=72).read_bytes()
    (tmp_path / "b.ts").write_bytes(one + one)
    sound, notes = copied(tmp_path / "b.ts")
    (track,) = sound.tracks
    stamps = np.array(list(track.stamps))
    assert (np.diff(stamps) > 0).all()
    assert stamps[-1] / 44100 == pytest.approx(6, abs=0.2)
    assert notes == ["time stamps of the sound that are out of order are replaced"]


@pytest.mark.parametrize(("start", "end"), [(0, 6), (6, 12), (18, 24)])
def test_a_cut_keeps_what_is_played_meanwhile(tmp_path: Path, start: int, end: int) -> None:
    source = clip(tmp_path / "a.mp4", Sine())
    sound, _ = copied(source)
    written(tmp_path / "b.mp4", sound.cut(Fraction(start, RATE), Fraction(end, RATE)), start, end - start)
    (before,), (after,) = packets(source), packets(tmp_path / "b.mp4")
    length = Fraction(1024, 44100)
    wanted = [data for time, data in before if time + length > Fraction(start, RATE) and time < Fraction(end, RATE)]
    assert 0 < len(wanted) < len(before)
    assert [data for _, data in after] == wanted
    assert after[-1][0] < Fraction(end, RATE)


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    sound, _ = copied(clip(tmp_path / "a.mkv", Sine("wavpack", layout="stereo"), Sine()))
    assert written(tmp_path / "b.mp4", sound.whole) == ["mp4 cannot hold wavpack sound: write .mkv to keep it"]
    assert len(packets(tmp_path / "b.mp4")) == 1
    assert written(tmp_path / "b.mkv", sound.whole) == []
    assert len(packets(tmp_path / "b.mkv")) == 2
    for format in ("y4m", "frames", "gif"):
        writer = open_video_writer(
            tmp_path / format,
            format,
            width=48,
            height=32,
            time_base=Fraction(1, RATE),
            colour=Colour(),
            sound=sound.whole,
        )
        assert "no room for its sound: write .mp4 or .mkv" in writer.notes
        writer.abandon()


def test_an_empty_stream_is_left_out(tmp_path: Path) -> None:
    sound, notes = copied(clip(tmp_path / "a.mkv", Sine(seconds=0), Sine(hertz=220)))
    assert len(sound.tracks) == len(count_packets(sound.file)) == 1
    assert notes == []


def test_no_sound_at_all(tmp_path: Path) -> None:
    sound, notes = copied(clip(tmp_path / "a.mp4"))
    assert (sound.tracks, notes) == ([], [])


def test_too_much_sound(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="sound has"):
        copied(clip(tmp_path / "a.mov", Sine("pcm_s16le", 48000)), limits=Limits(max_sound_bytes=50_000))


def test_sound_that_is_none() -> None:
    for data in (b"", b"nothing of the kind", bytes(1000)):
        with pytest.raises(InputError, match="sound that cannot be read"):
            count_packets(io.BytesIO(data))
