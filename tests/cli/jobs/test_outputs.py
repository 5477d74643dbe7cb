"""Outputs are whole or not there."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import names
from vaecompress_cli.jobs import outputs
from vaecompress_cli.jobs.outputs import check_output, make_folder, writing, writing_folder

from vaecompress.errors import OutputError
from vaecompress.files import part_of, write_atomically


def fill(path: Path, content: bytes, error: BaseException | None = None) -> None:
    """Write an output, and meet an error before it is whole."""
    with writing(path, force=True) as part:
        part.write_bytes(content)
        if error is not None:
            raise error


def test_the_output_appears_at_the_end(tmp_path: Path) -> None:
    with writing(tmp_path / "a.bin", force=False) as part:
        part.write_bytes(b"whole")
        assert names(tmp_path) == [".a.bin.vaecompress.part"]
    assert names(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_half_written_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(error):
        fill(tmp_path / "a.bin", b"half", error())
    assert names(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_nothing_is_left_where_ctrl_c_comes_as_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([KeyboardInterrupt()])
    lock = outputs._lock

    def interrupted(descriptor: int, part: Path) -> bool:
        for error in answers:
            assert names(tmp_path) == [".a.bin.vaecompress.part"]
            raise error
        return lock(descriptor, part)

    monkeypatch.setattr(outputs, "_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a.bin", b"")
    assert names(tmp_path) == []


def test_an_existing_output_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"exists.*--force"), writing(path, force=False):
        pytest.fail("work was done for nothing")
    with writing(path, force=True) as part:
        part.write_bytes(b"new")
    assert path.read_bytes() == b"new"


def test_an_output_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(OutputError, match="exists"), writing(path, force=False):
        path.write_bytes(b"of someone else")
    assert path.read_bytes() == b"of someone else"


def test_places_that_take_no_output(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="folder does not exist"):
        check_output(tmp_path / "none" / "a.bin", force=True)
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, force=True)
    with pytest.raises(OutputError, match="is no folder"):
        check_output(tmp_path / "file", force=True, folder=True)
    with pytest.raises(OutputError, match="cannot be made"):
        make_folder(tmp_path / "file" / "below")


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.bin: cannot be written: No space left"):
        fill(tmp_path / "a.bin", b"half", OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == []


def test_one_output_is_written_once_at_a_time(tmp_path: Path) -> None:
    with writing(tmp_path / "a.bin", force=True) as part:
        part.write_bytes(b"first")
        with pytest.raises(OutputError, match="being written already"), writing(tmp_path / "a.bin", force=True):
            pytest.fail("both write to one file")
    assert (tmp_path / "a.bin").read_bytes() == b"first"


WRITER = """
import sys, pathlib
from vaecompress_cli.jobs.outputs import writing, writing_folder
path = pathlib.Path(sys.argv[1])
with (writing_folder if path.suffix == "" else writing)(path, force=True) as part:
    (part / "1.png" if path.suffix == "" else part).write_bytes(b"of the other run")
    print("begun", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["a.bin", "frames"])
def other_run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """An output, and a process that has begun to write it and goes on when its input ends."""
    path = tmp_path / request.param
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        yield path, process


def write(path: Path, content: bytes) -> None:
    if path.suffix:
        fill(path, content)
        return
    with writing_folder(path, force=True) as part:
        (part / "1.png").write_bytes(content)


def test_two_runs_do_not_write_one_output(other_run: tuple[Path, "subprocess.Popen[bytes]"]) -> None:
    path, process = other_run
    with pytest.raises(OutputError, match="being written by another run"):
        write(path, b"ours")
    process.communicate()
    file = path if path.suffix else path / "1.png"
    assert file.read_bytes() == b"of the other run"
    write(path, b"ours")
    assert file.read_bytes() == b"ours"
    assert names(path.parent) == [file.relative_to(path.parent).as_posix()]


def test_what_a_killed_run_left_is_taken_over(other_run: tuple[Path, "subprocess.Popen[bytes]"]) -> None:
    path, process = other_run
    process.kill()
    process.wait()
    assert part_of(path).exists()
    write(path, b"ours")
    assert (path if path.suffix else path / "1.png").read_bytes() == b"ours"
    assert len(names(path.parent)) == 1


