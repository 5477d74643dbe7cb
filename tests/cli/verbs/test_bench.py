"""``vaecompress bench`` where the packages that measure are not installed."""

import subprocess
import sys
from pathlib import Path

import pytest
from vaecompress_cli.main import main
from vaecompress_cli.verbs import bench


def test_missing_packages_are_one_line_with_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "find_spec", lambda name: None if name == "scipy" else object())
    assert main(["bench", str(tmp_path), "-o", str(tmp_path / "report")]) == 2
    assert capsys.readouterr().err == "vaecompress: bench needs scipy: pip install 'vaecompress[eval]'\n"


def test_help_needs_no_extra() -> None:
    without = "import sys; sys.modules.update(dict.fromkeys(['skimage', 'scipy', 'matplotlib']))"
    command = f"{without}; from vaecompress_cli.main import main; main(['bench', '--help'])"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert "--peers" in told.stdout
