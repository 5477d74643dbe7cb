"""Makes the golden streams of a release: ``python tests/golden/golden_streams.py [--force] [MODEL...]``.

One folder a release, named by its version: small streams of each shipped model, and what they decode to in a record.
Once released, a stream and its line are never changed: they decode forever, to the same pixels. So a stream that exists
is left alone; ``--force`` replaces it, which is for the time before a release only.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from vaecompress_eval.trust.torture import picture, video_stream

import vaecompress
from vaecompress.bitstream import Container
from vaecompress.codec.still import decode_image
from vaecompress.codec.video import decode_video
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.tools.choice import encode_planes
from vaecompress.encoder.tools.file import StillFile
from vaecompress.encoder.tools.webp import encode_lossless
from vaecompress.media.image import Image
from vaecompress.models import installed, registry
from vaecompress.models.loaded import LoadedModel

FOLDER = Path(__file__).parent
RECORD = "pixels.json"
TOOLS = "tools"
"""In place of a model: the tools that take none."""

WIDTH, HEIGHT = 67, 45


def golden_streams(model: LoadedModel) -> Iterator[tuple[str, bytes]]:
    """A name and a stream of every kind of content, each at the quality that its name ends with."""
    colour, grey, alpha = picture(WIDTH, HEIGHT, 3), picture(WIDTH, HEIGHT, 1), picture(WIDTH, HEIGHT, 1, 1)[:, :, 0]
    images = [(f"rgb_q{quality}", Image(colour), quality) for quality in (1, 60, 100)]
    images += [(f"grey_q{quality}", Image(grey), quality) for quality in (1, 100)]
    images += [
        ("alpha_metadata_q60", Image(colour, alpha, icc=b"profile", exif=b"II*\0", xmp=b"<x/>"), 60),
        ("grey_alpha_q60", Image(grey, alpha), 60),
        ("one_pixel_q60", Image(colour[:1, :1]), 60),
        ("two_tiles_q1", Image(picture(1030, 20, 3)), 1),
    ]
    for name, image, quality in images:
        yield name, ImageEncoder(model).encode(image, Goal(quality=quality)).data
    for quality in (1, 60, 100):
        yield f"video_q{quality}", video_stream(model, 40, 28, 3, quality)


def tool_streams() -> Iterator[tuple[str, bytes]]:
    """A name and a stream of every kind of content that the tools other than networks code."""
    colour, grey, alpha = picture(WIDTH, HEIGHT, 3), picture(WIDTH, HEIGHT, 1), picture(WIDTH, HEIGHT, 1, 1)[:, :, 0]
    for name, image in {
        "rgb": Image(colour),
        "grey": Image(grey),
        "alpha_metadata": Image(colour, alpha, icc=b"profile", exif=b"II*\0", xmp=b"<x/>"),
        "grey_alpha": Image(grey, alpha),
        "grey_as_rgb": Image(np.repeat(grey, 3, axis=2)),
        "one_pixel": Image(colour[:1, :1]),
    }.items():
        yield f"webp-lossless_{name}", encode_lossless(image).data
        yield f"av1-planes_{name}", encode_planes(StillFile(image), Goal(quality=40)).data


def describe(data: bytes, engine: str = "onnxruntime") -> dict[str, Any]:
    """What a stream decodes to: its model, its size and the SHA-256 of its pixels, and of its alpha plane."""
    with Container.open(data) as container:
        header = container.header
        find = partial(registry.find, engine=engine, threads=1)
        record: dict[str, Any] = {"model_id": header.model_id.hex(), "size": [header.width, header.height]}
        if header.kind == "video":
            record["frames"] = [_hash(frame.pixels) for frame in decode_video(container, find(header.model_id))]
            return record
        image = decode_image(container, find)
        record["pixels"] = _hash(image.pixels)
        if image.alpha is not None:
            record["alpha"] = _hash(image.alpha)
        return record


def _hash(samples: npt.NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(samples).data).hexdigest()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="the shipped models and tools by default")
    parser.add_argument("--force", action="store_true", help="replace what exists; only before a release")
    options = parser.parse_args()
    folder = FOLDER / vaecompress.__version__
    folder.mkdir(exist_ok=True)
    record_path = folder / RECORD
    record = json.loads(record_path.read_text()) if record_path.exists() else {}
    for name in options.models or [*(path.stem for path in sorted(installed.SHIPPED.glob("*.vcm"))), TOOLS]:
        streams = tool_streams() if name == TOOLS else golden_streams(registry.load(name, threads=1))
        for content, data in streams:
            path = folder / (f"{content}.bin" if name == TOOLS else f"{name}_{content}.bin")
            if path.exists() and not options.force:
                print(f"{path.name} exists, left alone")
                continue
            path.write_bytes(data)
            record[path.name] = describe(data)
            print(f"{path.name} {len(data)} bytes")
    record_path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
