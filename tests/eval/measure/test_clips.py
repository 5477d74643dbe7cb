"""Reading clips: the very samples of the file, and what is refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from stand_ins import write_clip

from vaecompress.errors import InputError

pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")
pytest.importorskip("av")

import av
from vaecompress_eval.measure.clips import RgbFrame, RgbSource, find_clips, load_clip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mkv")
    return tmp_path / "clip.mkv"


def test_a_clip_knows_its_size_and_rate(path: Path) -> None:
    clip = load_clip(path)
    assert (clip.name, clip.width, clip.height, clip.frame_rate) == ("clip.mkv", 64, 48, Fraction(25))
    assert clip.notes == ()


def test_frames_are_the_samples_of_the_file(path: Path) -> None:
    frames = list(load_clip(path).frames())
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(frames) == len(stored) == 6
    for frame, samples in zip(frames, stored, strict=True):
        luma, blue, red = frame.planes
        assert blue.shape == red.shape == (24, 32)
        np.testing.assert_array_equal(np.concatenate([plane.ravel() for plane in (luma, blue, red)]), samples.ravel())


def test_colours_and_samples_convert_into_each_other(path: Path) -> None:
    clip = load_clip(path)
    frame = next(clip.frames())
    back = RgbFrame(frame.rgb, clip.colour).planes
    assert np.abs(back[0].astype(int) - frame.planes[0]).mean() < 1.0


def test_our_encoder_is_given_the_same_frames(path: Path) -> None:
    clip = load_clip(path)
    given = list(RgbSource(clip))
    assert [time_stamp for _, time_stamp in given] == list(range(6))
    for (pixels, _), frame in zip(given, clip.frames(), strict=True):
        np.testing.assert_array_equal(pixels, frame.rgb)


def test_odd_sides_are_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "odd.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 33, 20, "yuv444p"
        output.mux(stream.encode(av.VideoFrame(33, 20, "yuv444p")))
        output.mux(stream.encode(None))
    with pytest.raises(InputError, match="33x20 cannot be 4:2:0"):
        load_clip(tmp_path / "odd.mkv")


def test_clips_are_found_by_suffix(path: Path) -> None:
    (path.parent / "notes.txt").write_text("")
    assert find_clips(path.parent) == find_clips(path) == [path]
