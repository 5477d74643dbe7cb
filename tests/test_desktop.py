"""What file managers and file(1) are told holds for real streams."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command import clip, run, streams
from PIL import Image

import vaecompress.pillow as plugin

DESKTOP = Path(__file__).parent.parent / "vaecompress" / "desktop"


def test_file_knows_streams(tmp_path: Path) -> None:
    if shutil.which("file") is None:
        pytest.skip("needs file(1)")
    for stream, kind in ((streams(tmp_path), "picture"), (clip(tmp_path), "video")):
        command = ["file", "-b", "-m", DESKTOP / "vaecompress.magic", stream]
        assert subprocess.check_output(command, text=True).strip() == f"vaecompress stream, {kind}"
        told = subprocess.check_output([*command[:2], "--mime-type", *command[2:]], text=True)
        assert told.strip() == plugin.MIME


def test_the_mime_type_can_be_installed(tmp_path: Path) -> None:
    if shutil.which("update-mime-database") is None:
        pytest.skip("needs shared-mime-info")
    (tmp_path / "packages").mkdir()
    shutil.copy(DESKTOP / "vaecompress.xml", tmp_path / "packages")
    subprocess.run(["update-mime-database", tmp_path], check=True)
    assert f"{plugin.MIME}:*{plugin.SUFFIX}" in (tmp_path / "globs").read_text()


def test_the_thumbnailer_makes_small_pictures(tmp_path: Path) -> None:
    lines = (DESKTOP / "vaecompress.thumbnailer").read_text().splitlines()
    (line,) = (line.removeprefix("Exec=vaecompress ") for line in lines if line.startswith("Exec="))
    for stream in (streams(tmp_path), clip(tmp_path)):
        out = tmp_path / f"{stream.stem}-thumbnail.png"
        values = {"%s": "32", "%i": str(stream), "%o": str(out)}
        assert run(*[values.get(word, word) for word in shlex.split(line)]) == 0
        with Image.open(out) as small:
            assert small.size == (32, 19)
