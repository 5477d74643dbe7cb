"""A model to look into: latents, likelihoods and files of pictures of any size, without jax.

model = vaecompress.load("base")
data = model.compress("sample_media/coffee.png", quality=60)
print(model.likelihoods("sample_media/coffee.png", 60).bits)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vaecompress.arguments import check_integers, file_of, image_of
from vaecompress.bitstream import Container
from vaecompress.codec.likelihoods import Likelihoods, bits_by_part, likelihoods
from vaecompress.codec.still import ImageCodec
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.latents import TARGET_UNIT
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.prepare import prepare
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.tools.file import Encoded, StillFile
from vaecompress.encoder.tools.webp import encode_lossless
from vaecompress.errors import UnsupportedError
from vaecompress.format import DEFAULT_QUALITY
from vaecompress.limits import Limits
from vaecompress.media.image import Image
from vaecompress.models.loaded import LoadedModel

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measured(Encoded):
    """An encoded picture and what was measured of it.

    ``data`` is the file; ``bpp`` counts all of it; ``psnr_db`` is over all samples but alpha; ``bits`` are those of its
    parts, and add up to the whole file (:func:`vaecompress.codec.likelihoods.bits_by_part`).
    """

    bits: dict[str, float]


class Model:
    """One model. ``name`` and ``card`` are what its file says, ``model_id`` (hex) is how streams name it.

    Pictures are in any form that :func:`vaecompress.encode` takes, of any size: sides are padded here.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self.name, self.card, self.model_id = loaded.name, loaded.file.card, loaded.model_id.hex()

    def analyse(self, picture: Any, quality: int = DEFAULT_QUALITY) -> tuple[Floats, Floats]:
        """Latents y [M, h, w] in quantisation steps, and hyper-latents z [Z, h/4, w/4], before rounding.

        One position of y stands for 16x16 pixels; h and w are multiples of 4. Raises as :func:`vaecompress.encode`.

            >>> y, z = vaecompress.load("tiny").analyse("sample_media/coffee.png", quality=60)
            >>> y.shape, z.shape
            ((48, 28, 40), (16, 7, 10))
        """
        pixels = StillFile(checked(picture, Goal(quality=quality))).pixels
        y, z = PictureEncoder(self._loaded).analyse(pixels, quality)
        return y[0].astype(np.float32) / TARGET_UNIT, z[0]

    def likelihoods(self, picture: Any, quality: int = DEFAULT_QUALITY, effort: int = DEFAULT_EFFORT) -> Likelihoods:
        """How likely every latent is that :meth:`compress` writes: measured on the coded file, so they agree.

        With ``effort=0`` the latents are those of :meth:`analyse`, rounded; above, the encoder moves them to where
        rate and error are least. Raises as :func:`vaecompress.encode`.

            >>> p = vaecompress.load("tiny").likelihoods("sample_media/coffee.png", quality=60)
            >>> p.y.shape, sorted(p.bits)
            ((48, 28, 40), ['hyper_latents', 'latents', 'planes'])
        """
        pixels = StillFile(checked(picture, Goal(quality=quality))).pixels
        coded = PictureEncoder(self._loaded).encode(pixels, quality, prepare(effort, self._loaded))
        return likelihoods(coded.payload, pixels.shape[0], pixels.shape[1], quality, self._loaded)

    def compress(self, picture: Any, quality: int = DEFAULT_QUALITY, effort: int = DEFAULT_EFFORT) -> bytes:
        """The bytes of a file, as :func:`vaecompress.encode` with ``tools="learned"`` makes it. Raises as that does.

        >>> len(vaecompress.load("tiny").compress("sample_media/coffee.png", quality=5)) < 20_000
        True
        """
        return self.encoded(picture, Goal(quality=quality), effort).data

    def decompress(self, source: Any) -> Image:
        """The picture of a file of this model: its bytes, its path, or a binary file.

        Raises UnsupportedError for one of another model, else as :func:`vaecompress.decode`.

            >>> model = vaecompress.load("tiny")
            >>> model.decompress(model.compress("sample_media/coffee.png")).pixels.shape
            (400, 600, 3)
        """
        with Container.open(file_of(source)) as container:
            if (named := container.header.model_id.hex()) != self.model_id:
                raise UnsupportedError(f"the stream names model {named}, this one is '{self.name}', {self.model_id}")
            return ImageCodec(self._loaded).decode(container)

    def encoded(
        self,
        picture: Any,
        goal: Goal,
        effort: int = DEFAULT_EFFORT,
        strip: bool = False,
        tune: str = "psnr",
        other_tools: bool = False,
        exact_alpha: bool = False,
    ) -> Encoded:
        """A picture encoded to any goal. Raises as :func:`vaecompress.encode`."""
        image = checked(picture, goal, strip)
        prepared = prepare(effort, self._loaded, tune)
        return ImageEncoder(self._loaded).encode(
            image, goal, strip, prepared, other_tools=other_tools, exact_alpha=exact_alpha
        )

    def measured(self, encoded: Encoded) -> Measured:
        """What the parts of a picture take that this model encoded."""
        return measure(encoded, self._loaded)


def encode_without_loss(picture: Any, strip: bool = False) -> Encoded:
    """A picture of which every sample comes back. Raises as :func:`vaecompress.encode`."""
    return encode_lossless(checked(picture, strip=strip, exact=True), strip)


def measure(encoded: Encoded, loaded: LoadedModel | None = None) -> Measured:
    """What the parts of an encoded picture take; ``loaded`` is its model, where it has one."""
    with Container.open(encoded.data) as container:
        return Measured(**vars(encoded), bits=bits_by_part(container, loaded))


def checked(picture: Any, goal: Goal | None = None, strip: bool = False, exact: bool = False) -> Image:
    """A picture in any form as an image within the limits, no sample reduced where it is to be ``exact``.

    Raises UsageError, InputError or LimitError.
    """
    check_integers(quality=goal.quality if goal else None)
    image, limits = image_of(picture, exact), Limits()
    limits.check_size(image.width, image.height)
    limits.check_metadata(0 if strip else image.metadata_bytes)
    return image
