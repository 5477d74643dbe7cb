"""vaecompress: a learned image and video codec.

    data = vaecompress.encode(array, quality=60)
    image = vaecompress.decode(data)
    vaecompress.write(image, "picture.vae", quality=60)
    print(vaecompress.info("picture.vae"))

Videos go frame by frame (:func:`open_video`, :func:`encode_video`); :func:`load` opens a model for research. Importing
this package imports neither jax nor tensorflow, and numpy and the networks' runtime only when they are first needed.
"""

import os
import warnings
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, overload

from vaecompress import errors
from vaecompress.defaults import DEFAULT_EFFORT, DEFAULT_GROUP
from vaecompress.errors import VaecompressError
from vaecompress.limits import Limits

if TYPE_CHECKING:
    from vaecompress.codec.info import Info
    from vaecompress.encoder.video import VideoReport
    from vaecompress.media.image import Image
    from vaecompress.research import Measured, Model
    from vaecompress.videos import Video

__version__ = "0.1.0"
__all__ = [
    "Image",
    "Limits",
    "VaecompressError",
    "decode",
    "encode",
    "encode_video",
    "errors",
    "info",
    "load",
    "open_video",
    "read",
    "write",
]


@overload
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
    exact_alpha: bool = False,
    measured: Literal[False] = False,
) -> bytes: ...


@overload
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
    exact_alpha: bool = False,
    measured: Literal[True],
) -> "Measured": ...


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
    exact_alpha: bool = False,
    measured: bool = False,
) -> "bytes | Measured":
    """Encode a picture to the bytes of a file; with ``measured``, return what they cost and kept besides.

    ``picture`` is an :class:`Image`, an array [height, width] or [height, width, 1..4] (grey, grey and alpha, RGB,
    RGBA), a Pillow picture, or a picture file: its path, its bytes, or a binary file object. What is reduced or left
    out is warned of, and a picture that comes back far worse than usual. At most one of ``quality`` (1..100, default
    60), ``size_bytes``, ``bpp`` and ``psnr_db`` is the goal. ``model`` is a name or the path of a model file.
    ``effort`` 0..9 is how long to search for a better file of the same format; 6 and above need the ``train`` extra.
    ``tune`` is what it minimises: squared error (``"psnr"``), or what SSIM sees of it (``"ssim"``). ``lossless`` keeps
    every sample, whatever it takes, and goes with no goal. ``tools`` "learned" leaves all to the networks; "all" codes
    by other means what they code badly. Colours under alpha 0 are kept with ``exact_alpha`` only. Raises UsageError,
    InputError, LimitError, GoalError.

        >>> file = vaecompress.encode("sample_media/coffee.png", 60, model="tiny", measured=True)
        >>> file.quality, file.psnr_db > 25, sum(file.bits.values()) == 8 * len(file.data)
        (60, True, True)
    """
    from vaecompress.arguments import check_integers, check_numbers, check_tools
    from vaecompress.encoder.goal import Goal
    from vaecompress.research import encode_without_loss, measure

    check_integers(quality=quality, size_bytes=size_bytes, threads=threads)
    check_numbers(bpp=bpp, psnr_db=psnr_db)
    check_tools(tools, lossless, (quality, size_bytes, bpp, psnr_db))
    goal = Goal.from_options(quality, size_bytes, bpp, psnr_db)
    if lossless:
        encoded = encode_without_loss(picture, strip)
        return measure(encoded) if measured else encoded.data
    codec = load(model, threads=threads)
    encoded = codec.encoded(picture, goal, effort, strip, tune, tools == "all", exact_alpha)
    for note in encoded.notes:
        warnings.warn(note, stacklevel=2)
    return codec.measured(encoded) if measured else encoded.data


def decode(
    source: Any,
    *,
    threads: int | None = None,
    engine: str = "auto",
    limits: Limits = Limits(),  # noqa: B008
) -> "Image":
    """Decode an image file: the same pixels on every machine, checked against the file's checksum.

    ``source`` is its bytes (any bytes-like object), its path, or a binary file object. ``engine`` is ``onnxruntime``,
    ``openvino`` (the ``fast`` extra), ``auto`` (the second of them where it repays its start) or ``reference`` (plain
    int64 numpy, slow). Raises UsageError, InputError, CorruptError, UnsupportedError, LimitError.

        >>> image = vaecompress.decode(vaecompress.encode("sample_media/coffee.png", model="tiny"))
        >>> image.pixels.shape, image.to_pil().size
        ((400, 600, 3), (600, 400))
    """
    from vaecompress.arguments import check_integers, file_of
    from vaecompress.bitstream import Container
    from vaecompress.codec.still import decode_image
    from vaecompress.models import registry

    check_integers(threads=threads)
    with Container.open(file_of(source), limits) as container:
        return decode_image(container, lambda model_id: registry.find(model_id, engine, threads))


def read(source: Any, limits: Limits = Limits()) -> "Image":  # noqa: B008
    """Read a picture: a file of this codec, or a PNG, JPEG, WebP, AVIF, TIFF ...; what is reduced is warned of.

    ``source`` is its path, its bytes or a binary file object. Raises InputError, LimitError, and as :func:`decode`.

        >>> vaecompress.read("sample_media/camera.png").pixels.shape
        (512, 512, 1)
    """
    from vaecompress.arguments import file_of
    from vaecompress.bitstream.directory import MAGIC
    from vaecompress.media.image_read import read_image

    file = file_of(source)
    if isinstance(file, Path) and file.is_file():
        with file.open("rb") as opened:
            start = opened.read(len(MAGIC))
    else:
        start = b"" if isinstance(file, Path) else file[: len(MAGIC)]
    if start == MAGIC:
        return decode(file, limits=limits)
    image, notes = read_image(file, limits)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return image


