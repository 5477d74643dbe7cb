"""What is said, and where."""

import math
import os

import pytest
from vaecompress_cli import console
from vaecompress_cli.console import Console, to_json


def test_json_has_no_infinity() -> None:
    assert to_json({"psnr_db": math.inf, "sizes": (1, math.nan)}) == '{"psnr_db": null, "sizes": [1, null]}'


def test_words_or_records(capsys: pytest.CaptureFixture[str]) -> None:
    Console().done("a -> b", {"source": "a"})
    assert capsys.readouterr() == ("", "a -> b\n")
    Console(json_records=True).done("a -> b", {"source": "a"})
    assert capsys.readouterr() == ('{"source": "a"}\n', "")


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console().progress(5, 10, "files")
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal_makes_room_for_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(console, "_MIN_INTERVAL_S", 0.0)
    shown = Console()
    shown.progress(5, 10, "files")
    shown.line("hello")
    shown.progress(10, 10, "files")
    bar = capsys.readouterr().err
    assert bar.startswith("\r\033[K[############            ] 5/10 files")
    assert "\r\033[Khello\n[####" in bar
    assert bar.endswith("\r\033[K")


def test_the_bar_tells_speed_and_time_left_of_each_task(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 100.0, 104.0, 104.5, 200.0, 200.5, 300.0, 302.0])
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(console, "_MIN_INTERVAL_S", 0.0)
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(console.shutil, "get_terminal_size", lambda: os.terminal_size((200, 24)))
    shown = Console()
    for done, total, unit in ((1, 300, "frames"), (9, 300, "frames"), (10, None, "frames")):
        shown.progress(done, total, unit)
    for done in (1, 2):
        shown.progress(done, 3, "steps")
    for done in (1, 701):
        shown.progress(done, 800, "steps")
    drawn = capsys.readouterr().err.split("\r\033[K")[1:]
    assert [line.partition("] ")[2] or line for line in drawn] == [
        "1/300 frames",
        "9/300 frames  2.00 a second  2:26 left",
        "10 frames  2.00 a second",
        "1/3 steps",
        "2/3 steps  2.00 a second  0:00 left",
        "1/800 steps",
        "701/800 steps  350 a second  0:00 left",
    ]
