"""Motion syntax: any motion reads back, and any bytes read as some motion."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaecompress.codec.motion import (
    FUTURE_ROW,
    LARGEST,
    LEVEL,
    LEVELS,
    MAX_VECTOR,
    MODE,
    PAST_ROW,
    UNKNOWN,
    Array,
    fill,
    first_contexts,
    no_blocks,
    read_motion,
    to_field,
    write_motion,
)
from vaecompress.codec.prediction import BOTH, FUTURE, PAST


def random_motion(seed: int, rows: int, columns: int, has_future: bool, reach: int) -> Array:
    """Blocks with leaves of all sizes; vectors repeat now and then, as those of neighbours do."""
    rng = np.random.default_rng(seed)
    blocks = no_blocks(rows, columns)
    known = [random_leaf(rng, has_future, reach) for _ in range(4)]
    for level in range(LEVELS):
        side = LARGEST >> level
        for row in range(0, rows, side):
            for column in range(0, columns, side):
                split = level < LEVELS - 1 and rng.random() < 0.6
                if blocks[row, column, MODE] == UNKNOWN and not split:
                    leaf = known[rng.integers(4)] if rng.random() < 0.5 else random_leaf(rng, has_future, reach)
                    fill(blocks, row, column, level, leaf)
    return blocks


def random_leaf(rng: np.random.Generator, has_future: bool, reach: int) -> Array:
    leaf = np.zeros(6, np.int32)
    leaf[MODE] = rng.integers(3) if has_future else PAST
    vectors = rng.integers(-reach, reach + 1, 4) * (rng.random(4) < 0.8)
    if leaf[MODE] != FUTURE:
        leaf[PAST_ROW : PAST_ROW + 2] = vectors[:2]
    if leaf[MODE] != PAST:
        leaf[FUTURE_ROW : FUTURE_ROW + 2] = -vectors[:2] if leaf[MODE] == BOTH and rng.random() < 0.4 else vectors[2:]
    return leaf


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.sampled_from([1, 40, MAX_VECTOR]))
def test_motion_reads_back(seed: int, rows: int, columns: int, has_future: bool, reach: int) -> None:
    chosen = random_motion(seed, rows, columns, has_future, reach)
    suggested = random_motion(seed + 1, rows, columns, has_future, reach)
    suggested[: rows // 2, :, MODE] = UNKNOWN
    distances = (3, 2 if has_future else 0)
    data = write_motion(chosen, suggested, distances, first_contexts())
    assert np.array_equal(read_motion(data, suggested, distances, first_contexts()), chosen)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_any_bytes_are_some_motion(data: bytes, rows: int, columns: int, has_future: bool) -> None:
    distances = (1, 1 if has_future else 0)
    blocks = read_motion(data, no_blocks(rows, columns), distances, first_contexts())
    assert blocks[:, :, MODE].min() >= PAST
    assert blocks[:, :, MODE].max() <= (BOTH if has_future else PAST)
    assert np.abs(blocks[:, :, PAST_ROW:LEVEL]).max() <= MAX_VECTOR
    again = write_motion(blocks, no_blocks(rows, columns), distances, first_contexts())
    assert np.array_equal(read_motion(again, no_blocks(rows, columns), distances, first_contexts()), blocks)


def test_a_still_frame_takes_almost_nothing() -> None:
    still = no_blocks(45, 80)
    still[:, :, MODE], still[:, :, LEVEL] = PAST, 0
    assert len(write_motion(still, no_blocks(45, 80), (1, 0), first_contexts())) <= 5


def test_unused_vectors_are_zero() -> None:
    field = to_field(random_motion(5, 9, 7, True, 50))
    assert not field.past[field.mode == FUTURE].any()
    assert not field.future[field.mode == PAST].any()


PLAIN = """
import hashlib, sys
import numpy as np
from test_motion import random_motion
from vaecompress.codec.compiled import COMPILES
from vaecompress.codec.motion import first_contexts, read_motion, write_motion
chosen, suggested = random_motion(3, 20, 30, True, 60), random_motion(4, 20, 30, True, 60)
data = write_motion(chosen, suggested, (2, 1), first_contexts())
assert np.array_equal(read_motion(data, suggested, (2, 1), first_contexts()), chosen)
print(hashlib.sha256(data).hexdigest())
"""


@pytest.mark.parametrize("seed", [3])
def test_compiled_and_plain_loops_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for disabled in ("0", "1"):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", disabled)
        path = [str(Path(__file__).parent), *sys.path]
        code = f"import sys; sys.path[:0] = {path!r}\n{PLAIN}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found.append(done.stdout)
    assert found[0] == found[1]