def test_many_runs_at_once_leave_one_whole_output(tmp_path: Path) -> None:
    """Each finds the output free or locked; what is there in the end is the work of one."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.bin")]
    runs = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(6)]  # fmt: skip
    assert 0 in [process.wait() for process in runs]
    assert (tmp_path / "a.bin").read_bytes() == b"of the other run"
    assert names(tmp_path) == ["a.bin"]


def test_links(tmp_path: Path) -> None:
    """A link that leads nowhere is no free place; one in the place of a part is not followed."""
    (tmp_path / "a.bin").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="exists"):
        check_output(tmp_path / "a.bin", force=False)
    (tmp_path / "precious").write_bytes(b"precious")
    part_of(tmp_path / "b.bin").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match=r"b\.bin: cannot be written"):
        fill(tmp_path / "b.bin", b"ours")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_what_is_replaced_keeps_its_place_and_permissions(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    private = tmp_path / "elsewhere" / "private.bin"
    private.write_bytes(b"old")
    private.chmod(0o600)
    (tmp_path / "a.bin").symlink_to(private)
    fill(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").is_symlink()
    assert private.read_bytes() == b"new"
    assert private.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_bears_the_name_of_a_part_is_left_alone(tmp_path: Path) -> None:
    part_of(tmp_path / "a.bin").mkdir()
    (part_of(tmp_path / "a.bin") / "precious").touch()
    with pytest.raises(OutputError, match=r"a\.bin: cannot be written"):
        fill(tmp_path / "a.bin", b"ours")
    assert names(tmp_path) == [".a.bin.vaecompress.part/precious"]


def test_what_others_call_unfinished_is_theirs(tmp_path: Path) -> None:
    """Browsers and yt-dlp name what they have not loaded yet ``X.part``."""
    (tmp_path / "clip.mp4.part").write_bytes(b"half a download")
    (tmp_path / "frames.part").mkdir()
    (tmp_path / "frames.part" / "notes.txt").write_bytes(b"notes")
    fill(tmp_path / "clip.mp4", b"ours")
    write(tmp_path / "frames", b"ours")
    write(tmp_path / "frames", b"ours again")
    write_atomically(tmp_path / "run.json", b"ours")
    assert names(tmp_path) == ["clip.mp4", "clip.mp4.part", "frames.part/notes.txt", "frames/1.png", "run.json"]
    assert (tmp_path / "clip.mp4.part").read_bytes() == b"half a download"


@pytest.mark.parametrize("length", [240, 255])
def test_names_of_any_length(length: int, tmp_path: Path) -> None:
    path = tmp_path / ("x" * length)
    fill(path, b"ours")
    assert path.read_bytes() == b"ours"
    with pytest.raises(OutputError, match="this name has 256 bytes"):
        check_output(tmp_path / ("ä" * 128), force=False)


def test_a_folder_without_permission_is_found_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs.os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="its folder cannot be written to"):
        check_output(tmp_path / "a.bin", force=False)
    check_output(Path("/dev/null"), force=False)


def test_a_pipe_is_written_to_directly() -> None:
    with writing(Path("/dev/null"), force=False) as path:
        assert path == Path("/dev/null")
        path.write_bytes(b"gone")


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    with writing_folder(tmp_path / "frames", force=False) as part:
        (part / "1.png").write_bytes(b"1")
        assert names(tmp_path) == [".frames.vaecompress.part/1.png"]
    assert names(tmp_path) == ["frames/1.png"]
    with pytest.raises(OutputError, match="exists"), writing_folder(tmp_path / "frames", force=False):
        pytest.fail("work was done for nothing")
    with pytest.raises(OutputError, match="No such file"), writing_folder(tmp_path / "frames", force=True) as part:
        (part / "2.png").read_bytes()
    assert names(tmp_path) == ["frames/1.png"]
    with writing_folder(tmp_path / "frames", force=True) as part:
        (part / "1.png").write_bytes(b"new")
        (part / "2.png").write_bytes(b"2")
    assert names(tmp_path) == ["frames/1.png", "frames/2.png"]
    assert (tmp_path / "frames" / "1.png").read_bytes() == b"new"


def test_parts_are_abandoned_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_parts_lock", outputs.threading.Lock())
    monkeypatch.setattr(outputs, "_parts", {tmp_path / "a.part", tmp_path / "b.part"})
    (tmp_path / "a.part").touch()
    outputs.abandon_parts()
    assert names(tmp_path) == []
    assert outputs._parts_lock.locked()
