"""Files in folders and object stores, named by path or URL: listed, read, written whole or not at all.

A local path is read and written as everywhere in this project; everything else goes through fsspec, whose credentials
come from the environment and the user's files, never from here.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote

from vaecompress.errors import UsageError, VaecompressError
from vaecompress.files import replacing

Result = TypeVar("Result")

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
"""Object stores, and what fsspec needs for each."""

PAUSES_S = (1, 4, 16, 60)
"""Before a store is tried again; the last one for all that follow."""

_PAGE = 1000
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?:/|:)", re.IGNORECASE)
_HELPLESS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EEXIST, errno.ELOOP),
}
"""System errors that stay, however often one tries."""

_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|CONNECTION_STRING|SAS")


class StoreError(VaecompressError):
    """A store does not do what it was asked for, at the last attempt; ``attempts`` is how many there were."""

    exit_code = 8

    def __init__(self, message: str, attempts: int = 1, system_error: int | None = None) -> None:
        super().__init__(message)
        self.attempts, self.system_error = attempts, system_error


@dataclass(frozen=True)
class Found:
    """A file of a listing: its path or URL, its place below the folder, its size, and its ETag or time of change."""

    source: str
    place: PurePosixPath
    size_bytes: int
    version: str


def checked(url: str) -> str:
    """``url`` without a slash at its end, a path made absolute (workers may stand elsewhere), if it can be used.

    Raises UsageError for a kind of store that is not known, a missing package, and credentials in the URL.
    """
    scheme = scheme_of(url)
    if scheme not in ("", "file", *PACKAGES):
        raise UsageError(f"{scheme}: is no store that is known; use a folder, s3://, gs:// or az://")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError("a URL must not hold credentials: put them into the environment or the store's own files")
    if scheme in PACKAGES:
        from importlib.util import find_spec

        if find_spec(PACKAGES[scheme]) is None:
            raise UsageError(f"{scheme}:// needs {PACKAGES[scheme]}: pip install {PACKAGES[scheme]}")
    return url.rstrip("/") if scheme else str(Path(url).absolute())


def scheme_of(url: str) -> str:
    """``s3`` of ``s3://bucket/key``; nothing for a path."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


def local_path(url: str) -> Path | None:
    """The path that ``url`` names on this machine, or None for an object store."""
    scheme = scheme_of(url)
    if scheme == "file":
        return Path(unquote(re.sub(r"^file:(//[^/]*)?", "", url)))
    return None if scheme else Path(url)


def join(folder: str, place: str | PurePosixPath) -> str:
    """The path or URL of ``place`` below ``folder``."""
    return f"{folder.rstrip('/')}/{place}"


def find_files(folder: str, retries: int) -> Iterator[Found]:
    """Every file below ``folder``, hidden ones left out, as the listing comes in. Raises StoreError."""
    path = local_path(folder)
    found = _find_local(folder, path) if path is not None else _find_remote(folder, retries)
    return (file for file in found if not any(part.startswith(".") for part in file.place.parts))


def _find_local(folder: str, root: Path) -> Iterator[Found]:
    pending = [root]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    elif entry.is_file():
                        place = PurePosixPath(Path(entry.path).relative_to(root).as_posix())
                        told = entry.stat()
                        yield Found(join(folder, place), place, told.st_size, f"mtime {told.st_mtime_ns}")
        except OSError as error:
            raise StoreError(f"{current}: cannot be listed: {error.strerror}") from error


def _find_remote(folder: str, retries: int) -> Iterator[Found]:
    files, root = _file_system(folder)
    pages = _s3_pages(files, root, retries) if scheme_of(folder) == "s3" else _walked_pages(files, root)
    for page in _retried_pages(pages, folder):
        for name, size_bytes, version in page:
            place = PurePosixPath(name[len(root) :].lstrip("/"))
            yield Found(join(folder, place), place, size_bytes, version)


def _retried_pages(pages: Iterator[Any], folder: str) -> Iterator[Any]:
    try:
        yield from pages
    except StoreError:
        raise
    except Exception as error:  # each store has errors of its own
        raise StoreError(f"{folder}: cannot be listed: {told(error)}") from error


