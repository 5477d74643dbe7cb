"""vaecompress: a learned image and video codec.

    data = vaecompress.encode(array, quality=60)
    image = vaecompress.decode(data)
    print(vaecompress.info(data))

Importing this package imports neither jax nor tensorflow, and the networks' runtime only when it is first needed.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress import errors
from vaecompress.encoder.effort import DEFAULT_EFFORT
from vaecompress.errors import VaecompressError
from vaecompress.limits import Limits
from vaecompress.media.image import Image

__version__ = "0.1.0"
__all__ = ["Image", "Limits", "VaecompressError", "decode", "encode", "errors", "info"]


def encode(
    picture: Image | npt.NDArray[Any],
    quality: int | None = None,
    *,
    size_bytes: int | None = None,
    bpp: float | None = None,
    psnr_db: float | None = None,
    model: str | Path | None = None,
    strip: bool = False,
    threads: int | None = None,
    effort: int = DEFAULT_EFFORT,
) -> bytes:
    """Encode a picture to the bytes of a file.

    ``picture`` is an :class:`Image` or an array [height, width] or [height, width, 1..4] (grey, grey and alpha, RGB,
    RGBA). At most one of ``quality`` (1..100, default 60), ``size_bytes``, ``bpp`` and ``psnr_db`` is the goal.
    ``model`` is a name or the path of a model file. ``effort`` 1..9 is how long to search for a better file of the same
    format; 6 and above need the ``train`` extra. Raises UsageError, InputError, GoalError.
    """
    from vaecompress.encoder.goal import Goal
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.still import ImageEncoder
    from vaecompress.models import registry

    goal = Goal.from_options(quality, size_bytes, bpp, psnr_db)
    image = picture if isinstance(picture, Image) else Image.from_array(np.asarray(picture))
    Limits().check_size(image.width, image.height)
    loaded = registry.load(model, threads=threads)
    return ImageEncoder(loaded).encode(image, goal, strip, prepare(effort, loaded)).data


def decode(
    data: bytes,
    *,
    threads: int | None = None,
    engine: str = "onnxruntime",
    limits: Limits = Limits(),  # noqa: B008
) -> Image:
    """Decode the bytes of an image file: the same pixels on every machine, checked against the file's checksum.

    ``engine`` is ``onnxruntime`` or ``reference`` (plain int64 numpy, slow). Raises CorruptError, UnsupportedError,
    LimitError.
    """
    from vaecompress.bitstream import Container
    from vaecompress.codec.still import ImageCodec
    from vaecompress.models import registry

    with Container.open(data, limits) as container:
        return ImageCodec(registry.find(container.header.model_id, engine, threads)).decode(container)


def info(source: bytes | str | os.PathLike[str]) -> Any:
    """What a file is (:class:`vaecompress.codec.info.Info`), read from its header without running a network."""
    from vaecompress.codec.info import describe

    return describe(source)
