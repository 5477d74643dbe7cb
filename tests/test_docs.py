"""The code in the documents runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
CODE_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_python_of(document: Path) -> dict[str, Any]:
    """Execute every Python block of a document, in order, as one module; its globals."""
    module: dict[str, Any] = {"__name__": document.stem}
    for block in CODE_BLOCK.finditer(document.read_text(encoding="utf-8")):
        line = document.read_text(encoding="utf-8").count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(document), "exec"), module)
    return module


def test_a_new_transform_takes_over_the_weights_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flax", reason="needs the train extra")
    monkeypatch.chdir(ROOT)
    module = run_python_of(ROOT / "docs" / "extend.md")
    assert module["out"].x_hat.shape == (4, 128, 128, 3)
    before = module["rate_distortion"](module["measure"](module["levels"], module["out"]), module["position"])
    assert module["losses"][0] == pytest.approx(float(before.mean()), rel=1e-4)
    assert module["losses"][-1] < module["losses"][0]
