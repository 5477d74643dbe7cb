"""The table of where a network's time goes."""

from pathlib import Path

from vaecompress_eval.layers import REST, measure, synthesis_inputs, table

from vaecompress.models import registry


def test_every_operator_is_counted(tiny_model_path: Path) -> None:
    model = registry.load(tiny_model_path, threads=1)
    inputs = synthesis_inputs(model, 64, 64)
    graph = model.file.networks["synthesis"]
    spent, total = measure([graph], lambda sessions: sessions[0].run(None, inputs), 1)
    assert {"Conv", "Round", "Clip", "Add", "Mul", "DepthToSpace", REST} <= spent.keys()
    assert min(spent.values()) > 0
    assert total > 0
    head, _, *rows = table(model, inputs, 1).splitlines()
    assert [row.split("|")[1].strip() for row in rows] == ["as in the file", "in fewer passes", "in stages and tiles"]
    assert {row.count("|") for row in rows} == {head.count("|")}