def write(picture: Any, path: str | os.PathLike[str], quality: int | None = None, **options: Any) -> None:
    """Write a picture file: of this codec where the suffix is ``.vae`` or ``.bin``, else as the suffix says.

    ``picture`` is in any form that :func:`encode` takes; ``quality`` and ``options`` are those of that function, for
    files of this codec only. Raises UsageError, OutputError, and as :func:`encode`.

        >>> vaecompress.write("sample_media/coffee.png", folder / "coffee.vae", quality=30, model="tiny")
        >>> vaecompress.write(vaecompress.read(folder / "coffee.vae"), folder / "back.png")
    """
    from vaecompress.arguments import image_of
    from vaecompress.files import write_atomically
    from vaecompress.media.suffixes import STREAM_SUFFIXES

    target = Path(path)
    if target.suffix.lower() in STREAM_SUFFIXES:
        write_atomically(target, encode(picture, quality, **{**options, "measured": False}))
    elif quality is not None or options:
        raise errors.UsageError(f"{target}: a quality is for files of this codec: name it .vae or .bin")
    else:
        image_of(picture).save(target)


def open_video(
    source: Any,
    fps: Fraction | None = None,
    *,
    threads: int | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> "Video":
    """Open a video to read it frame by frame: a file of this codec, another video, an animation, a folder of pictures.

    ``source`` is a path, a list of picture files, or a file of this codec as bytes or as a binary file object. ``fps``
    is the rate of a folder or list, 24 unless given. Raises UsageError, InputError, LimitError, CorruptError,
    UnsupportedError.

        >>> with vaecompress.open_video("sample_media/cat.mp4") as video:
        ...     shapes = {frame.pixels.shape for frame in video.frames(0, 3)}
        >>> shapes == {(video.height, video.width, 3)}
        True
    """
    from vaecompress import videos

    return videos.open_video(source, fps, threads, limits)


def encode_video(
    frames: Any,
    target: str | os.PathLike[str] | BinaryIO,
    quality: int | None = None,
    *,
    size_bytes: int | None = None,
    bpp: float | None = None,
    psnr_db: float | None = None,
    kbps: float | None = None,
    fps: Fraction | float | None = None,
    group: int = DEFAULT_GROUP,
    model: str | Path | None = None,
    effort: int = DEFAULT_EFFORT,
    threads: int | None = None,
) -> "VideoReport":
    """Encode a video to a file, at constant memory; returns what was measured: size, rate, mean PSNR, notes.

    ``frames`` are pictures one by one (each in any form that :func:`encode` takes, all of one size, ``fps`` of them a
    second, 24 unless given), a :class:`vaecompress.videos.Video`, or what :func:`open_video` opens. ``target`` is a
    path, or a seekable binary file. At most one of ``quality`` (1..100, default 60), ``size_bytes``, ``bpp``,
    ``psnr_db`` (the frames' mean) and ``kbps`` (without sound) is the goal; all but a quality read the frames several
    times, so an iterator will not do. ``group`` is how often a frame is coded on its own; more than 1 needs the
    ``video`` extra, without which each is. Raises UsageError, InputError, LimitError, GoalError, OutputError.

        >>> frames = (np.full((32, 48, 3), 40 * index, np.uint8) for index in range(3))
        >>> vaecompress.encode_video(frames, folder / "clip.vae", quality=30, fps=10, model="tiny").frames
        3
        >>> with vaecompress.open_video(folder / "clip.vae") as video:
        ...     [video.seconds(frame) for frame in video]
        [0.0, 0.1, 0.2]
    """
    from vaecompress import videos
    from vaecompress.arguments import check_integers, check_numbers
    from vaecompress.encoder.goal import Goal

    check_integers(quality=quality, size_bytes=size_bytes, group=group, threads=threads)
    check_numbers(bpp=bpp, psnr_db=psnr_db, kbps=kbps, fps=fps)
    goal = Goal.from_options(quality, size_bytes, bpp, psnr_db, kbps)
    return videos.encode(frames, target, goal, fps, group, model, effort, threads)


def load(model: str | Path | None = None, *, threads: int | None = None) -> "Model":
    """A model by name or path (the default one where none is named), to look into.

    Raises UsageError where there is none, CorruptError where its file is damaged.

        >>> vaecompress.load("tiny").name
        'tiny'
    """
    from vaecompress.models import registry
    from vaecompress.research import Model

    return Model(registry.load(model, threads=threads))


def info(source: bytes | str | os.PathLike[str]) -> "Info":
    """What a file is, read from its header without running a network. Raises as :func:`decode`.

    >>> found = vaecompress.info(vaecompress.encode("sample_media/camera.png", 20, model="tiny"))
    >>> found.kind, found.width, found.channels, found.quality
    ('image', 512, 1, 20)
    """
    from vaecompress.codec.info import describe

    return describe(source)


def __getattr__(name: str) -> Any:
    if name == "Image":
        from vaecompress.media.image import Image

        return Image
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
