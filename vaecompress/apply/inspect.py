"""Where the bits of a picture go: in space, by channel, by part; and what its model expected."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.apply.channels import Drawn, describe_channels
from vaecompress.apply.trace import Trace, trace
from vaecompress.bitstream import Container, Header, PicturePayload, Tool, chunks
from vaecompress.codec.picture import PictureCodec, psnr_db
from vaecompress.codec.pixel_filter import filtered
from vaecompress.errors import InputError, UnsupportedError
from vaecompress.format import HYPER_PATCH
from vaecompress.media.padding import padded_size
from vaecompress.models.loaded import LoadedModel

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """A part of a file, and its bytes: whole ones, or of what is entropy-coded the share of a group."""

    name: str
    size_bytes: float


@dataclass(frozen=True, eq=False)
class PictureFindings:
    """What was found of a coded picture.

    ``pixels`` uint8 [H, W, 3] are what it decodes to, ``original`` [H, W, 1 or 3] what it was made of, where that is
    known; ``parts`` add up to the file; ``channels`` are those of the model.
    """

    header: Header
    model: str
    size_bytes: int
    pixels: Pixels
    original: Pixels | None
    parts: tuple[Part, ...]
    trace: Trace
    channels: tuple[Drawn, ...]

    @property
    def psnr_db(self) -> float | None:
        """Against the original."""
        if self.original is None:
            return None
        return psnr_db(self.original, self.pixels[:, :, : self.original.shape[2]])

    def to_dict(self) -> dict[str, Any]:
        """All numbers, JSON-ready. ``map_bits`` are rows of bits of 16x16 patches, from the top left."""
        header, found, scales = self.header, self.trace, self.trace.scales
        used = [index for index in range(len(scales.count)) if scales.count[index]]
        return {
            "kind": "image",
            "width": header.width,
            "height": header.height,
            "quality": header.quality,
            "model": self.model,
            "size_bytes": self.size_bytes,
            "bpp": 8 * self.size_bytes / (header.width * header.height),
            "psnr_db": self.psnr_db,
            "parts": {part.name: round(part.size_bytes, 2) for part in self.parts},
            "map_bits": np.round(found.map, 2).tolist(),
            "channels": [
                {**vars(drawn), "bits": round(float(bits), 1)}
                for drawn, bits in zip(self.channels, found.channel_bits, strict=True)
            ],
            "scales": [
                {
                    "predicted": round(float(scales.predicted[index]), 4),
                    "came": round(float(scales.came[index]), 4),
                    "symbols": int(scales.count[index]),
                    "bits": round(float(scales.bits[index]), 1),
                    "expected_bits": round(float(scales.expected_bits[index]), 1),
                }
                for index in used
            ],
        }


def inspect_picture(container: Container, model: LoadedModel, original: Pixels | None = None) -> PictureFindings:
    """Look into a coded picture; ``original`` [H, W, 1 or 3] is what it was made of.

    Raises CorruptError where it is damaged, InputError where the original has another size, and UnsupportedError where
    it is not coded with latents.
    """
    header, entry = container.header, container.find(chunks.PICTURE)
    assert entry is not None
    if original is not None and original.shape[:2] != (header.height, header.width):
        raise InputError(
            f"the original is {original.shape[1]}x{original.shape[0]}, this stream {header.width}x{header.height}"
        )
    payload = PicturePayload.from_body(container.read(entry))
    codec = PictureCodec(model)
    shape = (header.height, header.width, header.channels)
    codec.decode(payload, shape, header.quality)
    found = trace_payload(codec, payload, shape, header.quality)
    pixels = codec.synthesise(found.latents, (header.height, header.width, 3), header.quality)
    pixels = filtered(pixels, model.filter_weights[header.quality - 1], payload.coded[0])
    bodies = sum(one.length for one in container.directory)
    others = [Part(f"chunk {one.type}", one.length) for one in container.directory if one is not entry]
    parts = (
        Part("header and directory", container.size_bytes - bodies),
        *others,
        Part("tool, checksum and filter", entry.length - found.coded_bytes),
        *coded_parts(found),
    )
    channels = tuple(describe_channels(codec, header.quality))
    return PictureFindings(header, model.name, container.size_bytes, pixels, original, parts, found, channels)


def trace_payload(codec: PictureCodec, payload: PicturePayload, shape: tuple[int, ...], quality: int) -> Trace:
    """What each symbol of a picture of ``shape`` (height, width, ...) costs. Raises as :func:`inspect_picture`."""
    if payload.tool != Tool.LEARNED:
        raise UnsupportedError(f"this picture is coded with {payload.tool.name}: it has no latents to look into")
    rows, columns = (padded_size(side, HYPER_PATCH) // HYPER_PATCH for side in shape[:2])
    return trace(codec.latents, payload.coded[1:], (rows, columns), quality)


def coded_parts(found: Trace) -> list[Part]:
    """The parts of what is entropy-coded; they add up to its bytes."""
    steps = [Part(f"context step {step + 1}", bits / 8) for step, bits in enumerate(found.step_bits)]
    return [
        Part("lowest frequencies", found.plane_bits / 8),
        Part("hyper-latents", float(found.hyper_bits.sum(dtype=np.float64)) / 8),
        *steps,
        Part("entropy coder", found.overhead_bits / 8),
    ]
