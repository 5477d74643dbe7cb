"""This project's own codec, through the same public calls that a user makes."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.effort import Effort, effort_of
from vaecompress.models.loaded import LoadedModel

from .base import Pixels

OWN_NAME = "vaecompress"
ALL_TOOLS_NAME = "vaecompress-tools"
"""Our codec as it is used, with whatever tool costs least."""

MODEL_SUFFIX = ".vcm"

_NAME = re.compile(r"(.+?)(?:@([0-9]))?(\+ssim)?", re.DOTALL)


class Name(NamedTuple):
    """What a name such as ``vaecompress@5+ssim`` says: the codec or model file, ``--effort`` and ``--tune``."""

    codec: str
    level: int
    tune: str


def split_name(name: str) -> Name:
    """The parts of a name; level and tune are the default ones where it has none."""
    match = _NAME.fullmatch(name)
    assert match
    return Name(match[1], int(match[2] or DEFAULT_EFFORT), "ssim" if match[3] else "psnr")


@dataclass(frozen=True)
class OwnPeer:
    """Our codec with the shipped model, or with the model file that is its name: a path ending in ``.vcm``.

    ``@`` and a digit at the end of the name are a level of ``--effort``, ``+ssim`` is ``--tune ssim``. ``tools`` is
    that of ``--tools``: what is measured of models is measured of networks only.
    """

    name: str = OWN_NAME
    settings: tuple[float, ...] = (1, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 94, 100)
    tools: str = "learned"

    @property
    def description(self) -> str:
        """The options in words."""
        which, name = "shipped model" if self.model is None else "model file", self._name
        return f"{which}, tools {self.tools}, effort {name.level}, tune {name.tune}, quality 1 to 100"

    def missing(self) -> str | None:
        """The command that installs what a search with gradients needs, None if all is here."""
        if effort_of(self._name.level).steps and find_spec("flax") is None:
            return "pip install 'vaecompress[train]'"
        return None

    def version(self) -> str:
        """The package's version and a digest of the code and models that shape the file."""
        return f"{version('vaecompress')}+{self._digest}"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Encode at quality ``setting``, 1..100."""
        import vaecompress

        _, level, tune = self._name
        return vaecompress.encode(
            pixels, quality=int(setting), model=self.model, effort=level, tune=tune, tools=self.tools
        )

    def decode(self, data: bytes) -> Pixels:
        """Decode; a grey picture comes back as RGB."""
        pixels = self._decode(data)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def ideal_bits(self, pixels: Pixels, setting: float) -> float:
        """Of the symbols of latents and hyper-latents under the model's integer tables."""
        from vaecompress.encoder.picture import PictureEncoder
        from vaecompress.entropy.coder import ideal_bits
        from vaecompress.models import registry

        codec = PictureEncoder(registry.load(self.model))
        coded = codec.search(pixels, int(setting), self.effort(codec.model))
        return sum(ideal_bits(*group, codec.model.tables) for group in coded.groups)

    def _decode(self, data: bytes) -> Pixels:
        """With a model file at hand, not only those installed."""
        import vaecompress

        if self.model is None:
            return vaecompress.decode(data).pixels
        from vaecompress.bitstream import Container
        from vaecompress.codec.still import ImageCodec
        from vaecompress.models import registry

        with Container.open(data, vaecompress.Limits()) as container:
            return ImageCodec(registry.load(self.model)).decode(container).pixels

    @property
    def model(self) -> Path | None:
        """The model file that stands in for the shipped model."""
        codec = self._name.codec
        return Path(codec) if codec.endswith(MODEL_SUFFIX) else None

    def effort(self, model: LoadedModel) -> Effort:
        """The effort of this name, ready for ``model``."""
        from vaecompress.encoder.prepare import prepare

        return prepare(self._name.level, model, self._name.tune)

    @property
    def _name(self) -> Name:
        return split_name(self.name)

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in self._sources():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def _sources(self) -> Iterator[Path]:
        import vaecompress

        root = Path(vaecompress.__file__).parent
        yield from sorted(root.rglob("*.py"))
        yield from sorted((root / "models").glob(f"*{MODEL_SUFFIX}")) if self.model is None else [self.model]
