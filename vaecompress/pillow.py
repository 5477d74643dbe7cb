"""Pictures of this codec in Pillow: ``import vaecompress.pillow``, and ``Image.open`` and ``save`` know them.

    from PIL import Image
    import vaecompress.pillow

    Image.open("sample_media/window.png").save("window.vae", quality=60)
    Image.open("window.vae").show()

``save`` takes the keywords of :func:`vaecompress.encode`, and ``icc_profile``, ``exif`` and ``xmp``. Metadata that a
picture was opened with is kept; ``exif=None`` leaves it out. imageio reads and writes pictures through Pillow, so its
``imread``, ``imwrite`` and ``imiter`` know them, too. Videos are not opened.
"""

from typing import IO, Any

import imageio.config
import numpy as np
import PIL.Image
import PIL.ImageFile

from vaecompress import decode, encode
from vaecompress.bitstream import Container, chunks
from vaecompress.bitstream.directory import MAGIC
from vaecompress.errors import VaecompressError
from vaecompress.media.image import Image

FORMAT = "VAE"
MIME = "image/x-vaecompress"
SUFFIX = ".vae"

_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA"}
_PLAIN = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}
_METADATA = {"icc_profile": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP}
_EXIF_PREFIX = b"Exif\0\0"
_OPTIONS = ("quality", "size_bytes", "bpp", "psnr_db", "model", "effort", "threads")


class VaeImageFile(PIL.ImageFile.ImageFile):
    """A picture whose header has been read. Faults of the file are raised as ``OSError``, as Pillow's own are."""

    format = FORMAT
    format_description = "vaecompress picture"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        try:
            with Container.open(self._data) as container:
                header = container.header
                if header.kind != "image":
                    raise SyntaxError("a vaecompress video")
                for key, kind in _METADATA.items():
                    if (entry := container.find(kind)) is not None:
                        self.info[key] = container.read(entry)
        except VaecompressError as error:
            raise OSError(str(error)) from error
        if "exif" in self.info:
            self.info["exif"] = _EXIF_PREFIX + self.info["exif"]
        self.info["quality"] = header.quality
        self._size = header.width, header.height
        self._mode = _MODES[header.channels, header.has_alpha]
        self.tile = []

    def load(self) -> Any:
        """Decode, at the first call. Raises OSError."""
        if self._im is None:
            try:
                image = decode(self._data)
            except VaecompressError as error:
                raise OSError(str(error)) from error
            samples = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
            self.im = PIL.Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples).im
            if self.fp is not None and self._exclusive_fp:  # as Pillow's plugin of WebP does
                self.fp.close()
                self.fp = None
        return PIL.Image.Image.load(self)


def _save(picture: PIL.Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Write a picture. Raises OSError for a mode that has no room in 8-bit grey or RGB."""
    given = picture.encoderinfo
    mode = _target_mode(picture)
    if mode not in _MODES.values():
        raise OSError(f"cannot write mode {mode} as {FORMAT}: convert it to RGB or L first")
    plain = Image.from_array(np.asarray(picture if mode == picture.mode else picture.convert(mode)))
    exif, icc, xmp = (given.get(key, picture.info.get(key)) for key in ("exif", "icc_profile", "xmp"))
    if isinstance(exif, PIL.Image.Exif):
        exif = exif.tobytes()
    exif = exif.removeprefix(_EXIF_PREFIX) if exif else None
    image = Image(plain.pixels, plain.alpha, icc or None, exif, xmp or None)
    try:
        file.write(encode(image, **{key: given[key] for key in _OPTIONS if key in given}))
    except VaecompressError as error:
        raise OSError(str(error)) from error


def _target_mode(picture: PIL.Image.Image) -> str:
    """The mode to write in: palettes become RGB, one bit becomes grey, a transparent colour becomes alpha."""
    mode = _PLAIN.get(picture.mode, picture.mode)
    return {"L": "LA", "RGB": "RGBA"}.get(mode, mode) if "transparency" in picture.info else mode


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def register() -> None:
    """Tell Pillow and imageio."""
    PIL.Image.register_open(FORMAT, VaeImageFile, _accept)
    PIL.Image.register_save(FORMAT, _save)
    PIL.Image.register_extension(FORMAT, SUFFIX)
    PIL.Image.register_mime(FORMAT, MIME)
    known = imageio.config.FileExtension(extension=SUFFIX, priority=["pillow"], name="vaecompress picture")
    if SUFFIX not in imageio.config.known_extensions:
        imageio.config.extension_list.append(known)
        imageio.config.known_extensions[SUFFIX] = [known]


register()
