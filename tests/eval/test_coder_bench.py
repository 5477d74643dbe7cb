"""The coder's benchmark prints what it measured."""

import numpy as np
from vaecompress_eval.coder_bench import make_groups, make_tables, measure


def test_a_line_holds_counts_and_a_size_close_to_ideal() -> None:
    groups = make_groups(np.random.default_rng(0), 4_800)
    symbols, size_bytes, to_ideal, *speeds = measure(groups, make_tables(), runs=1).split()
    assert symbols == "4,800"
    assert int(size_bytes.replace(",", "")) > 0
    assert 1.0 < float(to_ideal) < 1.02
    assert all(float(speed) > 0 for speed in speeds)
