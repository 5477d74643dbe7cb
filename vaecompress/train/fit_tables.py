"""Probability tables fitted to what a frozen model really codes.

The networks choose a table for every symbol; which probabilities that table holds is free. Counting the symbols that
fall to each table on training pictures, encoded as by default, and mixing those counts with the prior the loss was
trained with, costs a decoder nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vaecompress.encoder.picture import PictureEncoder
from vaecompress.entropy.tables import TOTAL, Table, TableSet, quantize_pmf
from vaecompress.models import file as model_file
from vaecompress.models.loaded import LoadedModel
from vaecompress.train.data.resident import Resident

Pixels = npt.NDArray[np.uint8]
QUALITIES = (5, 15, 25, 35, 45, 55, 65, 75, 85, 95)
PICTURES, PICTURE_SIDE = 64, 512
PRIOR_WEIGHT = 200.0
"""The trained prior counts as this many symbols."""


def choose_pictures(resident: Resident) -> Iterator[Pixels]:
    """A fixed random choice of the pictures held, their top left cut to at most 512x512."""
    chosen = np.random.default_rng(resident.seed).permutation(resident.picture_count)[:PICTURES]
    for index in chosen:
        yield np.ascontiguousarray(resident.picture(int(index))[:PICTURE_SIDE, :PICTURE_SIDE])


def fit_tables(data: bytes, pictures: Iterable[Pixels], qualities: Sequence[int] = QUALITIES) -> bytes:
    """A model file like ``data`` whose tables are fitted to ``pictures`` (uint8 [H, W, 3]) at ``qualities``."""
    file = model_file.parse(data)
    model = LoadedModel(file)
    codec = PictureEncoder(model)
    counts = [np.zeros(int(length)) for length in model.tables.lengths]
    for picture in pictures:
        for quality in qualities:
            for symbols, index in codec.search(picture, quality).groups:
                _count(symbols, index, model.tables, counts)
    tables = [_mixed(model.tables[i], counts[i]) for i in range(len(model.tables))]
    arrays = {f"tables/{name}": array for name, array in TableSet.from_tables(tables).to_arrays().items()}
    return model_file.serialise(file.card, file.networks, {**file.arrays, **arrays})


def _count(
    symbols: npt.NDArray[np.int32],
    index: npt.NDArray[np.uint16],
    tables: TableSet,
    counts: list[npt.NDArray[np.float64]],
) -> None:
    """Add the symbols of a group to the histogram of the table that codes each; outliers to the escape entry."""
    for table in np.unique(index):
        escape = len(counts[table]) - 1
        entries = symbols[index == table] - tables.first_symbols[table]
        entries = np.where((entries < 0) | (entries >= escape), escape, entries)
        counts[table] += np.bincount(entries, minlength=escape + 1)


def _mixed(table: Table, counts: npt.NDArray[np.float64]) -> Table:
    prior = table.frequencies / TOTAL
    return Table(table.first_symbol, quantize_pmf(counts + PRIOR_WEIGHT * prior))
