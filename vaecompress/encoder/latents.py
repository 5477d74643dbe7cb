"""Latents to symbols: which integers are coded, while walking through the context steps as a decoder does."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import LatentCoder, place
from vaecompress.encoder.rounding import Rounding
from vaecompress.entropy import coder
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, STEP_BITS

Array = npt.NDArray[Any]

TARGET_UNIT = 64
"""The encoder keeps the latents it aims at as int16 in 1/64 of a step: half the memory of float32."""

Group = tuple[Array, Array]
"""Symbols int32 [N] and their table indices uint16 [N]."""


@dataclass(frozen=True, eq=False)
class CodedLatents:
    """What is coded of a picture, and what a decoder makes of it: latents int16 [1, M, h, w] in 1/16 of a step."""

    groups: list[Group]
    latents: Array


class LatentEncoder(LatentCoder):
    """Codes the latents of one picture with one model."""

    def encode(self, coded: CodedLatents) -> bytes:
        """The bytes of coded latents."""
        return coder.encode(coded.groups, self.model.tables)

    def code(self, y: Array, z: Array, quality: int, rounding: Rounding) -> CodedLatents:
        """Choose symbols for latents y [1, M, h, w] (int16, in 1/64 of a step) and z [1, Z, h/4, w/4] (float)."""
        z_hat = np.clip(np.rint(z), -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT).astype(np.int16)
        groups = [(z_hat.ravel().astype(np.int32), self.hyper_tables(z_hat.shape, quality))]
        latents = np.zeros(y.shape, np.int16)
        limit = LATENT_LIMIT / (1 << STEP_BITS)

        def code(rows: slice, mean: Array, index: Array, member: Array) -> Array:
            coded = member & (index > 0)
            wanted = np.clip(y[0, :, rows] * np.float32(1 / TARGET_UNIT), -limit, limit)
            target = wanted - mean * np.float32(1 / (1 << STEP_BITS))
            symbols = np.zeros(coded.shape, np.int32)
            symbols[coded] = rounding(rows, coded, target[coded], index[coded])
            groups.append((symbols[coded], index[coded]))
            place(latents[0, :, rows], symbols, mean, member)
            return symbols

        self.walk(z_hat, quality, code)
        return CodedLatents(groups, latents)
