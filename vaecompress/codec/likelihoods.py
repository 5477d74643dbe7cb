"""How likely a coded picture's symbols were under its model, and so what each part of a file takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.bitstream import Container, PicturePayload, Tool, chunks
from vaecompress.codec.latents import FileSymbols, LatentCoder, SymbolSource
from vaecompress.entropy.coarse_to_fine import Pass
from vaecompress.entropy.coder import Decoder, symbol_bits
from vaecompress.format import HYPER_FACTOR, HYPER_PATCH
from vaecompress.media.padding import padded_size
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]

SIDE_PARTS = {
    "alpha": (chunks.ALPHA,),
    "metadata": (chunks.ICC, chunks.EXIF, chunks.XMP, chunks.COLOUR, chunks.SOURCE_STAMP),
}


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """Of a coded picture: the information content of every symbol in bits, float32.

    ``y_bits`` [M, h, w] of the latents, 0 where one is not coded; ``z_bits`` [Z, h/4, w/4] of the hyper-latents.
    ``plane_channels`` are the channels of y that are coded first, coarse to fine.
    """

    y_bits: npt.NDArray[np.float32]
    z_bits: npt.NDArray[np.float32]
    plane_channels: tuple[int, ...]

    @property
    def y(self) -> npt.NDArray[np.float32]:
        """Probabilities of the latents, 2^-bits, [M, h, w]."""
        return np.exp2(-self.y_bits)

    @property
    def z(self) -> npt.NDArray[np.float32]:
        """Probabilities of the hyper-latents, [Z, h/4, w/4]."""
        return np.exp2(-self.z_bits)

    @property
    def bits(self) -> dict[str, float]:
        """Sums in bits: of ``planes``, the latents of lowest frequency, of other ``latents``, of ``hyper_latents``."""
        of_channel = self.y_bits.sum((1, 2), dtype=np.float64)
        planes = float(of_channel[list(self.plane_channels)].sum())
        rest = float(of_channel.sum()) - planes
        return {"planes": planes, "latents": rest, "hyper_latents": float(self.z_bits.sum(dtype=np.float64))}


def likelihoods(payload: PicturePayload, height: int, width: int, quality: int, model: LoadedModel) -> Likelihoods:
    """Of the payload of a picture of the tool *learned*, of ``height`` x ``width`` pixels. Raises CorruptError."""
    rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in (height, width))
    decoder = Decoder(payload.coded[1:], model.tables)
    meter = _Meter(FileSymbols(decoder), model, rows, columns)
    LatentCoder(model).fill(meter, rows, columns, quality)
    decoder.finish()
    return Likelihoods(meter.y, meter.z, tuple(model.shape.plane_channels))


def bits_by_part(container: Container, model: LoadedModel | None) -> dict[str, float]:
    """What the parts of a picture's file take, in bits; ``rest`` is what no other part is: header, checksum, directory.

    Of a picture that networks coded, ``model`` theirs, as :attr:`Likelihoods.bits`; else ``picture`` is all of it.
    Raises CorruptError.
    """
    header, entry = container.header, container.find(chunks.PICTURE)
    assert entry is not None
    payload = PicturePayload.from_body(container.read(entry))
    if payload.tool is Tool.LEARNED and model is not None:
        parts = likelihoods(payload, header.height, header.width, header.quality, model).bits
    else:
        parts = {"picture": 8.0 * len(payload.coded)}
    for name, types in SIDE_PARTS.items():
        parts[name] = 8.0 * sum(each.length for each in container.directory if each.type in types)
    return {**parts, "rest": 8.0 * container.size_bytes - sum(parts.values())}


class _Meter:
    """Passes symbols on, and keeps what each took. See :class:`vaecompress.codec.latents.SymbolSource`."""

    def __init__(self, source: SymbolSource, model: LoadedModel, rows: int, columns: int) -> None:
        shape, self._source = model.shape, source
        self._tables, self._channels = model.tables, shape.plane_channels
        self.y = np.zeros((shape.latent_channels, HYPER_FACTOR * rows, HYPER_FACTOR * columns), np.float32)
        self.z = np.zeros((shape.hyper_latent_channels, rows, columns), np.float32)

    def planes(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        symbols = self._source.planes(one, channels, mean, index)
        for channel, row in zip(self._channels[channels], self._bits(symbols, index), strict=True):
            one.grid(self.y)[channel, one.mask] = row
        return symbols

    def hyper(self, one: Pass, channels: slice, mean: Array, index: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        symbols = self._source.hyper(one, channels, mean, index)
        one.grid(self.z)[channels, one.mask] = self._bits(symbols, index)
        return symbols

    def latents(self, rows: slice, mean: Array, index: Array, coded: Array) -> Array:
        """See :class:`vaecompress.codec.latents.SymbolSource`."""
        symbols = self._source.latents(rows, mean, index, coded)
        self.y[:, rows][coded] = self._bits(symbols, index[coded])
        return symbols

    def _bits(self, symbols: Array, index: Array) -> Array:
        return symbol_bits(symbols.ravel(), index.ravel(), self._tables).reshape(symbols.shape)
