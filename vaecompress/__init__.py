"""vaecompress: a learned image and video codec.

    data = vaecompress.encode(array, quality=60)
    image = vaecompress.decode(data)
    print(vaecompress.info(data))

Importing this package imports neither jax nor tensorflow, and the networks' runtime only when it is first needed.
"""

import os
from pathlib import Path
from typing import Any

from vaecompress import errors
from vaecompress.encoder.effort import DEFAULT_EFFORT
from vaecompress.errors import VaecompressError
from vaecompress.limits import Limits
from vaecompress.media.image import Image

__version__ = "0.1.0"
__all__ = ["Image", "Limits", "VaecompressError", "decode", "encode", "errors", "info"]


def encode(
    picture: Any,
    quality: int | None = None,
    *,
    size_bytes: int | None = None,
    bpp: float | None = None,
    psnr_db: float | None = None,
    model: str | Path | None = None,
    strip: bool = False,
    threads: int | None = None,
    effort: int = DEFAULT_EFFORT,
    tune: str = "psnr",
    lossless: bool = False,
    tools: str = "all",
) -> bytes:
    """Encode a picture to the bytes of a file.

    ``picture`` is an :class:`Image`, an array [height, width] or [height, width, 1..4] (grey, grey and alpha, RGB,
    RGBA), a Pillow picture, or a picture file: its path, its bytes, or a binary file object. What is reduced or left
    out is warned of. At most one of ``quality`` (1..100, default 60), ``size_bytes``, ``bpp`` and ``psnr_db`` is the
    goal. ``model`` is a name or the path of a model file. ``effort`` 1..9 is how long to search for a better file of
    the same format; 6 and above need the ``train`` extra. ``tune`` is what it minimises: squared error (``"psnr"``), or
    what SSIM sees of it (``"ssim"``). ``lossless`` keeps every sample, whatever it takes, and goes with no goal.
    ``tools`` "learned" leaves all to the networks; "all" codes by other means what they code badly. Raises UsageError,
    InputError, LimitError, GoalError.
    """
    from vaecompress.arguments import check_integers, check_numbers, check_tools, image_of
    from vaecompress.encoder.goal import Goal
    from vaecompress.encoder.prepare import prepare
    from vaecompress.encoder.still import ImageEncoder
    from vaecompress.encoder.tools.webp import encode_lossless
    from vaecompress.models import registry

    check_integers(quality=quality, size_bytes=size_bytes, threads=threads, effort=effort)
    check_numbers(bpp=bpp, psnr_db=psnr_db)
    check_tools(tools, lossless, (quality, size_bytes, bpp, psnr_db))
    goal = Goal.from_options(quality, size_bytes, bpp, psnr_db)
    image = image_of(picture, exact=lossless)
    Limits().check_size(image.width, image.height)
    Limits().check_metadata(0 if strip else image.metadata_bytes)
    if lossless:
        return encode_lossless(image, strip).data
    loaded = registry.load(model, threads=threads)
    encoder, prepared = ImageEncoder(loaded), prepare(effort, loaded, tune)
    return encoder.encode(image, goal, strip, prepared, other_tools=tools == "all").data


def decode(
    source: Any,
    *,
    threads: int | None = None,
    engine: str = "onnxruntime",
    limits: Limits = Limits(),  # noqa: B008
) -> Image:
    """Decode an image file: the same pixels on every machine, checked against the file's checksum.

    ``source`` is its bytes (any bytes-like object), its path, or a binary file object. ``engine`` is ``onnxruntime`` or
    ``reference`` (plain int64 numpy, slow). Raises UsageError, InputError, CorruptError, UnsupportedError, LimitError.
    """
    from vaecompress.arguments import check_integers, file_of
    from vaecompress.bitstream import Container
    from vaecompress.codec.still import decode_image
    from vaecompress.models import registry

    check_integers(threads=threads)
    with Container.open(file_of(source), limits) as container:
        return decode_image(container, lambda model_id: registry.find(model_id, engine, threads))


def info(source: bytes | str | os.PathLike[str]) -> Any:
    """What a file is (:class:`vaecompress.codec.info.Info`), read from its header without running a network."""
    from vaecompress.codec.info import describe

    return describe(source)
