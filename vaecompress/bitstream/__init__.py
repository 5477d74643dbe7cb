"""Bytes: the container and its chunks. Standard library only; FORMAT.md is normative."""

from vaecompress.bitstream.chunks import (
    Chunk,
    Colour,
    FramePayload,
    PicturePayload,
    PredictedPayload,
    TimeStamps,
    Tool,
    picture_payload,
    pixel_checksum,
)
from vaecompress.bitstream.container import Container, ContainerWriter, write
from vaecompress.bitstream.directory import Entry, Header

__all__ = [
    "Chunk",
    "Colour",
    "Container",
    "ContainerWriter",
    "Entry",
    "FramePayload",
    "Header",
    "PicturePayload",
    "PredictedPayload",
    "TimeStamps",
    "Tool",
    "picture_payload",
    "pixel_checksum",
    "write",
]
