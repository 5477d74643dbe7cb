"""What the study's rows change."""

import pytest

pytest.importorskip("flax", reason="needs the train extra")

from vaecompress_eval.study.rows import BASELINE, ROWS, Row

from vaecompress.train.presets import PRESETS
from vaecompress.transforms.complexity import decoder_kmac_per_pixel

LIGHT = PRESETS["light"]


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: row.name)
def test_every_row_differs_from_the_baseline_alone(row: Row) -> None:
    own, shared = row.setup(LIGHT, 0), BASELINE.setup(LIGHT, 0)
    assert own != shared
    assert (own.preset.model != shared.preset.model) == bool(row.model)
    assert (own.preset.recipe != shared.preset.recipe) == bool(row.recipe)


def test_no_two_rows_are_the_same() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    setups = [row.setup(LIGHT, 0) for row in ROWS]
    assert all(one not in setups[:index] for index, one in enumerate(setups))


@pytest.mark.parametrize("row", [row for row in ROWS if row.group in ("shape", "colour")], ids=lambda row: row.name)
def test_shapes_cost_what_the_baseline_costs(row: Row) -> None:
    costs = [decoder_kmac_per_pixel(one.setup(LIGHT, 0).preset.model) for one in (row, BASELINE)]
    assert costs[0] == pytest.approx(costs[1], rel=0.03)


def test_steps_and_seed_are_given_from_outside() -> None:
    recipe = BASELINE.setup(LIGHT, 7, 33).preset.recipe
    assert (recipe.seed, recipe.steps) == (7, 33)
    assert BASELINE.setup(LIGHT, 7).preset.recipe.steps == LIGHT.recipe.steps
