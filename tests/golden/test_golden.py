"""The streams of every release decode to the pixels they had then."""

import json
from pathlib import Path
from typing import Any

import pytest
from golden_streams import FOLDER, RECORD, describe

import vaecompress

RECORDS: dict[Path, dict[str, Any]] = {
    record.parent / name: expected
    for record in sorted(FOLDER.glob(f"*/{RECORD}"))
    for name, expected in json.loads(record.read_text()).items()
}


def test_each_tool_has_its_streams() -> None:
    tools = [vaecompress.info(path.read_bytes()).tool for path in RECORDS if path.parent.name == "0.1.0"]
    assert {"learned", "webp-lossless", "av1-planes"} <= set(tools)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_stream(path: Path) -> None:
    assert describe(path.read_bytes()) == RECORDS[path]


def test_the_plain_integer_engine_agrees() -> None:
    path = next(path for path in RECORDS if path.name == "tiny_rgb_q60.bin")
    assert describe(path.read_bytes(), "reference") == RECORDS[path]


def test_every_stream_has_its_record() -> None:
    assert RECORDS.keys() == set(FOLDER.glob("*/*.bin"))
