"""Names as given, and what a search of folders finds, passes over and says."""

import os
from pathlib import Path

import pytest
from vaecompress_cli.console import Console
from vaecompress_cli.jobs.inputs import Found, Search, input_path, output_path

from vaecompress.errors import UsageError


@pytest.mark.parametrize("text", ["-", "/dev/stdin", "/dev/fd/0"])
def test_standard_input(text: str) -> None:
    assert input_path(text) is None
    assert output_path(text.replace("stdin", "stdout").replace("/0", "/1")) is None


@pytest.mark.parametrize("kind", [input_path, output_path])
def test_names_that_are_none(kind: object) -> None:
    assert callable(kind)
    with pytest.raises(UsageError, match="is a shell variable unset"):
        kind("")
    for text in ("http://x.org/a.png", "s3://bucket/a.png", "file:///a.png"):
        with pytest.raises(UsageError, match="only 'vaecompress batch' takes addresses"):
            kind(text)
    assert kind("C:/a.png") == Path("C:/a.png")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with pictures and whatever else may lie there."""
    album = tmp_path / "album"
    (album / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("b.png", "a.PNG", "sub/c.png", "notes.txt", "x.nef", "README", ".hidden.png", "../elsewhere/d.png"):
        (album / name).touch()
    (album / "linked").symlink_to("../elsewhere")
    (album / "linked.png").symlink_to("../elsewhere/d.png")
    (album / "broken.png").symlink_to("nowhere.png")
    os.mkfifo(album / "pipe.png")
    return album


def test_a_search(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = Search({".png"})
    found = list(search.files([album, Path("named.xyz")]))
    assert [str(one.place) for one in found] == ["a.PNG", "b.png", "broken.png", "linked.png", "sub/c.png", "named.xyz"]
    assert [one.trouble for one in found if one.trouble] == ["this link leads to nowhere.png, which does not exist"]
    search.report(Console(), "no pictures")
    assert capsys.readouterr().err.splitlines() == [
        f"note: {album / 'linked'}: links to folders are not followed; name it as an input of its own",
        "note: files left out, no pictures: 4 (1 .nef, 1 .txt, 1 pipe or device, 1 without suffix)",
    ]
    search.report(Console(verbose=True), "no pictures")
    assert f"note: {album / 'x.nef'}: left out" in capsys.readouterr().err
    search.report(Console(quiet=True), "no pictures")
    assert capsys.readouterr().err == ""


def test_a_locked_folder_is_found_with_its_trouble(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def locked(path: Path) -> object:
        if path.name == "sub":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    trouble = "this folder cannot be read: Permission denied"
    assert Found(album / "sub", Path("sub"), trouble) in list(Search({".png"}).files([album]))
