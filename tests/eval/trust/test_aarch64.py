"""Emulation is for who has an emulator; everybody else is told what it needs."""

from pathlib import Path

import pytest
from vaecompress_eval.trust import aarch64


def test_skipped_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert aarch64.main([str(tmp_path)]) == 0
    assert "skipped: needs qemu-aarch64" in capsys.readouterr().out
    emulator = tmp_path / "qemu-aarch64"
    emulator.touch(mode=0o755)
    assert aarch64.main([str(tmp_path)]) == 0
    assert "holds no 'root' and 'site'" in capsys.readouterr().out


def test_the_emulator_says_how_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "site").mkdir()
    emulator = tmp_path / "qemu-aarch64"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for code in (0, 1):
        emulator.write_text(f'#!/bin/sh\n[ "$1" = -cpu ] && exit {code}\n')
        emulator.chmod(0o755)
        assert aarch64.main([str(tmp_path)]) == code
