"""Probability tables fitted to what a frozen model really codes.

The networks choose a table for every symbol; which probabilities that table holds is free. Counting the symbols that
fall to each table on training pictures, encoded as by default, and mixing those counts with the prior the loss was
trained with, costs a decoder nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.encoder.picture import PictureEncoder
from vaecompress.entropy.tables import TOTAL, Table, TableSet, quantize_pmf
from vaecompress.models import file as model_file
from vaecompress.models.loaded import LoadedModel
from vaecompress.train.data.resident import Resident
from vaecompress.train.fit_filter import FilterFit
from vaecompress.train.fit_planes import fit_planes

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
    """A model file like ``data``, fitted to ``pictures`` (uint8 [H, W, 3]) at ``qualities``.

    First the look-ups of what is coded coarse to fine, to what the analysis gives; then every table and the pixel
    filter to what the search makes of it, each picture at every second quality.
    """
    held = list(pictures)
    file = model_file.parse(data)
    analysis = PictureEncoder(LoadedModel(file))
    samples = ((*analysis.analyse(picture, quality), quality) for picture in held for quality in qualities)
    planes, tables = fit_planes(analysis.model, samples)
    file = model_file.parse(with_arrays(file, {**planes.to_arrays(), **table_arrays(tables)}))
    codec, pixel_filter = PictureEncoder(LoadedModel(file)), FilterFit()
    counts = [np.zeros(int(length)) for length in tables.lengths]
    for number, picture in enumerate(held):
        for quality in qualities[number % 2 :: 2] or qualities:
            coded = codec.search(picture, quality)
            pixel_filter.add(picture, codec.synthesise(coded.latents, picture.shape, quality), quality)
            for symbols, index in coded.groups:
                count_symbols(symbols, index, tables, counts)
    return with_arrays(file, {**table_arrays(mixed_tables(tables, counts)), **pixel_filter.arrays()})


def table_arrays(tables: TableSet) -> dict[str, npt.NDArray[Any]]:
    """The tables as a model file holds them."""
    return {f"tables/{name}": array for name, array in tables.to_arrays().items()}


def with_arrays(file: model_file.ModelFile, arrays: dict[str, npt.NDArray[Any]], part: str = "") -> bytes:
    """The bytes of ``file`` with other arrays, in its part of that name where one is given."""
    prefix = f"{part}/" if part else ""
    return model_file.serialise(
        file.card, file.networks, {**file.arrays, **{prefix + name: array for name, array in arrays.items()}}
    )


def mixed_tables(tables: TableSet, counts: Sequence[npt.NDArray[np.float64]]) -> TableSet:
    """Tables of what was counted for each, the tables before counted as PRIOR_WEIGHT symbols."""
    return TableSet.from_tables([_mixed(tables[i], counts[i]) for i in range(len(tables))])


def count_symbols(
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
