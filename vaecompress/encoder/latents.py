"""Latents to symbols: which integers are coded, while walking through the context steps as a decoder does."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.codec.latents import Expected, LatentCoder, place
from vaecompress.codec.picture import Pixels
from vaecompress.codec.planes import walk_hyper, walk_planes
from vaecompress.encoder.rounding import Rounding
from vaecompress.entropy import coder
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.format import HYPER_LATENT_LIMIT, LATENT_LIMIT, STEP_BITS

Array = npt.NDArray[Any]

TARGET_UNIT = 64
"""The encoder keeps the latents it aims at as int16 in 1/64 of a step: half the memory of float32."""

Group = tuple[Array, Array]
"""Symbols int32 [N] and their table indices uint16 [N]."""


@dataclass(frozen=True, eq=False)
class CodedHyper:
    """What is coded of hyper-latents, and what it tells of the latents."""

    groups: list[Group]
    expected: Expected


@dataclass(frozen=True, eq=False)
class CodedLatents:
    """What is coded of a picture, and what a decoder makes of it: latents int16 [1, M, h, w] in 1/16 of a step.

    ``pixels`` [H, W, 3] are what the networks make of those, where that is known already.
    """

    groups: list[Group]
    latents: Array
    pixels: Pixels | None = None


class LatentEncoder(LatentCoder):
    """Codes the latents of one picture with one model."""

    def encode(self, coded: CodedLatents) -> bytes:
        """The bytes of coded latents."""
        return coder.encode(coded.groups, self.model.tables)

    def gives(self, data: bytes, coded: CodedLatents) -> bool:
        """Whether ``data`` decodes to the symbols of ``coded``, and so to its latents. Raises CorruptError."""
        decoder = coder.Decoder(data, self.model.tables)
        same = all(np.array_equal(decoder.decode(index), symbols) for symbols, index in coded.groups)
        decoder.finish()
        return same

    def code_hyper(self, z: Array, quality: int, zone: float = 0.0) -> CodedHyper:
        """The nearest hyper-latents to z [1, Z, h/4, w/4] (float).

        Rounding is moved by ``zone`` towards what their neighbours let expect.
        """
        groups: list[Group] = []
        return CodedHyper(groups, self.expect(self._hyper(z, quality, zone, groups), quality))

    def code(self, y: Array, hyper: CodedHyper, rounding: Rounding) -> CodedLatents:
        """Choose symbols for latents y [1, M, h, w] (int16, in 1/64 of a step)."""
        groups: list[Group] = []
        planes = self._planes(y, rounding, groups)
        groups += hyper.groups
        latents = self.empty(planes)
        limit = LATENT_LIMIT / (1 << STEP_BITS)

        def code(rows: slice, mean: Array, index: Array, member: Array) -> Array:
            coded = member & (index > 0)
            places = np.flatnonzero(coded)
            aimed, expected, used = (values.reshape(-1).take(places) for values in (y[0, :, rows], mean, index))
            target = np.clip(aimed * np.float32(1 / TARGET_UNIT), -limit, limit)
            target -= expected * np.float32(1 / (1 << STEP_BITS))
            chosen = rounding(rows, coded, target, used).astype(np.int32)
            groups.append((chosen, used))
            symbols = np.zeros(coded.shape, np.int32)
            symbols.reshape(-1)[places] = chosen
            place(latents[0, :, rows], symbols, mean, member)
            return symbols

        first = hyper.expected
        self.walk(replace(first, mean=first.mean.copy(), scale=first.scale.copy()), planes, code)
        return CodedLatents(groups, latents)

    def _planes(self, y: Array, rounding: Rounding, groups: list[Group]) -> Array:
        """The planes of lowest frequency: what they become, their symbols added to ``groups``."""
        wanted = y[0, self.model.shape.plane_channels]

        def code(one: Pass, channels: slice, mean: Array, index: Array) -> Array:
            target = one.of(wanted[channels]) * np.float32(1 / TARGET_UNIT) - mean * np.float32(1 / (1 << STEP_BITS))
            symbols = rounding.plane(one, channels, target, index).astype(np.int32)
            groups.append((symbols.ravel(), index.ravel()))
            return symbols

        return walk_planes(self.model, wanted.shape[1], wanted.shape[2], code)

    def _hyper(self, z: Array, quality: int, zone: float, groups: list[Group]) -> Array:
        """Hyper-latents near ``z``, their symbols added to ``groups``."""
        wanted = np.clip(z[0], -HYPER_LATENT_LIMIT, HYPER_LATENT_LIMIT)

        def code(one: Pass, channels: slice, mean: Array, index: Array) -> Array:
            target = one.of(wanted[channels]) - mean
            symbols = np.copysign(np.floor(np.abs(target) + (0.5 - zone)), target).astype(np.int32)
            groups.append((symbols.ravel(), index.ravel()))
            return symbols

        return walk_hyper(self.model, wanted.shape[1], wanted.shape[2], quality, code)
