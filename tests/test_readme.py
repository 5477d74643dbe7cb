"""Every command of the README runs, in order, on the samples; so does its Python; and links lead somewhere."""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from documents import ROOT, run_python_of
from PIL import Image

README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "sample_media" / "README.md"])
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
INSTALLERS = ("pip", "pytest")
NEEDS = {"bench": "skimage", "vaecompress_eval.side_by_side": "skimage", "train": "optax", "freeze": "onnx"}


def readme_commands() -> Iterator[str]:
    """The commands of all shell blocks, one by one."""
    for block in SHELL_BLOCK.finditer(README.read_text(encoding="utf-8")):
        for line in block[1].splitlines():
            yield from line.split(" && ")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples, and ``photos/`` with pictures small enough to code many times."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "sample_media", folder / "sample_media")
    (folder / "photos").mkdir()
    coffee = Image.open(ROOT / "sample_media" / "coffee.png")
    for index, left in enumerate((100, 300)):
        coffee.crop((left, 150, left + 128, 278)).save(folder / "photos" / f"{index}.png")
    return folder


@pytest.mark.parametrize("command", readme_commands())
def test_the_command_runs(command: str, desk: Path) -> None:
    words = command.split()
    if words[0] in INSTALLERS:
        pytest.skip("installing and testing is what .ci/run does")
    for word, package in NEEDS.items():
        if word in words and find_spec(package) is None:
            pytest.skip(f"needs {package}, which the extra that the README names installs")
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(desk / "cache")}
    done = subprocess.run(command, shell=True, cwd=desk, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_did_what_the_readme_says(desk: Path) -> None:
    if not (desk / "plain.png").exists():
        pytest.skip("the commands have not run before this")
    assert len(list((desk / "decoded").iterdir())) == len(list((desk / "coded").iterdir())) == 5
    assert (desk / "small.bin").stat().st_size <= 20_000
    assert (desk / "half.bin").stat().st_size <= 0.5 * 600 * 400 / 8
    assert len(list((desk / "frames").iterdir())) == 10
    assert np.array_equal(Image.open(desk / "small.png"), Image.open(desk / "plain.png"))


def test_the_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run_python_of(README)["picture"].shape == (400, 600, 3)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), f"{document.name}: {link}"
