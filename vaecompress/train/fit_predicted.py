"""Probability tables of predicted frames, fitted to what a frozen model really codes of training triples."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vaecompress.codec.predicted import Prediction
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import EFFORTS
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.predicted import PredictedSubject
from vaecompress.entropy.tables import TableSet
from vaecompress.errors import InputError
from vaecompress.format import HYPER_PATCH
from vaecompress.media.padding import pad_edge
from vaecompress.models import file as model_file
from vaecompress.models.loaded import PREDICTED, LoadedModel
from vaecompress.train.data.sources import UNREADABLE
from vaecompress.train.data.triples import TRIPLES, Triple
from vaecompress.train.fit_planes import Sample, fit_planes
from vaecompress.train.fit_tables import count_symbols, mixed_tables, table_arrays, with_arrays

Pixels = npt.NDArray[np.uint8]

FITTED = 96
"""So many are taken for a fit."""


def choose_triples(sources: Sequence[Path], exclude: frozenset[str]) -> list[Triple]:
    """A fixed random choice of the triples in ``sources``. Raises :class:`InputError` where there is none."""
    entries = TRIPLES.entries(sources, exclude, Counter())
    found = []
    for index in np.random.default_rng(0).permutation(len(entries)):
        with suppress(*UNREADABLE):
            found.append(Triple.from_bytes(entries[index].read()))
        if len(found) == FITTED:
            break
    if not found:
        raise InputError(f"no triple in {', '.join(map(str, sources))}: make some with 'vaecompress pack --triples'")
    return found


def fit_predicted(data: bytes, triples: Iterable[Triple]) -> bytes:
    """A model file for video like ``data``, its tables of predicted frames fitted to ``triples``.

    First the look-ups of hyper-latents, to what the analysis gives; then every table, to what the search makes of it.
    """
    held = [(triple.pictures[0], _prediction(triple), triple.quality) for triple in triples]
    file = model_file.parse(data)
    unfitted = LoadedModel(file).predicted
    planes, tables = fit_planes(unfitted, (_analysed(unfitted, *each) for each in held))
    file = model_file.parse(with_arrays(file, {**planes.to_arrays(), **table_arrays(tables)}, PREDICTED))
    model, effort = LoadedModel(file).predicted, EFFORTS[DEFAULT_EFFORT]
    counts = [np.zeros(int(length)) for length in tables.lengths]
    for pixels, prediction, quality in held:
        subject = PredictedSubject(model, prediction, quality)
        coded = Search(subject, pixels, quality, VideoError()).run(effort)
        for symbols, index in coded.groups:
            count_symbols(symbols, index, tables, counts)
    mixed: TableSet = mixed_tables(tables, counts)
    return with_arrays(file, table_arrays(mixed), PREDICTED)


def _analysed(model: LoadedModel, pixels: Pixels, prediction: Prediction, quality: int) -> Sample:
    return (*PredictedSubject(model, prediction, quality).analyse(pixels, quality), quality)


def _prediction(triple: Triple) -> Prediction:
    """The predictions as the codec takes them, sides padded to multiples of 64."""
    past, future = (pad_edge(side, HYPER_PATCH) for side in triple.pictures[1:])
    return Prediction(past, future, triple.one_sided)
