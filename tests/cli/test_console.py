"""What is said, and where."""

import math

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
