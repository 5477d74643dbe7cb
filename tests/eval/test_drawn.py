"""Drawn pictures are drawings, the same each time; and the tables hold real files."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from vaecompress_eval.drawn import __main__ as command
from vaecompress_eval.drawn import compare
from vaecompress_eval.drawn.artwork import cartoon
from vaecompress_eval.drawn.canvas import SIZE
from vaecompress_eval.drawn.pages import PAGES
from vaecompress_eval.drawn.small import SMALL, checkerboard, icon

from vaecompress.encoder.tools.kind import is_drawn

pytest.importorskip("matplotlib", reason="needs the eval extra")


@pytest.mark.parametrize("make", [*PAGES, cartoon], ids=lambda make: make.__name__)
def test_a_page_is_a_drawing_and_always_the_same(make) -> None:
    picture = make()
    assert (picture.size, picture.mode) == (SIZE, "RGB")
    assert is_drawn(np.asarray(picture))
    if make is PAGES[0]:
        assert np.array_equal(np.asarray(picture), np.asarray(make()))


def test_small_ones_are_what_their_names_say() -> None:
    assert [icon(side).size for side in (8, 128)] == [(8, 8), (128, 128)]
    assert np.unique(np.asarray(icon(64))[:, :, 3]).size > 4
    assert np.array_equal(np.asarray(checkerboard())[:2, :3], [[0, 255, 0], [255, 0, 255]])
    assert len({make().tobytes() for make in SMALL.values()}) == len(SMALL)


def test_sizes_lie_between_those_that_were_measured() -> None:
    points = [compare.Point(4000, 40.0), compare.Point(1000, 30.0)]
    assert compare.size_at(points, 35.0) == pytest.approx(2000)
    assert compare.size_at(points, 99.0) == pytest.approx(4000)


def test_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stub() -> object:
        return checkerboard(8).resize((64, 64)).convert("RGB")

    monkeypatch.setattr(command, "PAGES", (stub,))
    monkeypatch.setattr(command, "ARTWORK", ())
    monkeypatch.setattr(command, "SMALL", {name: SMALL[name] for name in ("icon-8", "icon-32")})
    monkeypatch.setattr(sys, "argv", ["drawn", str(tmp_path)])
    assert command.main() == 0
    out = capsys.readouterr().out
    assert re.search(r"\| stub \|( [+-][\d.]+ %\*? \|){5} [a-z0-9-]+(, [a-z0-9-]+)* \|", out)
    rows = re.findall(r"\| (icon-\d+) \| ([\d,]+) \| ([\d,]+) \| \+?(-?\d+) \| webp-lossless \|", out)
    assert [name for name, *_ in rows] == ["icon-8", "icon-32"]
    assert all(int(more) <= 64 for *_, more in rows)
    assert command.main() == 0
    assert capsys.readouterr().out == out
