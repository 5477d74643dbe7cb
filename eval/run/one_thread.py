"""One thread of one checkout of this project codes a picture, whenever it is asked to.

``python -m vaecompress_eval.run.one_thread EFFORT ENGINE PICTURE FILE``, started by ``pairs`` with the codec of a
checkout on its path: an older one's, too, so that nothing is imported here that might not fit it. With an effort the
picture is encoded to the file, without one (``-``) the file is decoded. The networks are made ready by the picture's
corner, or by the whole file; an empty line says so. Each line that comes makes it code once, and answer with JSON.
"""

import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from .one_file import peak_bytes

QUALITY = 60
CORNER = (512, 768)
Work = Callable[[], float | None]
"""Codes once; returns the PSNR of what was encoded."""


def main() -> None:
    """Read arguments, get ready, and answer lines."""
    effort, engine, picture, file = sys.argv[1:]
    work = decoding(engine, Path(file)) if effort == "-" else encoding(int(effort), engine, Path(picture), Path(file))
    print(flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        psnr_db = work()
        seconds = time.process_time() - started
        told = {"seconds": seconds, "peak": peak_bytes(), "size": Path(file).stat().st_size, "psnr_db": psnr_db}
        print(json.dumps(told), flush=True)


def encoding(effort: int, engine: str, picture: Path, file: Path) -> Work:
    """What encodes ``picture`` to ``file``."""
    from vaecompress.encoder.goal import Goal
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.still import ImageEncoder
    from vaecompress.media.image import Image

    loaded = model(engine)
    codec, level = ImageEncoder(loaded), prepare(effort, loaded)
    as_used: dict[str, Any] = (
        {"other_tools": True} if "other_tools" in inspect.signature(codec.encode).parameters else {}
    )
    with PillowImage.open(picture) as opened:
        pixels = np.asarray(opened.convert("RGB"))

    def encode(some: Any) -> float:
        found: Any = codec.encode(Image(some), Goal(quality=QUALITY), effort=level, **as_used)
        file.write_bytes(found.data)
        return float(found.psnr_db)

    encode(np.ascontiguousarray(pixels[: CORNER[0], : CORNER[1]]))
    return lambda: encode(pixels)


def decoding(engine: str, file: Path) -> Work:
    """What decodes ``file``."""
    from vaecompress.bitstream import Container
    from vaecompress.codec.still import ImageCodec
    from vaecompress.limits import Limits

    codec = ImageCodec(model(engine))

    def decode() -> None:
        with Container.open(file.read_bytes(), Limits()) as container:
            codec.decode(container)

    decode()
    return decode


def model(engine: str) -> Any:
    """The default model on one thread."""
    from vaecompress.models import registry

    return registry.load(engine=engine, threads=1)


if __name__ == "__main__":
    main()
