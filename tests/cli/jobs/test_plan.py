"""Which paths are inputs, and whether the output is a file or a folder."""

import argparse
from pathlib import Path

import pytest
from vaecompress_cli.jobs.inputs import Found
from vaecompress_cli.jobs.plan import Job, jobs_into, read_request

from vaecompress.errors import UsageError


def request(*paths: str, output: str | None = None, resume: bool = False) -> argparse.Namespace:
    return argparse.Namespace(paths=list(paths), output=output, json=False, resume=resume)


def test_the_last_path_is_the_output() -> None:
    found = read_request(request("a.png", "b.png", "c.bin"))
    assert (found.inputs, found.output, found.into_folder) == ((Path("a.png"), Path("b.png")), Path("c.bin"), False)


@pytest.mark.parametrize(
    ("paths", "output", "into_folder"),
    [
        (["a.png"], "out/", True),
        (["a.png"], "out", True),
        (["a.png"], "out.bin", False),
        (["a.png", "b.png"], "out.bin", True),
        (["folder"], "out.d", True),
        (["a.png"], "folder", True),
        (["a.png"], "-", False),
        (["a.png", "folder"], None, True),
        (["a.png", "new/"], None, True),
        (["a.png", "new"], None, False),
        (["folder", "clip.bin"], None, False),
    ],
)
def test_folders_and_files(
    paths: list[str], output: str | None, into_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    assert read_request(request(*paths, output=output)).into_folder == into_folder


def test_a_dash_is_a_pipe_but_not_a_file_of_that_name() -> None:
    found = read_request(request("-", "-"))
    assert (found.inputs, found.output) == ((None,), None)
    assert read_request(request("./-", "x")).inputs == (Path("-"),)
    with pytest.raises(UsageError, match="has no name"):
        _ = found.files


def test_one_path_is_not_enough() -> None:
    with pytest.raises(UsageError, match="name an output"):
        read_request(request("a.png"))


def test_json_and_data_do_not_share_a_pipe() -> None:
    wanted = request("a.png", "-")
    wanted.json = True
    with pytest.raises(UsageError, match="both want standard output"):
        read_request(wanted)


def test_resume_needs_a_folder() -> None:
    with pytest.raises(UsageError, match="-o DIR"):
        read_request(request("a.png", "a.bin", resume=True))


@pytest.mark.parametrize("name", ["a.dat", "./a.dat", "link.dat", "twin.dat"])
def test_an_output_that_is_the_input_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --force, the only copy of a picture would be replaced by a lossy one."""
    monkeypatch.chdir(tmp_path)
    Path("a.dat").touch()
    Path("b.dat").touch()
    Path("link.dat").symlink_to("a.dat")
    Path("twin.dat").hardlink_to("a.dat")
    with pytest.raises(UsageError, match="is the input as well"):
        read_request(request("b.dat", "a.dat", output=name))
    read_request(request("b.dat", output=name))


def test_two_sources_of_one_output_are_refused() -> None:
    named = [Found(Path("x/a.png"), Path("a.png.bin")), Found(Path("y/a.png"), Path("a.png.bin"))]
    with pytest.raises(UsageError, match=r"x/a.png, y/a.png would all become out/a.png.bin"):
        jobs_into(Path("out"), named)
    with pytest.raises(UsageError, match="no input file"):
        jobs_into(Path("out"), [])


def test_how_jobs_are_called() -> None:
    assert (Job((), None).subject, Job((), None).target) == ("-", "-")
    assert Job((Path("f/1.png"), Path("f/2.png")), Path("c.bin")).subject == "f"
