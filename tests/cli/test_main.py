"""The command as a whole: help, wrong usage, what a bug looks like, what is imported."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from command import finish, run, start
from vaecompress_cli import main
from vaecompress_cli.verbs import models

import vaecompress
from vaecompress.errors import CorruptError, DivergedError, LostProcessError, VaecompressError


def raising(error: BaseException) -> Callable[[object], int]:
    def verb(options: object) -> int:
        raise error

    return verb


def error_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_help_names_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in main.VERBS)
    codes = {error.exit_code for error in VaecompressError.__subclasses__()} | {0, 130}
    assert all(f"{code} " in text for code in codes)


@pytest.mark.parametrize("verb", ["encode", "decode", "info", "models", "pack", "freeze", "train"])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run(verb, "--help")
    assert stop.value.code == 0
    assert f"vaecompress {verb}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--version")
    assert capsys.readouterr().out == f"vaecompress {vaecompress.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-v"],
        ["compress", "a", "b"],
        ["encode"],
        ["encode", "a.png", "b.bin", "--quality"],
        ["encode", "a.png", "b.bin", "--qual", "5"],
        ["encode", "a.png", "b.bin", "-q", "101"],
        ["encode", "a.png", "b.bin", "-q", "50", "--size", "40k"],
        ["encode", "a.png", "b.bin", "--bpp", "-1"],
        ["encode", "a.png", "b.png", "c.bin"],
        ["encode", "a.png", "b.jpg"],
        ["decode", "a.bin", "b.png", "--engine", "abacus"],
        ["info"],
        ["freeze", "run"],
        ["train", "--data", "x", "-o", "y", "--jitter", "1"],
    ],
)
def test_wrong_usage_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    lines = error_lines(capsys)
    assert lines[-1].startswith("vaecompress: ")
    assert "-v" in words or len(lines) == 1


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (CorruptError("a.bin: is\ndamaged"), 4, "a.bin: is damaged"),
        (ZeroDivisionError("division"), 1, "bug: ZeroDivisionError: division (-v shows the trace; please report it)"),
        (DivergedError("loss is nan at step 7"), 9, "loss is nan at step 7"),
        (LostProcessError("another process has stopped"), 10, "another process has stopped"),
        (KeyboardInterrupt(), 130, "stopped"),
        (MemoryError(), 6, "not enough memory: use a smaller picture, or fewer at a time (-j)"),
        (
            OSError(28, "No space left on device", "a.bin"),
            8,
            "a.bin: cannot be written or read: No space left on device",
        ),
        (
            ModuleNotFoundError("No module named 'flax'", name="flax.linen"),
            2,
            "this needs the package flax.linen: pip install 'vaecompress[train]'",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "run", raising(error))
    assert run("models") == code
    assert error_lines(capsys) == [f"vaecompress: {text}"]
    assert run("models", "-v") == code
    lines = error_lines(capsys)
    assert lines[0].startswith("Traceback")
    assert lines[-1] == f"vaecompress: {text}"


def test_starting_up_imports_little() -> None:
    heavy = {"jax", "tensorflow", "onnxruntime", "av", "flax", "matplotlib", "imageio"}
    script = (
        "import sys; from vaecompress_cli.main import main; main(['info', 'no such file'])\n"
        "for verb in ('encode', 'decode', 'train'):\n"
        "    try: main([verb, '--help'])\n"
        "    except SystemExit: pass\n"
        f"print('heavy:', *{heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_a_version_needs_no_arrays() -> None:
    script = (
        "import sys; from vaecompress_cli.main import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_reader_that_leaves_is_no_bug() -> None:
    with start("models") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 8


def test_the_process_leaves_with_the_code() -> None:
    code, out, lines = finish(start("info", "no such file"))
    assert (code, out) == (3, b"")
    assert lines == ["vaecompress: no such file: cannot be read: No such file or directory"]
