"""What a file says of its video, and the shape of pixels, both ways."""

from fractions import Fraction
from pathlib import Path

import pytest
from clips import RATE, clip, pictures
from command import MODEL, run

from vaecompress.media.colour import Colour
from vaecompress.media.video import open_video
from vaecompress.media.video_source import Description
from vaecompress.media.video_write import open_video_writer

TAGS = {
    "artist": "Ann",
    "comment": "zwei\nZeilen ü",
    "creation_time": "2024-05-01T10:00:00.000000Z",
    "location": "+48.2000+016.3667/",
    "title": "Sea",
}


def written(path: Path, format: str, description: Description) -> list[str]:
    writer = open_video_writer(
        path,
        format,
        width=48,
        height=32,
        time_base=Fraction(1, RATE),
        colour=Colour(),
        crf=20 if format in ("mp4", "mkv") else None,
        description=description,
    )
    for index, picture in enumerate(pictures(3)):
        writer.write(picture, index)
    writer.close(3)
    return [note for note in writer.notes if "millisecond" not in note]


@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_they_come_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    assert written(path, format, Description(TAGS, Fraction(4, 3))) == []
    found = open_video(path).description
    assert {name: value.rstrip("/") for name, value in found.tags.items()} == {
        name: value.rstrip("/") for name, value in TAGS.items()
    }
    assert found.aspect == Fraction(4, 3)


def test_what_mp4_has_no_room_for_is_named(tmp_path: Path) -> None:
    assert written(tmp_path / "a.mp4", "mp4", Description({"mood": "calm", "title": "Sea"})) == [
        "mp4 has no room for its mood"
    ]
    assert written(tmp_path / "a.mkv", "mkv", Description({"mood": "calm", "title": "Sea"})) == []


def test_formats_with_no_room_say_so(tmp_path: Path) -> None:
    described = Description({"title": "Sea"}, Fraction(4, 3))
    assert written(tmp_path / "a", "frames", described)[-1] == (
        "no room for its title, shape of pixels: write .mp4 or .mkv"
    )
    assert written(tmp_path / "a.y4m", "y4m", described)[-1] == "no room for its title: write .mp4 or .mkv"
    assert b" A4:3 " in (tmp_path / "a.y4m").read_bytes()[:80]
    assert open_video(tmp_path / "a.y4m").description.aspect == Fraction(4, 3)


def test_square_pixels_and_no_words(tmp_path: Path) -> None:
    assert written(tmp_path / "a.mp4", "mp4", Description()) == []
    assert open_video(tmp_path / "a.mp4").description == Description()
    assert open_video(clip(tmp_path / "b.mp4")).description == Description()


def test_pixels_turn_with_the_frames(tmp_path: Path) -> None:
    import av

    path = clip(tmp_path / "a.mp4", sample_aspect_ratio=Fraction(16, 11))
    assert open_video(path).description.aspect == Fraction(16, 11)
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    turned = open_video(tmp_path / "b.mp4")
    assert (turned.width, turned.height) == (32, 48)
    assert turned.description.aspect == Fraction(11, 16)


def test_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = clip(tmp_path / "a.mp4", frames=3, tags={"title": "Sea \x1b[31m", "location": TAGS["location"]})
    assert run("encode", source, tmp_path / "a.bin", *MODEL) == 0
    assert run("info", tmp_path / "a.bin") == 0
    told = capsys.readouterr().out
    assert "  tag     title: Sea \\x1b[31m\n" in told
    assert "+48.2000+016.3667" in told
    assert run("decode", tmp_path / "a.bin", tmp_path / "b.mp4") == 0
    assert open_video(tmp_path / "b.mp4").description == open_video(source).description
    assert run("encode", source, tmp_path / "b.bin", "--strip", *MODEL) == 0
    assert run("decode", tmp_path / "b.bin", tmp_path / "c.mp4") == 0
    assert open_video(tmp_path / "c.mp4").description == Description()
