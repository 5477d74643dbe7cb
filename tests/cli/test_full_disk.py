"""A full disk: one line, exit code 8, nothing left behind. A limit on the size of files stands in for the disk."""

import resource
import signal
from pathlib import Path

import pytest
from command import MODEL, clip, finish, names, save, start, streams

pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
"""jax, where other tests have loaded it, warns of every fork; what follows here is an exec at once."""


def disk_of(size_bytes: int) -> None:
    """Let this process write files of at most so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


@pytest.mark.parametrize("output", ["back.png", "back.mp4", "back.y4m", "frames/", "again.bin", "video.bin"])
def test_full_disk(output: str, tmp_path: Path) -> None:
    picture, video = streams(tmp_path), clip(tmp_path)
    source = picture if output.endswith(".png") else video
    words = ["decode", source, tmp_path / output]
    if output.endswith(".bin"):
        source = save(tmp_path / "b.png") if output == "again.bin" else tmp_path / "frames"
        words = ["encode", source, tmp_path / output, *MODEL]
    if output == "frames/":
        words = ["decode", video, "-o", f"{tmp_path}/out/"]
    before = names(tmp_path)
    code, _, lines = finish(start(*words, preexec_fn=lambda: disk_of(100)))
    assert code == 8, lines
    assert len(lines) == 1
    assert lines[0].startswith("vaecompress: ")
    assert names(tmp_path) == before
