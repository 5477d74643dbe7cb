"""The notebook runs from its first cell to its last."""

import os
from pathlib import Path

import pytest
from documents import ROOT

NOTEBOOK = ROOT / "docs" / "first_steps.ipynb"


def test_every_cell_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel (the extra test)")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel (the extra test)")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel (the extra test)")
    pytest.importorskip("flax", reason="needs the train extra")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute(env=dict(os.environ))
    said = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", []))
    for name in ("config.json", "curves.csv", "weights.msgpack"):
        assert name in said.splitlines()[-1]
    assert "step 6  loss " in said
    assert "quality 70: " in said
    assert all(not cell.get("outputs") for cell in nbformat.read(NOTEBOOK, as_version=4).cells), "kept without outputs"
