"""The study's table against numbers worked out by hand."""

import pytest

pytest.importorskip("flax", reason="needs the train extra")
pytest.importorskip("skimage", reason="the evaluation needs scikit-image: pip install 'vaecompress[eval]'")

from vaecompress_eval.study.results import Check, Outcome
from vaecompress_eval.study.table import Reference, plot, table


def done(row: str, loss: float, seed: int = 0, diverged: bool = False) -> Outcome:
    """A row that ended with ``loss`` at the middle quality, and 1 less to 1 more at the others."""
    losses = [loss - 1.0, loss - 0.5, loss, loss + 0.5, loss + 1.0]
    checks = [Check(share * 2.0, int(share * 240), int(share * 4e6), losses, [2 * loss] * 5) for share in (0.5, 1.0)]
    return Outcome(row, seed, 5.95, diverged, checks)


BASELINES = [done("baseline", 10.0, 0), done("baseline", 10.2, 1), done("baseline", 10.1, 2)]


def cells(text: str, row: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_reference_is_mean_and_spread_of_the_seeds() -> None:
    reference = Reference.of(BASELINES)
    assert reference is not None
    assert (reference.loss, reference.spread) == (pytest.approx(10.1), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [(10.25, "no difference"), (9.91, "no difference"), (10.31, "worse"), (9.89, "better"), (12.0, "worse")],
)
def test_a_difference_inside_the_spread_is_none(loss: float, verdict: str) -> None:
    found = cells(table([*BASELINES, done("adam", loss)]), "adam")
    assert found[-1] == verdict
    assert found[-3] == f"{100 * (loss / 10.1 - 1):+.2f} %"


def test_a_line_holds_what_was_measured() -> None:
    found = cells(table([*BASELINES, done("adam", 12.0)]), "adam")
    assert found[2:12] == ["12.000", "11.000", "11.500", "12.000", "12.500", "13.000", "240", "4.0", "2.00", "5.95"]
    assert found[13] == f"{100 * (24.0 / 20.2 - 1):+.2f} %"


def test_seeds_of_a_row_count_as_their_mean() -> None:
    found = cells(table([*BASELINES, done("adam", 10.2), done("adam", 10.6, 1)]), "adam")
    assert (found[2], found[-1]) == ("10.400", "worse")


def test_one_seed_has_no_spread() -> None:
    assert cells(table([BASELINES[0], done("adam", 12.0)]), "adam")[-1] == "spread unknown"


def test_without_a_baseline_nothing_is_compared() -> None:
    text = table([done("adam", 12.0)])
    assert "not done" in text.splitlines()[0]
    assert cells(text, "adam")[-3:] == ["", "", ""]
    assert cells(text, "baseline")[-1] == "not done"


def test_a_diverged_row_says_so() -> None:
    assert cells(table([*BASELINES, done("adam", 12.0, diverged=True)]), "adam")[-1] == "diverged"
    sound = [*BASELINES, done("adam", 12.0), done("adam", 99.0, 1, diverged=True)]
    assert cells(table(sound), "adam")[2] == "12.000"


def test_each_group_is_drawn(tmp_path) -> None:
    paths = plot([*BASELINES, done("adam", 10.0), done("one-z-prior", 10.0)], tmp_path)
    assert [path.name for path in paths] == ["optimiser.png", "z-prior.png"]
    assert all(path.stat().st_size > 10_000 for path in paths)
