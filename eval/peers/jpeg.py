"""Better JPEG encoders than Pillow's, from small packages of their own; any JPEG decoder reads their files."""

import io
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version as package_version
from importlib.util import find_spec

import numpy as np
from PIL import Image

from .base import Pixels


@dataclass(frozen=True)
class Jpegli:
    """Google's jpegli as pyjpegli offers it."""

    name: str = "jpegli"
    description: str = "jpegli, 4:2:0"
    settings: tuple[float, ...] = (5, 15, 25, 35, 45, 55, 65, 75, 82, 88, 92, 95)

    def missing(self) -> str | None:
        """It is one module."""
        return None if find_spec("pyjpegli") else "pip install pyjpegli"

    def version(self) -> str:
        """The package's."""
        return f"pyjpegli {package_version('pyjpegli')}"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Encode at quality ``setting``, 1..100."""
        height, width, _ = pixels.shape
        return bytes(import_module("pyjpegli").encode(pixels.tobytes(), width, height, int(setting)))

    def decode(self, data: bytes) -> Pixels:
        """Decode with Pillow."""
        return _decode_jpeg(data)


@dataclass(frozen=True)
class Mozjpeg:
    """libjpeg-turbo's coefficients in mozjpeg's order of scans: the same pixels in a few percent fewer bytes."""

    name: str = "mozjpeg"
    description: str = "libjpeg-turbo 4:4:4, scans optimised by mozjpeg"
    settings: tuple[float, ...] = (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)

    def missing(self) -> str | None:
        """It is one package."""
        return None if find_spec("mozjpeg_lossless_optimization") else "pip install mozjpeg-lossless-optimization"

    def version(self) -> str:
        """The package's and Pillow's."""
        package = "mozjpeg-lossless-optimization"
        return f"{package} {package_version(package)}, Pillow {package_version('pillow')}"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Encode at quality ``setting``, 1..100, then optimise."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=int(setting), subsampling="4:4:4")
        return bytes(import_module("mozjpeg_lossless_optimization").optimize(buffer.getvalue()))

    def decode(self, data: bytes) -> Pixels:
        """Decode with Pillow."""
        return _decode_jpeg(data)


def _decode_jpeg(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB"))
