"""The motion of a frame, by what it costs: prediction error against the bits that spell it.

Tree by tree, in coding order, with the costs that the adaptive contexts have there: each node is tried as a leaf (every
candidate, then vectors searched from good starts, in ever finer steps, for the past, the future and both) and as four
smaller trees. Needs numba (the extra ``video``) to be quick.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vaecompress.codec import range_coder
from vaecompress.codec.compiled import ZERO, compiled
from vaecompress.codec.motion import (
    CLASS,
    COLUMN_MOVES,
    FUTURE_COLUMN,
    FUTURE_ROW,
    LARGEST,
    LEVEL,
    LEVELS,
    MAX_CLASS,
    MAX_VECTOR,
    MODE,
    PAST_COLUMN,
    PAST_ROW,
    PLACES,
    ROW_MOVES,
    UNKNOWN,
    code_leaf,
    code_split,
    code_tree,
    fill,
    find_candidates,
    first_contexts,
    first_with,
    no_blocks,
    spread,
    to_field,
)
from vaecompress.codec.prediction import BLOCK, BOTH, FUTURE, PAST, QUARTERS, Pixels, Reference, predict
from vaecompress.codec.range_coder import COST_UNIT, COUNT, code_bit, start_writing, written

Array = npt.NDArray[Any]

MARGIN = 72
"""Pixels beyond each edge of a picture that are searched: a block that lies farther out sees the edge only."""

LUMA = (77, 150, 29)
"""Weights of R, G and B, in 1/256."""

COARSE, COARSER = 4, 8
COARSE_SIDE = 8
COARSE_RANGE = 10
SEED_BLOCKS = 2
"""Side of the squares that have a start of their own, in blocks."""

NEIGHBOURS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)], np.int64)
STILL_ERROR = 0.75
"""Error a pixel, in levels, below which nothing better is looked for than a candidate of a large leaf."""


class SearchReference:
    """A picture to search in: uint8 RGB [height, width, 3], its luma at all 16 phases, and small copies of it."""

    def __init__(self, pixels: Pixels) -> None:
        self.reference = Reference(pixels)
        self.luma = to_luma(pixels)
        self.planes = Reference(self.luma[:, :, None]).planes(MARGIN)[:, :, :, 0]
        self.coarse, self.coarser = shrunk(self.luma, COARSE), shrunk(self.luma, COARSER)


@dataclass(frozen=True, eq=False)
class FoundMotion:
    """Motion of a frame as ``blocks``, and the ``data`` that spells it."""

    blocks: Array
    data: bytes


class Frame(NamedTuple):
    """What a search goes through, as compiled code takes it."""

    current: Array
    past_planes: Array
    future_planes: Array
    past_seeds: Array
    future_seeds: Array
    suggested: Array
    past: int
    future: int
    error_weight: float


def to_luma(pixels: Pixels) -> Pixels:
    """Luma uint8 [height, width] of RGB, in the proportions of BT.601."""
    red, green, blue = (pixels[:, :, channel].astype(np.uint16) * np.uint16(LUMA[channel]) for channel in range(3))
    return np.asarray((red + green + blue + 128) >> 8, np.uint8)


def shrunk(luma: Pixels, factor: int) -> Pixels:
    """A picture of ``factor`` squared times fewer pixels."""
    height, width = luma.shape
    rows, columns = (np.minimum(np.arange(-(-side // factor) * factor), side - 1) for side in (height, width))
    cells = luma[rows[:, None], columns[None]].reshape(len(rows) // factor, factor, len(columns) // factor, factor)
    return np.asarray(cells.mean(axis=(1, 3), dtype=np.float32) + np.float32(0.5), np.uint8)


def predict_triple(current: Pixels, past: Pixels, future: Pixels | None, lam: float) -> tuple[Pixels, Pixels, int]:
    """The predictions A and B of ``current`` from one or two decoded pictures, and how many bits their motion takes.

    All pictures are uint8 RGB [height, width, 3]; ``lam`` weighs squared error in 8-bit levels against bits a pixel, as
    in training. Without a future both predictions are the same.
    """
    refs = SearchReference(past), None if future is None else SearchReference(future)
    rows, columns = (-(-side // BLOCK) for side in current.shape[:2])
    distances = (1, 0 if future is None else 1)
    found = search_motion(current, *refs, no_blocks(rows, columns), distances, first_contexts(), lam)
    first, second = predict(to_field(found.blocks), refs[0].reference, refs[1].reference if refs[1] else None)
    return first, second, 8 * len(found.data)


def search_motion(
    current: Pixels,
    past: SearchReference,
    future: SearchReference | None,
    suggested: Array,
    distances: tuple[int, int],
    contexts: Array,
    lam: float,
) -> FoundMotion:
    """The motion of ``current``; ``contexts`` end as a decoder's do."""
    luma = to_luma(current)
    rows, columns, _ = suggested.shape
    coarse, coarser = shrunk(luma, COARSE), shrunk(luma, COARSER)
    shape = (-(-rows // SEED_BLOCKS), -(-columns // SEED_BLOCKS), 2)
    seeds = [
        coarse_search(coarse, coarser, ref.coarse, ref.coarser, np.zeros(shape, np.int32))
        for ref in (past, future)
        if ref is not None
    ]
    planes = [ref.planes for ref in (past, future) if ref is not None]
    weight = float(np.sqrt(lam)) / 2
    frame = Frame(luma, planes[0], planes[-1], seeds[0], seeds[-1], suggested, *distances, weight)
    state, room = start_writing(64 + 32 * rows * columns)
    chosen = np.zeros((rows, columns, 6), np.int32)
    search_frame(frame, state, room, contexts, chosen)
    return FoundMotion(chosen, written(state, room))


@compiled
def coarse_search(coarse: Array, coarser: Array, ref_coarse: Array, ref_coarser: Array, seeds: Array) -> Array:
    """Starts for each 16 x 16 pixels, int32 [rows, columns, 2] in quarters of a pixel, filled into ``seeds``."""
    rows, columns, _ = seeds.shape
    for i in range(rows):
        for j in range(columns):
            if i % 2 == 0 and j % 2 == 0:
                row, column = 2 * i + 2 - COARSE_SIDE // 2, 2 * j + 2 - COARSE_SIDE // 2
                best, best_row, best_column = 1 << 30, 0, 0
                for down in range(-COARSE_RANGE, COARSE_RANGE + 1):
                    for right in range(-COARSE_RANGE, COARSE_RANGE + 1):
                        cost = coarse_error(coarser, ref_coarser, row, column, down, right) + 2 * (
                            abs(down) + abs(right)
                        )
                        if cost < best:
                            best, best_row, best_column = cost, down, right
                seeds[i, j, 0], seeds[i, j, 1] = best_row * COARSER * QUARTERS, best_column * COARSER * QUARTERS
            else:
                seeds[i, j] = seeds[i - i % 2, j - j % 2]
    rough = seeds.copy()
    for i in range(rows):
        for j in range(columns):
            row, column = 4 * i + 2 - COARSE_SIDE // 2, 4 * j + 2 - COARSE_SIDE // 2
            best, best_row, best_column = coarse_error(coarse, ref_coarse, row, column, 0, 0), 0, 0
            for k in range(9):
                m, n = i + 2 * (k // 3 - 1), j + 2 * (k % 3 - 1)
                if 0 <= m < rows and 0 <= n < columns:
                    down, right = rough[m, n, 0] // (COARSE * QUARTERS), rough[m, n, 1] // (COARSE * QUARTERS)
                    cost = coarse_error(coarse, ref_coarse, row, column, down, right) + 2 * (abs(down) + abs(right))
                    if cost < best:
                        best, best_row, best_column = cost, down, right
            moved = True
            while moved:
                moved = False
                middle_row, middle_column = best_row, best_column
                for k in range(8):
                    down, right = middle_row + NEIGHBOURS[k, 0], middle_column + NEIGHBOURS[k, 1]
                    cost = coarse_error(coarse, ref_coarse, row, column, down, right) + 2 * (abs(down) + abs(right))
                    if cost < best:
                        best, best_row, best_column = cost, down, right
                        moved = True
            seeds[i, j, 0], seeds[i, j, 1] = best_row * COARSE * QUARTERS, best_column * COARSE * QUARTERS
    return seeds


@compiled
def coarse_error(current: Array, reference: Array, row: int, column: int, down: int, right: int) -> int:
    """Absolute error of a square of small pictures, cut to where both lie."""
    height, width = current.shape
    top, bottom = max(row, 0, -down), min(row + COARSE_SIDE, height, height - down)
    start, stop = max(column, 0, -right), min(column + COARSE_SIDE, width, width - right)
    pixels = (bottom - top) * (stop - start)
    if bottom <= top or stop <= start or pixels < COARSE_SIDE * COARSE_SIDE // 4:
        return 1 << 28
    total = np.int64(0)
    for i in range(top, bottom):
        for j in range(start, stop):
            total += abs(np.int64(current[i, j]) - np.int64(reference[i + down, j + right]))
    return int(total * COARSE_SIDE * COARSE_SIDE // pixels)


@compiled
def search_frame(frame: Frame, state: Array, data: Array, contexts: Array, chosen: Array) -> None:
    """Choose and write the motion of a frame tree by tree."""
    rows, columns, _ = chosen.shape
    blocks = np.zeros((rows, columns, 6), np.int32)
    blocks[:, :, MODE] = UNKNOWN
    counter = np.zeros(5, np.int64)
    counter[range_coder.ACTION] = COUNT
    target = np.empty((LEVELS, 64, 64), np.int16)
    for row in range(0, rows, LARGEST):
        for column in range(0, columns, LARGEST):
            costs = difference_costs(data, contexts)
            decide(frame, counter, data, contexts, costs, blocks, target, row, column)
            stop_row, stop_column = min(row + LARGEST, rows), min(column + LARGEST, columns)
            for i in range(row, stop_row):
                for j in range(column, stop_column):
                    chosen[i, j] = blocks[i, j]
                    blocks[i, j, MODE] = UNKNOWN
                    blocks[i, j, LEVEL] = 0
            code_tree(state, data, contexts, blocks, chosen, frame.suggested, frame.past, frame.future, row, column)


@compiled
def decide(
    frame: Frame,
    counter: Array,
    data: Array,
    contexts: Array,
    costs: Array,
    blocks: Array,
    targets: Array,
    row: int,
    column: int,
) -> None:
    """Fill a tree with the cheapest motion found: each node as a leaf, then as its parts, deepest first."""
    whole, parts = np.zeros(LEVELS), np.zeros(LEVELS)
    leaves = np.zeros((LEVELS + 1, 6), np.int32)
    place, level, cost = ZERO, ZERO, 0.0
    while True:
        i, j = row + spread(place >> 1), column + spread(place)
        cost = 0.0
        if i < blocks.shape[0] and j < blocks.shape[1]:
            cost, error = best_leaf(
                frame, counter, data, contexts, costs, blocks, targets, i, j, level, leaves[level], leaves[level + 1]
            )
            if level < LEVELS - 1:
                whole[level] = cost = cost + split_cost(counter, data, contexts, blocks, i, j, level, 0)
                if error > STILL_ERROR:
                    parts[level] = split_cost(counter, data, contexts, blocks, i, j, level, 1)
                    level += 1
                    continue
            fill(blocks, i, j, level, leaves[level + 1])
        while True:
            place += PLACES >> 2 * level
            if level == 0:
                return
            level -= 1
            parts[level] += cost
            size = PLACES >> 2 * level
            if place % size and parts[level] < whole[level]:
                level += 1
                break
            place = (place - 1) // size * size
            cost = parts[level]
            if whole[level] <= cost:
                cost = whole[level]
                i, j = row + spread(place >> 1), column + spread(place)
                forget(blocks, i, j, level)
                fill(blocks, i, j, level, leaves[level + 1])


@compiled
def split_cost(
    counter: Array, data: Array, contexts: Array, blocks: Array, row: int, column: int, level: int, split: int
) -> float:
    """Bits that it takes to say whether a node is split."""
    counter[range_coder.COST] = 0
    code_split(counter, data, contexts, blocks, row, column, level, split)
    return float(counter[range_coder.COST] / COST_UNIT)


@compiled
def forget(blocks: Array, row: int, column: int, level: int) -> None:
    """Make a tree's blocks unknown again."""
    side = LARGEST >> level
    for i in range(row, min(row + side, blocks.shape[0])):
        for j in range(column, min(column + side, blocks.shape[1])):
            blocks[i, j, MODE] = UNKNOWN


@compiled
def best_leaf(
    frame: Frame,
    counter: Array,
    data: Array,
    contexts: Array,
    costs: Array,
    blocks: Array,
    targets: Array,
    row: int,
    column: int,
    level: int,
    above: Array,
    leaf: Array,
) -> tuple[float, float]:
    """The cheapest motion of a leaf, put into ``leaf``: its cost in bits, and its error a pixel in levels."""
    found = np.empty((8, LEVEL), np.int32)
    kinds = np.empty(8, np.int64)
    count = find_candidates(blocks, frame.suggested, frame.future, row, column, level, found, kinds)
    pixels = leaf_pixels(frame, row, column, level)
    best, best_error = 1e30, 0.0
    trial = np.zeros(6, np.int32)
    for index in range(count):
        trial[:LEVEL] = found[index]
        best, best_error = keep_better(
            frame, counter, data, contexts, blocks, row, column, level, trial, leaf, best, best_error
        )
    if best_error / pixels < STILL_ERROR:
        return best, best_error / pixels
    vectors = np.zeros(6, np.int32)
    for mode in range(2 if frame.future else 1):
        place = PAST_ROW if mode == PAST else FUTURE_ROW
        fill_target(frame, targets, row, column, level, -1, vectors)
        known = first_with(found, count, FUTURE if mode == PAST else PAST)
        start_search(frame, targets[level], costs, row, column, level, mode, found, count, above, known, vectors)
        refine(frame, targets[level], costs, row, column, level, mode, 1.0, 4, found[known], vectors)
        trial[:] = 0
        trial[MODE] = mode
        trial[place], trial[place + 1] = vectors[place], vectors[place + 1]
        best, best_error = keep_better(
            frame, counter, data, contexts, blocks, row, column, level, trial, leaf, best, best_error
        )
    if frame.future:
        for turn in range(2):
            mode = FUTURE if turn == 0 else PAST
            place = PAST_ROW if mode == PAST else FUTURE_ROW
            fill_target(frame, targets, row, column, level, PAST if mode == FUTURE else FUTURE, vectors)
            known = first_with(found, count, FUTURE if mode == PAST else PAST)
            refine(frame, targets[level], costs, row, column, level, mode, 0.5, 2, found[known], vectors)
        trial[MODE] = BOTH
        trial[PAST_ROW:LEVEL] = vectors[PAST_ROW:LEVEL]
        best, best_error = keep_better(
            frame, counter, data, contexts, blocks, row, column, level, trial, leaf, best, best_error
        )
    return best, best_error / pixels


@compiled
def leaf_pixels(frame: Frame, row: int, column: int, level: int) -> int:
    """Pixels of the picture that a leaf has."""
    height, width = frame.current.shape
    side = (LARGEST >> level) * BLOCK
    return min(side, height - row * BLOCK) * min(side, width - column * BLOCK)


@compiled
def keep_better(
    frame: Frame,
    counter: Array,
    data: Array,
    contexts: Array,
    blocks: Array,
    row: int,
    column: int,
    level: int,
    trial: Array,
    leaf: Array,
    best: float,
    best_error: float,
) -> tuple[float, float]:
    """Put ``trial`` into ``leaf`` where it is cheaper than ``best``; the cost and the error of what is kept."""
    error = leaf_error(frame, row, column, level, trial)
    cost = error * frame.error_weight
    if cost >= best:
        return best, best_error
    counter[range_coder.COST] = 0
    spelled = trial.copy()
    code_leaf(counter, data, contexts, blocks, frame.suggested, frame.past, frame.future, row, column, level, spelled)
    cost += counter[range_coder.COST] / COST_UNIT
    if cost >= best:
        return best, best_error
    leaf[:] = trial
    return cost, error


@compiled
def leaf_error(frame: Frame, row: int, column: int, level: int, leaf: Array) -> float:
    """Absolute error of a leaf's motion."""
    height, width = frame.current.shape
    side = (LARGEST >> level) * BLOCK
    top, left = row * BLOCK, column * BLOCK
    rows, columns = min(side, height - top), min(side, width - left)
    current = frame.current[top : top + rows, left : left + columns]
    total = np.int64(0)
    if leaf[MODE] == BOTH:
        first = moved(frame.past_planes, top, left, rows, columns, leaf[PAST_ROW], leaf[PAST_COLUMN])
        second = moved(frame.future_planes, top, left, rows, columns, leaf[FUTURE_ROW], leaf[FUTURE_COLUMN])
        for i in range(rows):
            for j in range(columns):
                mean = (np.int64(first[i, j]) + np.int64(second[i, j]) + 1) >> 1
                total += abs(np.int64(current[i, j]) - mean)
        return float(total)
    if leaf[MODE] == PAST:
        first = moved(frame.past_planes, top, left, rows, columns, leaf[PAST_ROW], leaf[PAST_COLUMN])
    else:
        first = moved(frame.future_planes, top, left, rows, columns, leaf[FUTURE_ROW], leaf[FUTURE_COLUMN])
    for i in range(rows):
        for j in range(columns):
            total += abs(np.int64(current[i, j]) - np.int64(first[i, j]))
    return float(total)


@compiled
def moved(planes: Array, top: int, left: int, rows: int, columns: int, down: int, right: int) -> Array:
    """The samples of a block moved by a vector, as a view."""
    _, height, width = planes.shape
    start = min(max(top + (down >> 2) + MARGIN, 0), height - rows)
    begin = min(max(left + (right >> 2) + MARGIN, 0), width - columns)
    return planes[(down & 3) * 4 + (right & 3), start : start + rows, begin : begin + columns]


@compiled
def fill_target(frame: Frame, targets: Array, row: int, column: int, level: int, other: int, vectors: Array) -> None:
    """What a search should match: the picture itself, or twice it less what comes from ``other`` with its vector."""
    height, width = frame.current.shape
    side = (LARGEST >> level) * BLOCK
    top, left = row * BLOCK, column * BLOCK
    rows, columns = min(side, height - top), min(side, width - left)
    target = targets[level]
    current = frame.current[top : top + rows, left : left + columns]
    if other < 0:
        target[:rows, :columns] = current
        return
    if other == PAST:
        fixed = moved(frame.past_planes, top, left, rows, columns, vectors[PAST_ROW], vectors[PAST_COLUMN])
    else:
        fixed = moved(frame.future_planes, top, left, rows, columns, vectors[FUTURE_ROW], vectors[FUTURE_COLUMN])
    for i in range(rows):
        for j in range(columns):
            target[i, j] = np.int16(2 * np.int64(current[i, j]) - np.int64(fixed[i, j]))


@compiled
def target_error(
    frame: Frame, target: Array, row: int, column: int, level: int, mode: int, down: int, right: int
) -> int:
    """Absolute error of what a vector gives against the target."""
    height, width = frame.current.shape
    side = (LARGEST >> level) * BLOCK
    top, left = row * BLOCK, column * BLOCK
    rows, columns = min(side, height - top), min(side, width - left)
    if mode == PAST:
        samples = moved(frame.past_planes, top, left, rows, columns, down, right)
    else:
        samples = moved(frame.future_planes, top, left, rows, columns, down, right)
    total = np.int64(0)
    for i in range(rows):
        for j in range(columns):
            total += abs(np.int64(target[i, j]) - np.int64(samples[i, j]))
    return int(total)


@compiled
def start_search(
    frame: Frame,
    target: Array,
    costs: Array,
    row: int,
    column: int,
    level: int,
    mode: int,
    found: Array,
    count: int,
    above: Array,
    known: int,
    vectors: Array,
) -> None:
    """The best of a few vectors for a start: those of candidates, of the leaf above, and of the coarse search."""
    place = PAST_ROW if mode == PAST else FUTURE_ROW
    seeds = frame.past_seeds if mode == PAST else frame.future_seeds
    step = (LARGEST >> level) // 2
    best = 1e30
    for index in range(count + 5):
        if index < count:
            if found[index, MODE] != mode and found[index, MODE] != BOTH:
                continue
            down, right = int(found[index, place]), int(found[index, place + 1])
        elif index == count:
            if level == 0:
                continue
            down, right = int(above[place]), int(above[place + 1])
        else:
            part = index - count - 1
            if level > 1 and part:
                continue
            i = min((row + (part >> 1) * step) // SEED_BLOCKS, seeds.shape[0] - 1)
            j = min((column + (part & 1) * step) // SEED_BLOCKS, seeds.shape[1] - 1)
            down, right = int(seeds[i, j, 0]), int(seeds[i, j, 1])
        cost = vector_cost(costs, down - found[known, place], right - found[known, place + 1])
        cost += frame.error_weight * target_error(frame, target, row, column, level, mode, down, right)
        if cost < best:
            best = cost
            vectors[place], vectors[place + 1] = down, right


@compiled
def refine(
    frame: Frame,
    target: Array,
    costs: Array,
    row: int,
    column: int,
    level: int,
    mode: int,
    scale: float,
    first_step: int,
    known: Array,
    vectors: Array,
) -> None:
    """Move a vector to cheaper neighbours until there is none, in steps of a pixel, a half and a quarter."""
    place = PAST_ROW if mode == PAST else FUTURE_ROW
    known_row, known_column = int(known[place]), int(known[place + 1])
    weight = frame.error_weight * scale
    best_row, best_column = int(vectors[place]), int(vectors[place + 1])
    best = weight * target_error(frame, target, row, column, level, mode, best_row, best_column)
    best += vector_cost(costs, best_row - known_row, best_column - known_column)
    step = first_step
    while step:
        for _ in range(8 if step == first_step else 1):
            middle_row, middle_column = best_row, best_column
            for k in range(8):
                down = min(max(middle_row + step * NEIGHBOURS[k, 0], -MAX_VECTOR), MAX_VECTOR)
                right = min(max(middle_column + step * NEIGHBOURS[k, 1], -MAX_VECTOR), MAX_VECTOR)
                cost = vector_cost(costs, down - known_row, right - known_column)
                if cost >= best:
                    continue
                cost += weight * target_error(frame, target, row, column, level, mode, down, right)
                if cost < best:
                    best, best_row, best_column = cost, down, right
            if best_row == middle_row and best_column == middle_column:
                break
        step >>= 1
    vectors[place], vectors[place + 1] = best_row, best_column


@compiled
def difference_costs(data: Array, contexts: Array) -> Array:
    """Bits of a difference by axis and by how many bits its size has, [2, MAX_CLASS + 2]; the first for none."""
    costs = np.zeros((2, MAX_CLASS + 2))
    counter = np.zeros(5, np.int64)
    counter[range_coder.ACTION] = COUNT
    for axis in range(2):
        moves = COLUMN_MOVES + 1 if axis else ROW_MOVES
        code_bit(counter, data, contexts, moves, 0)
        costs[axis, 0] = counter[range_coder.COST] / COST_UNIT
        counter[range_coder.COST] = 0
        code_bit(counter, data, contexts, moves, 1)
        so_far = 1 + counter[range_coder.COST] / COST_UNIT
        for size in range(MAX_CLASS):
            counter[range_coder.COST] = 0
            code_bit(counter, data, contexts, CLASS + axis * MAX_CLASS + size, 0)
            costs[axis, size + 1] = so_far + size + counter[range_coder.COST] / COST_UNIT
            counter[range_coder.COST] = 0
            code_bit(counter, data, contexts, CLASS + axis * MAX_CLASS + size, 1)
            so_far += counter[range_coder.COST] / COST_UNIT
        costs[axis, MAX_CLASS + 1] = so_far + MAX_CLASS
        counter[range_coder.COST] = 0
    return costs


@compiled
def vector_cost(costs: Array, down: int, right: int) -> float:
    """Bits of a vector's difference."""
    row_bits, column_bits = 0, 0
    down, right = abs(down), abs(right)
    while down >> row_bits:
        row_bits += 1
    while right >> column_bits:
        column_bits += 1
    return float(costs[0, row_bits] + costs[1, column_bits])
