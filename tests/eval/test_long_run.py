"""The long run, made short."""

import pytest
from vaecompress_eval import long_run


def test_a_short_one(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--pictures", "20", "--largest", "300x200", "--frames", "40", "--threads", "12"]
    code = long_run.main(words)
    output = capsys.readouterr().out
    assert code == 0, output
    assert "20 pictures, 2 broken, 2 named; 18 both ways" in output
