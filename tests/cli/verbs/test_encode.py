"""``vaecompress encode``: goals, names, pipes, many files, what is said."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from command import HEIGHT, MODEL, WIDTH, clip, finish, names, pixels, run, save, start
from PIL import Image
from vaecompress_cli.jobs.resume import STAMP_COST_BYTES

import vaecompress
from vaecompress.bitstream import Container
from vaecompress.files import part_of

LINE = re.compile(
    r"(\S+) -> (\S+)  ([\d,]+) bytes  (\d+\.\d{3}) bpp  (?:\d+ kbit/s  )?(\d+\.\d\d) dB  q(\d+)  \d+\.\d\d s"
    r"(?:  (\d+) frames, .* a second)?"
)


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_line_tells_the_truth(channels: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = save(tmp_path / "a.png", channels), tmp_path / "a.bin"
    assert run("encode", source, output, *MODEL, "--exact-alpha") == 0
    captured = capsys.readouterr()
    match = LINE.fullmatch(captured.err.rstrip())
    assert match
    size = output.stat().st_size
    assert captured.out == ""
    assert match.groups()[:4] == (str(source), str(output), f"{size:,}", f"{8 * size / (WIDTH * HEIGHT):.3f}")
    image = vaecompress.decode(output.read_bytes())
    sent = pixels(channels)[:, :, : image.channels].astype(float)
    psnr_db = 10 * np.log10(255**2 / np.mean((image.pixels - sent) ** 2))
    assert match[5] == f"{psnr_db:.2f}"
    assert match[6] == "60"
    assert image.channels == min(channels, 3)
    assert (image.alpha is not None) == (channels == 4)


def test_goals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", source, tmp_path / "q.bin", *MODEL, "--json", "-q", 90) == 0
    assert run("encode", source, tmp_path / "size.bin", *MODEL, "--json", "--size", "1k") == 0
    assert run("encode", source, tmp_path / "bpp.bin", *MODEL, "--json", "--bpp", "2.0") == 0
    (fine,) = records(capsys)[:1]
    assert fine["quality"] == 90
    assert (tmp_path / "size.bin").stat().st_size <= 1000
    assert 8 * (tmp_path / "bpp.bin").stat().st_size <= 2.0 * WIDTH * HEIGHT
    wanted_db = float(str(fine["psnr_db"])) - 1
    assert run("encode", source, tmp_path / "db.bin", *MODEL, "--json", "--psnr", wanted_db) == 0
    (found,) = records(capsys)
    assert float(str(found["psnr_db"])) >= wanted_db
    assert float(str(found["size_bytes"])) < float(str(fine["size_bytes"]))


@pytest.mark.parametrize("goal", [("--size", "20"), ("--psnr", "99"), ("--bpp", "0.001")])
def test_goals_out_of_reach(goal: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", source, tmp_path / "a.bin", *MODEL, *goal, "--tools", "learned") == 7
    assert "out of reach" in capsys.readouterr().err
    assert names(tmp_path) == ["a.png"]


def test_options_may_stand_anywhere(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", *MODEL, source, "-q", 30, tmp_path / "a.bin") == 0
    assert run("encode", source, *MODEL, "-q", 30, "-o", tmp_path / "b.bin") == 0
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_what_is_reduced_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(pixels(1)[:, :, 0].astype(np.uint16) * 257).save(path)
    assert run("encode", path, tmp_path / "a.bin", *MODEL) == 0
    assert capsys.readouterr().err.startswith(f"note: {path}: 16-bit samples reduced to 8 bits\n")


def test_strip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(pixels()).save(path, icc_profile=b"profile" * 10)
    run("encode", path, tmp_path / "kept.bin", *MODEL)
    run("encode", path, tmp_path / "stripped.bin", *MODEL, "--strip")
    assert vaecompress.decode((tmp_path / "kept.bin").read_bytes()).icc == b"profile" * 10
    assert vaecompress.decode((tmp_path / "stripped.bin").read_bytes()).icc is None
    assert f"note: {path}: 70 bytes of metadata stripped" in capsys.readouterr().err


def test_pipes_carry_the_same_bytes(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", source, tmp_path / "a.bin", *MODEL) == 0
    code, stream, lines = finish(start("encode", "-", "-", *MODEL), source.read_bytes())
    assert (code, stream) == (0, (tmp_path / "a.bin").read_bytes())
    assert LINE.fullmatch(lines[0])
    code, picture, _ = finish(start("decode", "-", "-"), stream)
    assert code == 0
    assert picture.startswith(b"\x89PNG")


def test_many_files_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "deep" / "out"
    save(photos / "a.png"), save(photos / "a.jpg"), save(photos / "sub" / "b.PNG"), save(tmp_path / "c.png")
    (photos / "readme.txt").write_text("no picture")
    (photos / ".hidden.png").write_text("no picture")
    assert run("encode", photos, tmp_path / "c.png", "-o", out, "-j", 2, "--json", *MODEL) == 0
    assert names(out) == ["a.jpg.bin", "a.png.bin", "c.png.bin", "sub/b.PNG.bin"]
    captured = capsys.readouterr()
    assert captured.err == "note: files left out, neither pictures nor videos by their names: 1 (1 .txt)\n"
    assert len(captured.out.splitlines()) == 4


def test_good_files_are_done_whatever_the_others_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    save(photos / "a.png")
    (photos / "b.png").write_text("no picture")
    assert run("encode", photos, tmp_path / "none.png", "-o", tmp_path / "out", *MODEL) == 3
    assert names(tmp_path / "out") == ["a.png.bin"]
    assert "2 of 3 files failed" in capsys.readouterr().err


def test_resume_does_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    save(photos / "a.png"), save(photos / "b.png")
    words = ("encode", photos, "-o", out, *MODEL)
    assert run(*words) == 0
    (out / "b.png.bin").unlink()
    part_of(out / "b.png.bin").write_bytes(b"left by a crash")
    before = (out / "a.png.bin").stat().st_mtime_ns
    capsys.readouterr()
    assert run(*words) == 8
    assert run(*words, "--resume") == 0
    assert f"{photos / 'a.png'} -> {out / 'a.png.bin'}  done already" in capsys.readouterr().err
    assert (out / "a.png.bin").stat().st_mtime_ns == before
    assert names(out) == ["a.png.bin", "b.png.bin"]


@pytest.mark.parametrize("change", ["settings", "source", "damage"])
def test_resume_keeps_its_hands_off_other_files(change: str, tmp_path: Path) -> None:
    source, out = save(tmp_path / "a.png"), tmp_path / "out"
    words = ("encode", source, "-o", out, "--resume", *MODEL)
    assert run(*words) == 0
    stream = (out / "a.png.bin").read_bytes()
    if change == "source":
        save(source, seed=1)
    elif change == "damage":
        (out / "a.png.bin").write_bytes(stream[:-1])
    more = ("-q", 30) if change == "settings" else ()
    assert run(*words, *more) == 8
    assert run(*words, *more, "--force") == 0
    assert run(*words, *more) == 0


def test_a_stamp_counts_towards_the_goal(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png")
    assert run("encode", source, tmp_path / "a.bin", *MODEL) == 0
    size = (tmp_path / "a.bin").stat().st_size
    assert run("encode", source, "-o", tmp_path, *MODEL) == 0
    assert (tmp_path / "a.png.bin").stat().st_size == size + STAMP_COST_BYTES
    assert run("encode", source, "-o", tmp_path, "--force", "--size", size, *MODEL) == 0
    assert (tmp_path / "a.png.bin").stat().st_size <= size


def test_pictures_become_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = clip(tmp_path, frames=3)
    match = LINE.fullmatch(capsys.readouterr().err.splitlines()[-1])
    assert match
    assert match[4] == f"{8 * stream.stat().st_size / (3 * WIDTH * HEIGHT):.3f}"
    assert match[7] == "3"
    listed = sorted((tmp_path / "frames").iterdir())
    assert run("encode", *listed, tmp_path / "list.bin", "--fps", 24, "-j", 2, *MODEL) == 0
    assert (tmp_path / "list.bin").read_bytes() == stream.read_bytes()
    with Container.open(stream) as container:
        assert len(container.frames) == 3


def test_a_video_in_a_folder_of_outputs_has_room_for_its_stamp(tmp_path: Path) -> None:
    source = clip(tmp_path, frames=3)
    assert run("decode", source, tmp_path / "a.mkv") == 0
    size = source.stat().st_size
    assert run("encode", tmp_path / "a.mkv", "-o", tmp_path, "--size", size, *MODEL) == 0
    assert 0.9 * size < (tmp_path / "a.mkv.bin").stat().st_size <= size


def test_one_video_of_pictures_has_one_name(tmp_path: Path) -> None:
    save(tmp_path / "frames" / "0.png")
    assert run("encode", tmp_path / "frames", "-o", tmp_path / "out", "--fps", 24, *MODEL) == 2
    assert run("encode", "-", tmp_path / "clip.bin", "--fps", 24, *MODEL) == 2


def test_update_remakes_what_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    save(photos / "a.png"), save(photos / "b.png")
    words = ("encode", photos, "-o", out, *MODEL)
    assert run(*words) == 0
    save(photos / "b.png", seed=1)
    before = (out / "a.png.bin").stat().st_mtime_ns
    assert run(*words, "--resume") == 8
    assert "b.png.bin: exists and is damaged or made from something else; --update" in capsys.readouterr().err
    assert run(*words, "--update") == 0
    assert "a.png.bin  done already" in capsys.readouterr().err
    assert (out / "a.png.bin").stat().st_mtime_ns == before
    assert run(*words, "--update", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_runs_that_resume_share_the_work(tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / "photos" / f"{index}.png", seed=index)
    words = ("encode", tmp_path / "photos", "-o", tmp_path / "out", "--resume", *MODEL)
    ends = [finish(process) for process in [start(*words) for _ in range(3)]]
    assert [code for code, _, _ in ends] == [0, 0, 0]
    made = [line for _, _, lines in ends for line in lines if " bytes  " in line]
    assert len({line.split(" -> ")[0] for line in made}) == 6
    assert names(tmp_path / "out") == [f"{index}.png.bin" for index in range(6)]


def test_trouble_in_a_folder_is_an_error_of_the_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.png").symlink_to("nowhere")
    assert run("encode", tmp_path / "photos", "-o", tmp_path / "out", *MODEL) == 3
    assert f"{tmp_path / 'photos' / 'b.png'}: this link leads to nowhere" in capsys.readouterr().err
    assert names(tmp_path / "out") == ["a.png.bin"]


def test_names_that_look_like_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "-lead.png")
    assert run("encode", *MODEL, "--", "-lead.png", "-x.bin") == 0
    assert run("info", "--", "-x.bin") == 0
    assert run("decode", "-f", "--", "-x.bin", "back.png") == 0
    assert names(tmp_path) == ["-lead.png", "-x.bin", "back.png"]


def test_names_that_no_line_or_reader_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, foreign = save(tmp_path / "new\nline.png"), save(tmp_path / "bad\udcff.png")
    assert run("encode", broken, tmp_path / "a.bin", *MODEL) == 0
    assert capsys.readouterr().err.startswith(f"{tmp_path}/new\\nline.png -> ")
    assert run("encode", foreign, tmp_path / "b.bin", "--json", *MODEL) == 0
    assert records(capsys)[0]["source"] == f"{tmp_path}/bad\\xff.png"


def test_long_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / f"{'x' * 247}.png")
    assert run("encode", source, "-o", tmp_path / "out", *MODEL) == 0
    assert names(tmp_path / "out") == [f"{source.name}.bin"]
    assert run("encode", save(tmp_path / f"{'x' * 251}.png"), "-o", tmp_path / "out", *MODEL) == 8
    assert "this name has 259 bytes" in capsys.readouterr().err


def test_dates_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    source, output = save(tmp_path / "a.png"), tmp_path / "a.bin"
    os.utime(source, ns=(10**18, 10**18))
    assert run("encode", source, output, *MODEL, "--keep-times") == 0
    assert output.stat().st_mtime_ns == 10**18
    assert run("decode", output, tmp_path / "b.png", "--keep-times") == 0
    assert (tmp_path / "b.png").stat().st_mtime_ns == 10**18
    assert run("encode", source, output, *MODEL, "--force") == 0
    assert output.stat().st_mtime_ns != 10**18


def test_lossless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "a.png", 4)
    assert run("encode", source, tmp_path / "a.bin", "--lossless") == 0
    assert "  exact  q100  webp-lossless  " in capsys.readouterr().err
    assert run("decode", tmp_path / "a.bin", tmp_path / "back.png") == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "back.png")), pixels(4))
    capsys.readouterr()
    assert run("info", tmp_path / "a.bin") == 0
    out = capsys.readouterr().out
    assert "  tool    webp-lossless\n  chunks  PICT " in out
    for words in (("-o", tmp_path / "out"), ("-o", tmp_path / "out", "--resume")):
        assert run("encode", source, *words, "--lossless", "--json") == 0
    assert [record.get("resumed", record.get("tool")) for record in records(capsys)] == ["webp-lossless", True]


@pytest.mark.parametrize("words", [("-q", 50), ("--size", "10k"), ("--bpp", 1), ("--psnr", 40), ("--tools", "learned")])
def test_lossless_goes_with_no_goal(words: tuple[object, ...], tmp_path: Path) -> None:
    assert run("encode", save(tmp_path / "a.png"), tmp_path / "a.bin", "--lossless", *words) == 2


def test_lossless_is_for_pictures_of_8_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(pixels(1)[:, :, 0].astype(np.uint16) * 257).save(path)
    assert run("encode", path, tmp_path / "a.bin", "--lossless") == 2
    assert "has 16-bit samples" in capsys.readouterr().err
    save(tmp_path / "frames" / "0.png")
    assert run("encode", tmp_path / "frames", tmp_path / "a.bin", "--lossless") == 2
    assert "--lossless is for pictures" in capsys.readouterr().err
    assert not (tmp_path / "a.bin").exists()


def test_a_drawing_is_coded_by_another_tool_unless_that_is_forbidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    for tools in ("all", "learned"):
        assert run("encode", tmp_path / "a.png", tmp_path / "a.bin", *MODEL, "--tools", tools, "--json", "-f") == 0
    every, learned = records(capsys)
    assert (every["tool"], every["model"], every["psnr_db"]) == ("webp-lossless", None, None)
    assert (learned["tool"], learned["model"]) == ("learned", "tiny")
    assert run("decode", tmp_path / "a.bin", tmp_path / "back.png", "--json") == 0
    assert records(capsys)[0]["tool"] == "learned"
