"""Pictures of this codec in Pillow: ``import vaecompress.pillow``, and ``Image.open`` and ``save`` know them.

    from PIL import Image
    import vaecompress.pillow

    Image.open("sample_media/window.png").save("window.vae", quality=60)
    Image.open("window.vae").show()

``save`` takes the keywords of :func:`vaecompress.encode`, and ``icc_profile``, ``exif`` and ``xmp``. Metadata that a
picture was opened with is kept; ``exif=None`` leaves it out. Videos are not opened. imageio's ``imread``, ``imwrite``
and ``imiter`` know both kinds of files then, too (:mod:`vaecompress.imageio`).
"""

from dataclasses import replace
from typing import IO, Any

import imageio.config
import PIL.Image
import PIL.ImageFile

from vaecompress import decode, encode
from vaecompress.bitstream import Container, chunks
from vaecompress.bitstream.directory import MAGIC
from vaecompress.errors import VaecompressError
from vaecompress.media.formats.pillow import from_pillow, to_pillow

FORMAT = "VAE"
MIME = "image/x-vaecompress"
SUFFIX = ".vae"
IMAGEIO_NAME = "vaecompress"

_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA"}
_FIELDS = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp"}
_METADATA = {"icc_profile": chunks.ICC, "exif": chunks.EXIF, "xmp": chunks.XMP}
_EXIF_PREFIX = b"Exif\0\0"
_OPTIONS = (
    *("quality", "size_bytes", "bpp", "psnr_db", "model", "effort", "tune", "threads"),
    *("lossless", "tools", "exact_alpha"),
)


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
                self.im = to_pillow(decode(self._data)).im
            except VaecompressError as error:
                raise OSError(str(error)) from error
            if self.fp is not None and self._exclusive_fp:  # as Pillow's plugin of WebP does
                self.fp.close()
                self.fp = None
        return PIL.Image.Image.load(self)


def _save(picture: PIL.Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Write a picture. Raises OSError for what is not carried, and for a goal out of reach."""
    given = picture.encoderinfo
    try:
        metadata: dict[str, Any] = {_FIELDS[key]: _block(given[key]) for key in _FIELDS if key in given}
        image = replace(from_pillow(picture, exact=bool(given.get("lossless"))), **metadata)
        file.write(encode(image, **{key: given[key] for key in _OPTIONS if key in given}))
    except VaecompressError as error:
        raise OSError(str(error)) from error


def _block(block: "bytes | PIL.Image.Exif | None") -> bytes | None:
    data = block.tobytes() if isinstance(block, PIL.Image.Exif) else block
    return data.removeprefix(_EXIF_PREFIX) or None if data else None


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def register() -> None:
    """Tell Pillow and imageio."""
    PIL.Image.register_open(FORMAT, VaeImageFile, _accept)
    PIL.Image.register_save(FORMAT, _save)
    PIL.Image.register_extension(FORMAT, SUFFIX)
    PIL.Image.register_mime(FORMAT, MIME)
    imageio.config.known_plugins[IMAGEIO_NAME] = imageio.config.PluginConfig(
        name=IMAGEIO_NAME, class_name="VaePlugin", module_name="vaecompress.imageio"
    )
    known = imageio.config.FileExtension(extension=SUFFIX, priority=[IMAGEIO_NAME], name="vaecompress picture or video")
    if SUFFIX not in imageio.config.known_extensions:
        imageio.config.extension_list.append(known)
        imageio.config.known_extensions[SUFFIX] = [known]


register()
