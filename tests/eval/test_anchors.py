"""How far apart anchors should lie."""

from pathlib import Path
from typing import Any

import pytest
from clips import clip
from vaecompress_eval import anchors
from vaecompress_eval.measure.clips import load_clip

from vaecompress.models import file as model_file
from vaecompress.models import registry
from vaecompress.models.default import VIDEO


@pytest.fixture
def model_path(video_file: Any, tmp_path: Path) -> Path:
    path = tmp_path / "video.vcm"
    path.write_bytes(model_file.serialise(video_file.card, video_file.networks, video_file.arrays))
    return path


def test_one_row_a_clip(model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = clip(tmp_path / "a.mkv", frames=4)
    assert anchors.main([str(source), "--distances", "32", "--model", str(model_path)]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head == "| BD-rate against 32 frames | 32 |"
    assert row.startswith("| a.mkv | ")


def test_a_distance_changes_the_files(model_path: Path, tmp_path: Path) -> None:
    loaded = load_clip(clip(tmp_path / "a.mkv", frames=6))
    model = registry.load(str(model_path), kind=VIDEO)
    assert anchors.curve(loaded, model, 2) != anchors.curve(loaded, model, 32)
