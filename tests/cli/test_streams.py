"""Standard streams, pipes and devices: as inputs, as outputs, closed, full."""

import subprocess
import sys
from pathlib import Path

import pytest
from command import MODEL, names, run, save, streams

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


def shell(folder: Path, command: str) -> tuple[int, bytes, list[str]]:
    """Exit code, standard output and lines of standard error of a command in which ``$V`` is ``vaecompress``."""
    words = ["bash", "-c", command.replace("$V", f"{sys.executable} -m vaecompress")]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds ``a.png`` and its stream ``a.bin``."""
    folder = tmp_path_factory.mktemp("streams")
    streams(folder)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "$V encode <(cat a.png) new.bin --model tiny -f",
        "cat a.png | $V encode /dev/stdin new.bin --model tiny -f",
        "$V encode /dev/stdin new.bin --model tiny -f < a.png",
        "$V encode a.png /dev/stdout --model tiny | cat > new.bin",
        "$V encode a.png /dev/stdout --model tiny > new.bin",
        "mkfifo pipe; cat pipe > new.bin & $V encode a.png pipe --model tiny; wait; rm pipe",
        "$V encode a.png new.bin --model tiny -f >&-",
        "$V encode a.png new.bin --model tiny -f 2>&-",
        "$V encode a.png new.bin --model tiny -f <&- >&- 2>&-",
    ],
)
def test_any_way_makes_the_same_stream(command: str, folder: Path) -> None:
    (folder / "new.bin").unlink(missing_ok=True)
    code, _, lines = shell(folder, command)
    assert code == 0, lines
    assert (folder / "new.bin").read_bytes() == (folder / "a.bin").read_bytes()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("cat a.bin | $V info /dev/stdin", b"80x48"),
        ("$V info <(cat a.bin)", b"80x48"),
        ("$V decode <(cat a.bin) /dev/stdout", b"\x89PNG"),
        ("$V decode a.bin /dev/null && echo done", b"done"),
    ],
)
def test_streams_are_read_from_pipes(command: str, words: bytes, folder: Path) -> None:
    code, out, lines = shell(folder, command)
    assert code == 0, lines
    assert words in out


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("$V encode - b.bin --model tiny <&-", 2, "standard input is closed: send it a file, or name one"),
        ("$V encode a.png - --model tiny >&-", 2, "standard output is closed: name a file to write"),
        ("$V info a.bin >&-", 8, "standard output is closed: send it to a file or a pipe"),
        ("$V info a.bin > /dev/full", 8, "standard output: cannot be written: No space left on device"),
        ("$V encode a.png - --model tiny > /dev/full", 8, "standard output: cannot be written: No space left"),
        ("$V decode a.bin - > /dev/full", 8, "standard output: cannot be written: No space left"),
        ("$V encode <(cat a.png) -o out", 2, "a pipe has no name to derive an output from"),
        ("TMPDIR=none $V encode - b.bin --model tiny < a.bin", 3, "neither a picture nor a video"),
        ("$V encode /dev/null b.bin --model tiny", 3, "vaecompress: /dev/null: is not a picture in a format"),
    ],
)
def test_what_cannot_be_is_one_line(command: str, code: int, text: str, folder: Path) -> None:
    before = names(folder)
    found, out, lines = shell(folder, command)
    assert (found, len(lines)) == (code, 1), lines
    assert text in lines[0]
    assert out == b""
    assert names(folder) == before


def test_temporary_files_are_blamed_on_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "frames" / "0.png")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert run("encode", tmp_path / "frames", "/dev/null", *MODEL) == 8
    assert "none: temporary files cannot be written: No such file or directory" in capsys.readouterr().err
    assert run("encode", tmp_path / "frames", tmp_path / "clip.bin", *MODEL) == 0


@pytest.mark.parametrize(("words", "heard"), [("encode", ["ours"]), ("encode -v", ["library", "ours"])])
def test_libraries_are_not_heard(words: str, heard: list[str]) -> None:
    """What C code writes to standard error is not one of our lines."""
    script = (
        "import os, sys; from vaecompress_cli import main\n"
        "def speak():\n"
        "    os.write(2, b'library\\n'); sys.stderr.write('ours\\n'); return 0\n"
        f"main.main = speak; sys.argv[1:] = {words.split()}; main.entry()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.split() == heard
