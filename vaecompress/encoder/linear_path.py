"""What the decoder's linear path makes of each latent: the encoder's idea of how latents move pixels."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vaecompress.errors import UnsupportedError
from vaecompress.models.loaded import LoadedModel
from vaecompress.networks.onnx_graph import Graph, parse

Matrix = npt.NDArray[np.float32]

LAYER = "synthesis/linear"
LATENT_UNITS, PIXEL_UNITS = 16, 64
"""Latents enter the synthesis in 1/16 of a step; its linear path leaves in 1/64 of an 8-bit level."""


class LinearPath:
    """The linear path of a model's synthesis. Raises UnsupportedError where it has none: nothing can be searched."""

    def __init__(self, model: LoadedModel) -> None:
        self._gains = model.gains["decoder_latent"]
        self._kernel = _kernel(parse(model.file.networks["synthesis"]), self._gains.shape[1])

    def columns(self, quality: int, channels: int) -> Matrix:
        """Float32 [768, M]: what one step of each latent adds to its 16x16 patch (row, column, colour), in levels.

        Of a grey picture (``channels`` is 1) only what is grey is seen.
        """
        columns = self._kernel * self._gains[quality - 1]
        if channels == 1:
            columns = np.repeat(columns.reshape(-1, 3, columns.shape[1]).mean(1), 3, axis=0)
        return np.asarray(columns, np.float32)


@lru_cache(maxsize=4)
def linear_path(model: LoadedModel) -> LinearPath:
    """The linear path of a loaded model, whose graph is parsed once."""
    return LinearPath(model)


def _kernel(graph: Graph, latents: int) -> Matrix:
    """[768, M] in levels a step, before the gains; a layer in several groups of inputs has one kernel for each."""
    parts = []
    for name, kernel in graph.initialisers.items():
        layer = name.removesuffix("/kernel")
        if layer != name and layer.partition(":")[0] == LAYER:
            parts.append(kernel[:, :, 0, 0] * graph.initialisers[f"{layer}/scale"][:, :, 0, 0])
    if sum(part.shape[1] for part in parts) != latents:
        raise UnsupportedError("the model's synthesis has no linear path to search by: encode with effort 1")
    return np.asarray(np.concatenate(parts, axis=1) * (LATENT_UNITS / PIXEL_UNITS), np.float32)
