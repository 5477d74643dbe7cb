"""Probability tables of predicted frames, fitted to what a frozen model really codes of training triples."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vaecompress.codec.predicted import Prediction
from vaecompress.encoder.distortion import VideoError
from vaecompress.encoder.effort import DEFAULT_EFFORT, EFFORTS
from vaecompress.encoder.latent_search import Search
from vaecompress.encoder.predicted import PredictedSubject
from vaecompress.entropy.tables import TableSet
from vaecompress.models import file as model_file
from vaecompress.models.loaded import PREDICTED, LoadedModel
from vaecompress.train.fit_planes import Sample, fit_planes
from vaecompress.train.fit_tables import count_symbols, mixed_tables, table_arrays, with_arrays


class Triple(NamedTuple):
    """A frame uint8 [H, W, 3], its prediction (sides multiples of 64), and the quality it is coded at."""

    pixels: npt.NDArray[np.uint8]
    prediction: Prediction
    quality: int


def fit_predicted(data: bytes, triples: Iterable[Triple]) -> bytes:
    """A model file for video like ``data``, its tables of predicted frames fitted to ``triples``.

    First the look-ups of hyper-latents, to what the analysis gives; then every table, to what the search makes of it.
    """
    held = list(triples)
    file = model_file.parse(data)
    unfitted = LoadedModel(file).predicted
    planes, tables = fit_planes(unfitted, (_analysed(unfitted, triple) for triple in held))
    file = model_file.parse(with_arrays(file, {**planes.to_arrays(), **table_arrays(tables)}, PREDICTED))
    model, effort = LoadedModel(file).predicted, EFFORTS[DEFAULT_EFFORT]
    counts = [np.zeros(int(length)) for length in tables.lengths]
    for triple in held:
        subject = PredictedSubject(model, triple.prediction, triple.quality)
        coded = Search(subject, triple.pixels, triple.quality, VideoError()).run(effort)
        for symbols, index in coded.groups:
            count_symbols(symbols, index, tables, counts)
    mixed: TableSet = mixed_tables(tables, counts)
    return with_arrays(file, table_arrays(mixed), PREDICTED)


def _analysed(model: LoadedModel, triple: Triple) -> Sample:
    subject = PredictedSubject(model, triple.prediction, triple.quality)
    return (*subject.analyse(triple.pixels, triple.quality), triple.quality)