def _s3_pages(files: Any, root: str, retries: int) -> Iterator[list[tuple[str, int, str]]]:
    """Pages of a thousand: fsspec's own listing would first collect a folder's every file."""
    bucket, _, prefix = root.partition("/")
    after: dict[str, str] = {}
    while True:
        words = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else "", "MaxKeys": _PAGE, **after}
        answer, _ = attempt(partial(files.call_s3, "list_objects_v2", **words), f"s3://{root}", retries)
        listed = [(f"{bucket}/{one['Key']}", one) for one in answer.get("Contents", ()) if one["Key"][-1] != "/"]
        yield [(name, one["Size"], one["ETag"].strip('"')) for name, one in listed]
        if not answer.get("IsTruncated"):
            return
        after = {"ContinuationToken": answer["NextContinuationToken"]}


def _walked_pages(files: Any, root: str) -> Iterator[list[tuple[str, int, str]]]:
    for _, _, entries in files.walk(root, detail=True, on_error="raise"):
        yield [(one["name"], one["size"] or 0, _version(one)) for one in entries.values()]


def _version(entry: dict[str, Any]) -> str:
    named = ("ETag", "etag", "md5Hash", "content_md5", "last_modified", "updated", "mtime")
    return next((str(entry[name]).strip('"') for name in named if entry.get(name)), "")


def describe(url: str) -> tuple[int, str]:
    """Size in bytes and version of a file."""
    path = local_path(url)
    if path is not None:
        told = path.stat()
        return told.st_size, f"mtime {told.st_mtime_ns}"
    files, name = _file_system(url)
    entry = files.info(name)
    return entry["size"], _version(entry)


def read(url: str) -> bytes:
    """All of a file. Raises as the store does."""
    path = local_path(url)
    if path is not None:
        return path.read_bytes()
    files, name = _file_system(url)
    return bytes(files.cat_file(name))


def read_many(urls: list[str]) -> list[bytes]:
    """Files of one store at a time, in order. Raises as the store does."""
    if not urls or local_path(urls[0]) is not None:
        return [read(url) for url in urls]
    files, _ = _file_system(urls[0])
    names = [_file_system(url)[1] for url in urls]
    found = files.cat(names)
    return [found[name] for name in names] if isinstance(found, dict) else [found]


def fetch(url: str, target: Path) -> None:
    """Copy a file to this machine."""
    path = local_path(url)
    if path is not None:
        shutil.copyfile(path, target)
    else:
        files, name = _file_system(url)
        files.get_file(name, str(target))


def put(url: str, data: bytes | Path) -> None:
    """Write bytes, or a file's: under another name, then renamed; to an object store in one put."""
    path = local_path(url)
    if path is None:
        files, name = _file_system(url)
        if isinstance(data, bytes):
            files.pipe_file(name, data)
        else:
            files.put_file(str(data), name)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        if isinstance(data, bytes):
            file.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, file)


def attempt(call: Callable[[], Result], subject: str, retries: int) -> tuple[Result, int]:
    """What ``call`` returns, and at which attempt. Raises StoreError when trying again did not help, or would not."""
    attempts = 1
    while True:
        try:
            return call(), attempts
        except VaecompressError:
            raise
        except Exception as error:  # each store has errors of its own
            if attempts > retries or not _may_pass(error):
                number = error.errno if isinstance(error, OSError) else None
                raise StoreError(f"{subject}: {told(error)}", attempts, number) from error
        time.sleep(PAUSES_S[min(attempts, len(PAUSES_S)) - 1])
        attempts += 1


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help."""
    if isinstance(error, OSError):
        return error.errno not in _HELPLESS
    return "Credential" not in type(error).__name__


def told(error: Exception) -> str:
    """One line about an error of a store, without any secret of the environment."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    for name, value in os.environ.items():
        if len(value) > 3 and _SECRET.search(name.upper()):
            text = text.replace(value, "***")
    return text


def _file_system(url: str) -> tuple[Any, str]:
    """The store of a URL, and what it calls the file."""
    import fsspec

    files, name = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return files, str(name)
