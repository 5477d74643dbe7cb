"""Samples: equal for equal seeds, as probable as the model says, and anchored where they are told to be."""

from pathlib import Path

import numpy as np
import pytest
from command import run
from photo import photo
from PIL import Image

from vaecompress.apply.sample import GAP, Sampler, _Draws, grid
from vaecompress.entropy.tables import TOTAL
from vaecompress.errors import UsageError
from vaecompress.models import registry

MODEL = ("--model", "tiny")


@pytest.fixture(scope="module")
def model():
    return registry.load("tiny", threads=1)


def test_samples_of_one_seed_are_equal(model):
    first, second, other = (Sampler(model, 40, seed=seed) for seed in (3, 3, 4))
    drawn = first.draw(70, 100)
    assert drawn.shape == (70, 100, 3)
    np.testing.assert_array_equal(drawn, second.draw(70, 100))
    assert not np.array_equal(drawn, other.draw(70, 100))
    assert not np.array_equal(drawn, first.draw(70, 100))
    assert drawn.std() > 5


def test_symbols_come_as_often_as_tables_say(model):
    index = np.full(20_000, 60, np.uint16)
    table = model.tables[60]
    symbols = _Draws(model.tables, 1.0, 0)._drawn(index)
    for symbol in (-1, 0, 1):
        expected = table.frequencies[symbol - table.first_symbol] / TOTAL
        assert np.mean(symbols == symbol) == pytest.approx(expected, abs=0.012)
    cold = _Draws(model.tables, 0.5, 0)._drawn(index)
    assert cold.std() < 0.8 * symbols.std()
    assert not _Draws(model.tables, 0.0, 0)._drawn(index).any()
    with pytest.raises(UsageError, match="temperature is -1"):
        Sampler(model, 40, -1.0)


def test_what_a_picture_tells_of_itself(model):
    pixels = photo(100, 120)
    kept, loose = (Sampler(model, 60, seed=1).like(pixels, lowest) for lowest in (True, False))
    blocks = [one[:96, :112].reshape(6, 16, 7, 16, 3).mean((1, 3)) for one in (pixels, kept, loose)]
    assert np.abs(blocks[1] - blocks[0]).mean() < 6
    assert np.abs(blocks[2] - blocks[0]).mean() > 2 * np.abs(blocks[1] - blocks[0]).mean()


def test_a_walk_begins_and_ends_at_its_pictures(model):
    first, second = photo(64, 96), np.ascontiguousarray(photo(64, 96)[::-1])
    walk = Sampler(model, 70).between(first, second, 4)
    errors = [
        (np.square(one - first.astype(float)).mean(), np.square(one - second.astype(float)).mean()) for one in walk
    ]
    assert [one[0] for one in errors] == sorted(one[0] for one in errors)
    assert [one[1] for one in errors] == sorted((one[1] for one in errors), reverse=True)
    assert errors[0][0] < 150
    with pytest.raises(UsageError, match="one size"):
        Sampler(model, 70).between(first, photo(64, 97), 4)


def test_grids():
    pictures = [np.full((10, 20, 3), level, np.uint8) for level in (10, 20, 30)]
    sheet = grid(pictures, 2)
    assert sheet.shape == (20 + GAP, 40 + GAP, 3)
    assert (sheet[0, 0, 0], sheet[0, 21, 0], sheet[0, 24, 0], sheet[15, 5, 0], sheet[15, 30, 0]) == (
        10,
        255,
        20,
        30,
        255,
    )


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(photo(64, 80)).save(tmp_path / "a.png")
    Image.fromarray(photo(50, 40)).save(tmp_path / "b.png")
    assert run("sample", "-o", tmp_path / "grid.png", "-n", 3, "--columns", 2, "--size", "40x30", *MODEL) == 0
    assert size_of(tmp_path / "grid.png") == (80 + GAP, 60 + GAP)
    assert run("sample", "-o", tmp_path / "like.png", "-n", 1, "--like", tmp_path / "a.png", *MODEL) == 0
    assert size_of(tmp_path / "like.png") == (80, 64)
    words = ("sample", "--between", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "walk.png", *MODEL)
    assert run(*words, "-n", 4) == 0
    assert size_of(tmp_path / "walk.png") == (4 * 80 + 3 * GAP, 64)
    assert "scaled to 80x64" in capsys.readouterr().err
    assert run(*words) == 8
    assert run(*words, "--force", "--size", "40x40") == 2
    assert run("sample", "-o", tmp_path / "c.png", "--temperature", "-1", *MODEL) == 2
    assert run("sample", "-o", tmp_path / "c.txt", *MODEL) == 2
