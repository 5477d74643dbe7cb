"""Killed at any moment, a command leaves the old file or the whole new one."""

import pytest
from vaecompress_eval.trust import crash


def test_kills(capsys: pytest.CaptureFixture[str]) -> None:
    assert crash.main(["--kills", "6", "--seconds", "1"]) == 0
    assert capsys.readouterr().out.startswith("6 kills, ")
