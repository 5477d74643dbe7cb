"""Names of files and folders, faults that may pass and those that stay, and secrets that are never told."""

import errno
from pathlib import Path, PurePosixPath

import pytest

from vaecompress.batch import store
from vaecompress.batch.store import StoreError, attempt, checked, find_files, join, local_path, put, read, told
from vaecompress.errors import UsageError


@pytest.mark.parametrize(
    ("url", "path"),
    [("a/b c", "a/b c"), ("file:///a/b%20c", "/a/b c"), ("s3://photos/in", None), ("a:b", "a:b")],
)
def test_local_or_not(url: str, path: str | None) -> None:
    assert local_path(url) == (None if path is None else Path(path))


@pytest.mark.parametrize("url", ["s3://key:secret@photos/in", "https://host/in", "s3://key@photos", "memory://a"])
def test_urls_with_credentials_and_of_other_stores_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        checked(url)
    assert "secret" not in str(refusal.value)


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked("in/") == str(tmp_path / "in")
    assert join("s3://photos/in", PurePosixPath("a/b.png")) == "s3://photos/in/a/b.png"


def test_files_are_found_with_what_tells_versions_apart(tmp_path: Path) -> None:
    put(str(tmp_path / "a" / "b.png"), b"123")
    put(str(tmp_path / ".hidden" / "c.png"), b"1")
    (found,) = find_files(str(tmp_path), 0)
    assert (found.source, str(found.place), found.size_bytes) == (str(tmp_path / "a/b.png"), "a/b.png", 3)
    put(str(tmp_path / "a" / "b.png"), b"123")
    (again,) = find_files(str(tmp_path), 0)
    assert again.version != found.version
    assert read(found.source) == b"123"


def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("vaecompress.batch.store.time.sleep", pauses.append)
    faults = iter([ConnectionResetError("reset"), OSError(errno.EIO, "input/output error"), RuntimeError("busy")])

    def call() -> str:
        for fault in faults:
            raise fault
        return "done"

    assert attempt(call, "s3://photos/a", retries=3) == ("done", 4)
    assert pauses == list(store.PAUSES_S[:3])
    with pytest.raises(StoreError) as last:
        attempt(lambda: int("x"), "s3://photos/a", retries=1)
    assert last.value.attempts == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.ENOENT])
def test_what_stays_is_not(number: int) -> None:
    with pytest.raises(StoreError) as refusal:
        attempt(lambda: (_ for _ in ()).throw(OSError(number, "no")), "a", retries=9)
    assert (refusal.value.attempts, refusal.value.system_error) == (1, number)


def test_secrets_of_the_environment_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter22")
    assert told(RuntimeError("signature of hunter22\n is wrong")) == "signature of *** is wrong"
