"""This project's own codec, through the same public calls that a user makes."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .peers import Pixels

OWN_NAME = "vaecompress"


@dataclass(frozen=True)
class OwnPeer:
    """``vaecompress.encode`` and ``vaecompress.decode`` with the shipped model."""

    name: str = OWN_NAME
    settings: tuple[float, ...] = (1, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 94, 100)

    @property
    def description(self) -> str:
        """The options in words."""
        return "shipped model, default effort"

    def missing(self) -> None:
        """Always here."""
        return None

    def version(self) -> str:
        """Package version, model id and a digest of the code and models that encode."""
        return f"{version('vaecompress')}+{self._digest}"

    @cached_property
    def _digest(self) -> str:
        import vaecompress

        root = Path(vaecompress.__file__).parent
        digest = hashlib.sha256()
        for folder in ("media", "bitstream", "entropy", "codec", "models"):
            for path in sorted((root / folder).rglob("*")):
                if path.suffix in (".py", ".vcm"):
                    digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Encode at quality ``setting``, 1..100."""
        import vaecompress

        return vaecompress.encode(pixels, quality=int(setting))

    def decode(self, data: bytes) -> Pixels:
        """Decode; a grey picture comes back as RGB."""
        import vaecompress

        pixels = vaecompress.decode(data).pixels
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
