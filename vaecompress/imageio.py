"""Pictures and videos of this codec in imageio's v3: ``import vaecompress.pillow``, and it knows them.

    import imageio.v3 as iio
    import vaecompress.pillow

    iio.imwrite("clip.vae", iio.imiter("sample_media/cat.mp4"), fps=24, quality=50)
    for frame in iio.imiter("clip.vae"): ...
    frame = iio.imread("clip.vae", index=10)

``imwrite`` makes a picture of an array of two or three axes, a video of one of four, of a list, and of frames that come
one by one. Its keywords are those of :func:`vaecompress.encode` or :func:`vaecompress.encode_video`. ``imread`` gives a
picture, or all frames of a video stacked; with ``index``, one frame. Faults of a file are raised as ``OSError``.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import EllipsisType
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from imageio.core.request import RETURN_BYTES, InitializationError, IOMode, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3

import vaecompress
from vaecompress.bitstream import Container
from vaecompress.errors import CorruptError, VaecompressError
from vaecompress.files import write_atomically

Samples = npt.NDArray[np.uint8]
Index = int | EllipsisType | None
P = ParamSpec("P")
R = TypeVar("R")


def _told_as_os_errors(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except VaecompressError as error:
            raise OSError(str(error)) from error

    return told


class VaePlugin(PluginV3):  # type: ignore[misc]
    """Opens one file."""

    def __init__(self, request: Request) -> None:
        """Raises InitializationError for what is no file of this codec."""
        super().__init__(request)
        self._path = Path(request.get_local_filename())
        if request.mode.io_mode == IOMode.read:
            try:
                with Container.open(self._path) as container:
                    self._header, self._count = container.header, len(container.frames)
            except CorruptError as error:
                raise InitializationError(str(error)) from error

    @property
    def _is_video(self) -> bool:
        return self._header.kind == "video"

    @_told_as_os_errors
    def read(self, *, index: Index = None) -> Samples:
        """A picture, or frame ``index`` of a video; with ``...``, and by default of a video, all frames stacked."""
        if isinstance(index, int):
            if not -self._frames <= index < self._frames:
                raise ValueError(f"index {index} is outside of the {self._frames} frames")
            start = index % self._frames
            return next(self.iter(start=start))
        if index is None and not self._is_video:
            return next(self.iter())
        return np.stack(list(self.iter()))

    def iter(self, *, start: int = 0) -> Iterator[Samples]:
        """The picture, or the frames of a video from ``start`` on, one by one."""
        if not self._is_video:
            image = _told_as_os_errors(vaecompress.decode)(self._path)
            samples = np.asarray(image)
            yield samples if samples.shape[2] > 1 else samples[:, :, 0]
            return
        try:
            with vaecompress.open_video(self._path) as video:
                yield from (frame.pixels for frame in video.frames(start))
        except VaecompressError as error:
            raise OSError(str(error)) from error

    @_told_as_os_errors
    def write(self, ndimage: Any, **options: Any) -> bytes | None:
        """Write a picture or a video; returns its bytes where imageio was given the target ``<bytes>``."""
        if isinstance(ndimage, np.ndarray) and ndimage.ndim < 4:
            write_atomically(self._path, vaecompress.encode(ndimage, **options))
        else:
            vaecompress.encode_video(ndimage, self._path, **options)
        return self._path.read_bytes() if self.request.raw_uri == RETURN_BYTES else None

    def properties(self, index: Index = None) -> ImageProperties:
        """Shape and type of what :meth:`read` would give."""
        header, channels = self._header, self._header.channels
        if header.grey_as_rgb or self._is_video:
            channels = 3
        channels += header.has_alpha
        shape: tuple[int, ...] = (header.height, header.width, channels)[: 2 if channels == 1 else 3]
        stacked = index is ... or (index is None and self._is_video)
        if stacked:
            shape = (self._frames, *shape)
        return ImageProperties(shape, np.dtype(np.uint8), self._frames if stacked else None, stacked)

    @_told_as_os_errors
    def metadata(self, index: Index = None, exclude_applied: bool = True) -> dict[str, Any]:
        """Quality and model; of a video its rate and length too, as :func:`vaecompress.info` tells them."""
        found = vaecompress.info(self._path)
        told: dict[str, Any] = {"quality": found.quality, "model": found.model}
        if found.duration_s:
            told |= {"fps": found.frames / found.duration_s, "duration": found.duration_s}
        return told

    @property
    def _frames(self) -> int:
        return self._count or 1
