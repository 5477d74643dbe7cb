"""One hash of latents and one of pixels, whatever computes."""

from pathlib import Path

import pytest
from vaecompress_eval.trust import exactness

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*/tiny_*.bin"))
OPTIONAL = ("jax", "openvino")


@pytest.fixture(scope="module")
def expected() -> tuple[str, str]:
    return exactness.hashes(streams(), exactness.engines()["reference"])


def streams() -> list[bytes]:
    return [path.read_bytes() for path in GOLDEN if path.stem.endswith("_q60")]


@pytest.mark.parametrize("name", sorted({*exactness.engines(), *OPTIONAL} - {"reference"}))
def test_engine(name: str, expected: tuple[str, str]) -> None:
    engines = exactness.engines()
    if name not in engines:
        pytest.skip(f"{name} is not installed")
    assert exactness.hashes(streams(), engines[name]) == expected


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    path = next(str(path) for path in GOLDEN if "one_pixel" in path.name)
    assert exactness.main([path, "--only", "onnxruntime-1-off"]) == 0
    assert "onnxruntime-1-off      latents" in capsys.readouterr().out
    assert exactness.main([path, "--only", "no such engine"]) == 1
