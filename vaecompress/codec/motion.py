"""The syntax of motion: a quadtree of blocks from 64 x 64 to 8 x 8 pixels whose leaves say where they come from.

FORMAT.md, "Motion". A leaf either takes over the motion of a candidate (a neighbour, what the references' own motion
suggests, none) or spells it: from the past, the future or both, and how each vector differs from the first candidate's
that has one. One function walks through a frame for reading, writing and counting, see
:mod:`vaecompress.codec.range_coder`.

Motion is kept in ``blocks`` int32 [rows, columns, 6], one for each 8 x 8 pixels: MODE (-1: not known yet), the two
vectors (zeros where unused) and the level of its leaf.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec import range_coder
from vaecompress.codec.compiled import ZERO, compiled
from vaecompress.codec.prediction import BOTH, FUTURE, PAST, MotionField
from vaecompress.codec.range_coder import READ, code_bit, code_number

Array = npt.NDArray[Any]

MODE, PAST_ROW, PAST_COLUMN, FUTURE_ROW, FUTURE_COLUMN, LEVEL = range(6)
"""Places in a block."""

UNKNOWN = -1
LEVELS = 4
"""Sizes of leaves: level 0 has 64 pixels a side, level 3 has 8."""

LARGEST = 1 << LEVELS - 1
"""Side of the largest leaf in blocks."""

PLACES = LARGEST * LARGEST
"""Blocks of a tree, counted in the order of coding."""

LEFT, ABOVE, SUGGESTED, ABOVE_RIGHT, BELOW_LEFT, ABOVE_LEFT, STILL = range(7)
"""Candidates, in their order."""

MAX_VECTOR = 1 << 13
"""Bound of what a vector counts, in quarters of a pixel."""

SPLIT = 0
MERGE = SPLIT + 3 * 3
PICK = MERGE + LEVELS * 3
FROM_BOTH = PICK + 7
FROM_FUTURE = FROM_BOTH + LEVELS
MIRRORED = FROM_FUTURE + 1
ROW_MOVES = MIRRORED + 1
COLUMN_MOVES = ROW_MOVES + 2
CLASS = COLUMN_MOVES + 4
MAX_CLASS = 14
CONTEXTS = CLASS + 2 * MAX_CLASS
"""Numbers of the first context of each kind, and of all contexts."""


def first_contexts() -> Array:
    """Contexts int64 [CONTEXTS, 2] that know nothing."""
    return np.tile(np.array([[range_coder.EVEN, 0]], np.int64), (CONTEXTS, 1))


def no_blocks(rows: int, columns: int) -> Array:
    """Blocks of which nothing is known yet."""
    blocks = np.zeros((rows, columns, 6), np.int32)
    blocks[:, :, MODE] = UNKNOWN
    return blocks


def read_motion(data: bytes, suggested: Array, distances: tuple[int, int], contexts: Array) -> Array:
    """The blocks that ``data`` spells; ``suggested`` are blocks of the same grid, ``contexts`` are changed.

    ``distances`` tells how many frames away past and future are; a future of 0 says that there is none.
    """
    state, padded = range_coder.start_reading(data)
    rows, columns, _ = suggested.shape
    blocks = no_blocks(rows, columns)
    code_motion(state, padded, contexts, blocks, blocks, suggested, distances[0], distances[1])
    return blocks


def write_motion(chosen: Array, suggested: Array, distances: tuple[int, int], contexts: Array) -> bytes:
    """The bytes that spell ``chosen``: the inverse of :func:`read_motion`."""
    rows, columns, _ = chosen.shape
    state, room = range_coder.start_writing(64 + 32 * rows * columns)
    code_motion(state, room, contexts, no_blocks(rows, columns), chosen, suggested, distances[0], distances[1])
    return range_coder.written(state, room)


def to_field(blocks: Array) -> MotionField:
    """Blocks as what prediction takes."""
    return MotionField(
        blocks[:, :, MODE].astype(np.uint8),
        blocks[:, :, PAST_ROW : PAST_COLUMN + 1].astype(np.int16),
        blocks[:, :, FUTURE_ROW : FUTURE_COLUMN + 1].astype(np.int16),
    )


@compiled
def code_motion(
    state: Array,
    data: Array,
    contexts: Array,
    blocks: Array,
    chosen: Array,
    suggested: Array,
    past: int,
    future: int,
) -> None:
    """Read or write the motion of a frame, tree by tree; ``blocks`` fills up, ``chosen`` is what to write."""
    rows, columns, _ = blocks.shape
    for row in range(0, rows, LARGEST):
        for column in range(0, columns, LARGEST):
            code_tree(state, data, contexts, blocks, chosen, suggested, past, future, row, column)


@compiled
def code_tree(
    state: Array,
    data: Array,
    contexts: Array,
    blocks: Array,
    chosen: Array,
    suggested: Array,
    past: int,
    future: int,
    row: int,
    column: int,
) -> None:
    """Read or write the tree whose top left is at ``row`` and ``column``, in blocks: each node, then its parts."""
    leaf = np.zeros(6, np.int32)
    place, level = ZERO, ZERO
    while place < PLACES:
        i, j = row + spread(place >> 1), column + spread(place)
        if i >= blocks.shape[0] or j >= blocks.shape[1]:
            place += PLACES >> 2 * level
        else:
            deeper = 1 if chosen[i, j, LEVEL] > level else 0
            if level < LEVELS - 1 and code_split(state, data, contexts, blocks, i, j, level, deeper):
                level += 1
                continue
            leaf[:] = chosen[i, j]
            code_leaf(state, data, contexts, blocks, suggested, past, future, i, j, level, leaf)
            fill(blocks, i, j, level, leaf)
            place += PLACES >> 2 * level
        while level > 0 and place % (PLACES >> 2 * (level - 1)) == 0:
            level -= 1


@compiled
def spread(place: int) -> int:
    """The column of a place in a tree, whose even bits spell it; of half the place, the row."""
    return (place & 1) | (place >> 1 & 2) | (place >> 2 & 4)


@compiled
def code_split(
    state: Array, data: Array, contexts: Array, blocks: Array, row: int, column: int, level: int, split: int
) -> int:
    """Read, write or count whether a tree is split; neighbours that are say that it is likely."""
    deeper = 0
    if column > 0 and blocks[row, column - 1, LEVEL] > level:
        deeper += 1
    if row > 0 and blocks[row - 1, column, LEVEL] > level:
        deeper += 1
    return code_bit(state, data, contexts, SPLIT + 3 * level + deeper, split)


@compiled
def fill(blocks: Array, row: int, column: int, level: int, leaf: Array) -> None:
    """Give all blocks of a leaf its motion and its level."""
    side = LARGEST >> level
    for i in range(row, min(row + side, blocks.shape[0])):
        for j in range(column, min(column + side, blocks.shape[1])):
            for place in range(LEVEL):
                blocks[i, j, place] = leaf[place]
            blocks[i, j, LEVEL] = level


@compiled
def find_candidates(
    blocks: Array, suggested: Array, future: int, row: int, column: int, level: int, found: Array, kinds: Array
) -> int:
    """The motion [n, 5] that a leaf may take over and of which kind each is, without repeats; returns n, 1 to 7."""
    side = LARGEST >> level
    count = 0
    for kind in range(7):
        if kind == STILL:
            found[count, MODE] = BOTH if future else PAST
            for place in range(PAST_ROW, LEVEL):
                found[count, place] = 0
        elif kind == SUGGESTED:
            i = min(row + side // 2, blocks.shape[0] - 1)
            j = min(column + side // 2, blocks.shape[1] - 1)
            if suggested[i, j, MODE] == UNKNOWN:
                continue
            for place in range(LEVEL):
                found[count, place] = suggested[i, j, place]
        else:
            i = row + side - 1 if kind == LEFT else row + side if kind == BELOW_LEFT else row - 1
            j = column + side - 1 if kind == ABOVE else column + side if kind == ABOVE_RIGHT else column - 1
            if i < 0 or j < 0:
                continue
            if kind == LEFT:
                i = min(i, blocks.shape[0] - 1)
            if kind == ABOVE:
                j = min(j, blocks.shape[1] - 1)
            if i >= blocks.shape[0] or j >= blocks.shape[1] or blocks[i, j, MODE] == UNKNOWN:
                continue
            for place in range(LEVEL):
                found[count, place] = blocks[i, j, place]
        if same_before(found, count) == count:
            kinds[count] = kind
            count += 1
    return count


@compiled
def same_before(found: Array, count: int) -> int:
    """The first motion of ``found`` that equals the one at ``count``."""
    for earlier in range(count):
        same = True
        for place in range(LEVEL):
            if found[earlier, place] != found[count, place]:
                same = False
        if same:
            return earlier
    return count


@compiled
def code_leaf(
    state: Array,
    data: Array,
    contexts: Array,
    blocks: Array,
    suggested: Array,
    past: int,
    future: int,
    row: int,
    column: int,
    level: int,
    leaf: Array,
) -> None:
    """Read, write or count the motion of a leaf; ``leaf`` int32 [5 or more] is filled when reading."""
    found = np.empty((8, LEVEL), np.int32)
    kinds = np.empty(8, np.int64)
    count = find_candidates(blocks, suggested, future, row, column, level, found, kinds)
    picked = count
    if state[range_coder.ACTION] != READ:
        for place in range(LEVEL):
            found[count, place] = leaf[place]
        picked = same_before(found, count)
    spelled = 0
    if column > 0 and blocks[row, column - 1, LEVEL] >= level:
        spelled += 1
    if row > 0 and blocks[row - 1, column, LEVEL] >= level:
        spelled += 1
    if code_bit(state, data, contexts, MERGE + 3 * level + spelled, 1 if picked == count else 0):
        code_spelled(state, data, contexts, past, future, level, found, count, leaf)
        return
    index = 0
    while index < count - 1 and code_bit(state, data, contexts, PICK + kinds[index], 1 if picked != index else 0):
        index += 1
    for place in range(LEVEL):
        leaf[place] = found[index, place]


@compiled
def code_spelled(
    state: Array,
    data: Array,
    contexts: Array,
    past: int,
    future: int,
    level: int,
    found: Array,
    count: int,
    leaf: Array,
) -> None:
    """Read, write or count motion that no candidate has: where from, and the vectors less those of a candidate."""
    mode = int(leaf[MODE])
    if future == 0:
        mode = PAST
    elif code_bit(state, data, contexts, FROM_BOTH + level, 1 if mode == BOTH else 0):
        mode = BOTH
    else:
        mode = FUTURE if code_bit(state, data, contexts, FROM_FUTURE, 1 if mode == FUTURE else 0) else PAST
    leaf[MODE] = mode
    row_ahead, column_ahead, mirrored = 0, 0, 0
    if mode != FUTURE:
        known = first_with(found, count, FUTURE)
        row_ahead = code_difference(state, data, contexts, 0, 0, found[known, PAST_ROW], leaf, PAST_ROW)
        column_ahead = code_difference(
            state, data, contexts, 1, 1 if row_ahead else 0, found[known, PAST_COLUMN], leaf, PAST_COLUMN
        )
    else:
        leaf[PAST_ROW] = 0
        leaf[PAST_COLUMN] = 0
    if mode == PAST:
        leaf[FUTURE_ROW] = 0
        leaf[FUTURE_COLUMN] = 0
        return
    known = first_with(found, count, PAST)
    row_mirror = found[known, FUTURE_ROW] + mirror(row_ahead, past, future)
    column_mirror = found[known, FUTURE_COLUMN] + mirror(column_ahead, past, future)
    if row_ahead or column_ahead:
        same = leaf[FUTURE_ROW] == row_mirror and leaf[FUTURE_COLUMN] == column_mirror
        mirrored = code_bit(state, data, contexts, MIRRORED, 1 if same else 0)
    if mirrored:
        leaf[FUTURE_ROW] = row_mirror
        leaf[FUTURE_COLUMN] = column_mirror
        return
    row_ahead = code_difference(
        state, data, contexts, 0, 1 if mode == BOTH else 0, found[known, FUTURE_ROW], leaf, FUTURE_ROW
    )
    other = 2 if mode == BOTH else 0
    code_difference(
        state, data, contexts, 1, other + (1 if row_ahead else 0), found[known, FUTURE_COLUMN], leaf, FUTURE_COLUMN
    )


@compiled
def first_with(found: Array, count: int, without: int) -> int:
    """The first candidate whose mode is not ``without``; the last one, which does not move, has every vector."""
    for index in range(count):
        if found[index, MODE] != without:
            return index
    return count - 1


@compiled
def mirror(ahead: int, past: int, future: int) -> int:
    """What a difference of the past vector says of the future's, motion being steady; halves towards +infinity."""
    return (-2 * ahead * future + past) // (2 * past)


@compiled
def code_difference(
    state: Array, data: Array, contexts: Array, axis: int, case: int, known: int, leaf: Array, place: int
) -> int:
    """Read, write or count a part of a vector less what is known, and return the difference."""
    ahead = int(leaf[place]) - int(known)
    moves = COLUMN_MOVES + case if axis else ROW_MOVES + case
    if code_bit(state, data, contexts, moves, 1 if ahead else 0) == 0:
        leaf[place] = known
        return 0
    size = abs(ahead) - 1
    bits = 0
    while (size + 1) >> (bits + 1):
        bits += 1
    found = 0
    while found < MAX_CLASS and code_bit(
        state, data, contexts, CLASS + axis * MAX_CLASS + found, 1 if bits > found else 0
    ):
        found += 1
    size = code_number(state, data, found, size + 1 - (1 << found)) + (1 << found) - 1
    sign = code_number(state, data, 1, 1 if ahead < 0 else 0)
    ahead = -size - 1 if sign else size + 1
    leaf[place] = min(max(known + ahead, -MAX_VECTOR), MAX_VECTOR)
    return ahead
