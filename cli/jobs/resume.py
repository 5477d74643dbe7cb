"""``--resume``: whether an output is the one this run would make.

A stream made in a batch carries a stamp, eight bytes of the SHA-256 of its settings and its source (chunk ``srch`` of
FORMAT.md). A decoded file needs none: its pixels have the checksum that the stream holds.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vaecompress.bitstream import Chunk, Container, ContainerWriter, chunks, picture_payload, pixel_checksum
from vaecompress.errors import InputError, VaecompressError

STAMP_BYTES = 8
STAMP_COST_BYTES = STAMP_BYTES + 9
"""What a stamp adds to a file: its body and its entry in the directory."""

_BLOCK_BYTES = 1 << 20


def stamp_of(source: Path, settings: str) -> bytes:
    """The stamp of what ``settings`` make of ``source``. Raises :class:`InputError` when it cannot be read."""
    digest = hashlib.sha256(settings.encode() + b"\0")
    try:
        with source.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error
    return digest.digest()[:STAMP_BYTES]


def copy_stamped(stream: BinaryIO, output: BinaryIO, stamp: bytes, spool_dir: Path | None) -> None:
    """Write the stream in the file ``stream`` to ``output`` with a stamp added; chunks wait in ``spool_dir``."""
    with Container.open(stream) as container, ContainerWriter(output, container.header, spool_dir) as writer:
        for entry in container.directory:
            writer.append_blocks(entry.type, container.blocks(entry))
        writer.append(Chunk(chunks.SOURCE_STAMP, stamp))


def is_encoded(output: Path, stamp: bytes | None) -> bool:
    """Whether ``output`` is a sound stream with this stamp."""
    try:
        with Container.open(output) as container:
            entry = container.find(chunks.SOURCE_STAMP)
            container.verify()
            return entry is not None and container.read(entry) == stamp
    except VaecompressError:
        return False


def is_decoded(output: Path, container: Container) -> bool:
    """Whether the picture or video ``output`` has the very pixels of the stream, frame by frame."""
    entries = container.frames or [container.find(chunks.PICTURE)]
    wanted = [picture_payload(entry.type, container.read(entry)).checksum for entry in entries if entry is not None]
    try:
        return list(_checksums(output, container)) == wanted
    except VaecompressError:
        return False


def _checksums(output: Path, container: Container) -> Iterator[int]:
    if container.header.kind == "image":
        from vaecompress.media.image_read import read_image

        pixels = read_image(output)[0].pixels
        pixels = np.ascontiguousarray(pixels[:, :, :1]) if container.header.grey_as_rgb else pixels
        yield pixel_checksum(pixels.data)
        return
    from vaecompress.media.video import open_video

    for frame, _ in open_video(output):
        yield pixel_checksum(frame.data)
