"""Pictures of AV1 planes under every AV1 decoder at hand: ``python -m vaecompress_eval.trust.av1_decoders STREAM...``.

Prints one hash of all planes for each: Pillow's and PyAV's (dav1d both, as their wheels go) and libaom's, where its
program ``aomdec`` is on the path (Debian: ``apt-get install aom-tools``). The exit code is 1 when two differ, or where
there is but one. ``--sizes`` draws and codes pictures of many sizes and qualities besides.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.features

from vaecompress.bitstream import Container, PicturePayload, Tool, chunks
from vaecompress.codec.tools.av1 import decode_av1, split
from vaecompress.codec.tools.colour import to_planes
from vaecompress.encoder.tools.av1 import avif_quality, encode_plane

Plane = npt.NDArray[np.uint8]
Still = tuple[bytes, int, int]
"""An AV1 still, its height and its width."""

_DELIMITER = b"\x12\0"
SIZES = ((1, 1), (3, 200), (64, 64), (67, 45), (130, 257), (400, 301))
QUALITIES = (1, 30, 60, 100)


def with_pillow(still: Still) -> Plane:
    """As ``vaecompress decode`` does."""
    stream, height, width = still
    return np.asarray(decode_av1(stream, (height, width, 1))[:, :, 0])


def with_pyav(still: Still) -> Plane:
    """With libav's wrapper of dav1d."""
    import av

    context: Any = av.CodecContext.create("libdav1d", "r")
    frames: list[Any] = [*context.decode(av.Packet(still[0])), *context.decode(None)]
    return np.asarray(frames[0].to_ndarray(format="gray"))


def with_aomdec(still: Still) -> Plane:
    """With libaom's own program."""
    stream, height, width = still
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "still.obu", Path(folder) / "still.raw"
        source.write_bytes(_DELIMITER + stream)
        command = ["aomdec", "--rawvideo", "--all-layers", "-o", str(target), str(source)]
        subprocess.run(command, check=True, capture_output=True)
        samples = np.frombuffer(target.read_bytes(), np.uint8)
    return samples[: height * width].reshape(height, width)


def decoders() -> dict[str, Callable[[Still], Plane]]:
    """Those at hand, by name."""
    import av

    found: dict[str, Callable[[Still], Plane]] = {}
    if PIL.features.check("avif"):
        found["Pillow"] = with_pillow
    if "libdav1d" in av.codecs_available:
        found["PyAV"] = with_pyav
    if shutil.which("aomdec"):
        found["aomdec"] = with_aomdec
    return found


def stills_of(stream: bytes) -> Iterator[Still]:
    """The stills of a picture's stream; none for a picture of another tool."""
    with Container.open(stream) as container:
        header, entry = container.header, container.find(chunks.PICTURE)
        payload = None if entry is None else PicturePayload.from_body(container.read(entry))
        if payload is not None and payload.tool is Tool.AV1_PLANES:
            for still in split(payload.coded, header.channels):
                yield still, header.height, header.width


def drawn_stills() -> Iterator[Still]:
    """Of slopes, edges and noise, in many sizes and at many qualities."""
    for height, width in SIZES:
        rows, columns, channel = np.ogrid[:height, :width, :3]
        slopes = 128 + 90 * np.sin((rows + 2 * columns) / (9 + 3 * channel)) + 60 * ((rows // 9 + columns // 7) % 2)
        grain = np.random.default_rng(height).normal(0, 9, (height, width, 3))
        pixels = np.clip(slopes + grain * (columns > width // 2), 0, 255).astype(np.uint8)
        for quality in QUALITIES:
            for plane in to_planes(pixels):
                yield encode_plane(plane, avif_quality(quality)), height, width


def hash_of(stills: Sequence[Still], decode: Callable[[Still], Plane]) -> str:
    """SHA-256 of all planes."""
    digest = hashlib.sha256()
    for still in stills:
        digest.update(np.ascontiguousarray(decode(still)).data)
    return digest.hexdigest()[:16]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("streams", nargs="*", type=Path)
    parser.add_argument("--sizes", action="store_true", help="pictures drawn here, too")
    options = parser.parse_args(arguments)
    stills = [still for path in options.streams for still in stills_of(path.read_bytes())]
    stills += drawn_stills() if options.sizes else []
    print(f"{len(stills)} planes")
    found = {name: hash_of(stills, decode) for name, decode in decoders().items()}
    for name, digest in found.items():
        print(f"{name:<8} {digest}")
    return 0 if stills and len(found) > 1 and len(set(found.values())) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
