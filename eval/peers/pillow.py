"""Peers that run through Pillow and its plugins: JPEG, WebP, AVIF, JPEG 2000, JPEG XL, and jpegli beside them."""

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version as package_version
from importlib.util import find_spec

import numpy as np
from PIL import Image, features

from .base import Pixels

AVIF_THREADS = 2
"""libaom writes other (slightly smaller) files with several threads than with one; how many does not matter."""


@dataclass(frozen=True)
class PillowPeer:
    """One format and one set of options of ``PIL.Image.save``; ``dial`` maps a setting to the option that varies."""

    name: str
    description: str
    format: str
    settings: tuple[float, ...]
    options: dict[str, object] = field(default_factory=dict)
    dial: Callable[[float], dict[str, object]] = lambda setting: {"quality": int(setting)}
    feature: str | None = None
    plugin: str | None = None
    package: str = "pillow>=11.3"

    def missing(self) -> str | None:
        """Pillow may lack a library, or the plugin may not be installed."""
        here = self.feature is None or features.check(self.feature)
        if self.plugin is not None:
            here = find_spec(self.plugin) is not None
        return None if here else f"pip install '{self.package}'"

    def version(self) -> str:
        """Pillow's version and its library's, or the plugin's."""
        if self.plugin is not None:
            return f"{self.package} {package_version(self.package)}"
        library = features.version(self.feature) if self.feature else None
        codecs = f" ({_avif_codecs()})" if self.format == "AVIF" else ""
        return f"Pillow {package_version('pillow')}, {self.feature} {library}{codecs}"

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Save to memory."""
        self._load_plugin()
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, self.format, **self.options, **self.dial(setting))
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """Open from memory, as RGB."""
        self._load_plugin()
        with Image.open(io.BytesIO(data), formats=[self.format]) as image:
            return np.asarray(image.convert("RGB"))

    def _load_plugin(self) -> None:
        if self.plugin is not None:
            importlib.import_module(self.plugin)


def _avif_codecs() -> str:
    from PIL import _avif  # type: ignore[attr-defined, unused-ignore]

    return str(_avif.codec_versions())


def _jpeg(subsampling: str) -> PillowPeer:
    return PillowPeer(
        name=f"jpeg-{subsampling.replace(':', '')}",
        description=f"libjpeg-turbo, {subsampling}, optimised tables, progressive",
        format="JPEG",
        settings=(5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95),
        options={"subsampling": subsampling, "optimize": True, "progressive": True},
        feature="libjpeg_turbo",
    )


def _avif(subsampling: str, tune: str | None = None, speed: int = 6) -> PillowPeer:
    """Without ``tune`` libavif decides: since 1.3 that is ``iq``, which gives up PSNR for looks."""
    parts = ["avif", subsampling.replace(":", ""), tune, None if speed == 6 else f"s{speed}"]
    options: dict[str, object] = {"subsampling": subsampling, "speed": speed, "max_threads": AVIF_THREADS}
    if tune is not None:
        options["advanced"] = {"tune": tune}
    return PillowPeer(
        name="-".join(part for part in parts if part),
        description=f"{subsampling}, speed {speed}, tune {tune or 'left to libavif'}",
        format="AVIF",
        settings=(5, 12, 20, 28, 36, 44, 52, 60, 68, 76, 82, 88, 92),
        options=options,
        feature="avif",
    )


PILLOW_PEERS: tuple[PillowPeer, ...] = (
    _jpeg("4:4:4"),
    _jpeg("4:2:0"),
    PillowPeer(
        name="webp",
        description="lossy, method 6",
        format="WEBP",
        settings=(0, 2, 6, 12, 20, 30, 40, 50, 60, 70, 78, 85, 90, 94, 97, 100),
        options={"method": 6},
        feature="webp",
    ),
    _avif("4:4:4"),
    _avif("4:4:4", "psnr"),
    _avif("4:4:4", "ssim"),
    _avif("4:4:4", speed=4),
    _avif("4:4:4", "psnr", speed=4),
    _avif("4:4:4", "ssim", speed=4),
    _avif("4:2:0"),
    _avif("4:2:0", "psnr"),
    PillowPeer(
        name="jpeg2000",
        description="OpenJPEG, irreversible 9/7 and colour transforms, raw codestream, one layer at a target rate",
        format="JPEG2000",
        settings=(0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5, 2.0, 2.8),
        options={"irreversible": True, "mct": 1, "no_jp2": True, "quality_mode": "rates"},
        dial=lambda target_bpp: {"quality_layers": [24.0 / target_bpp]},
        feature="jpg_2000",
    ),
    PillowPeer(
        name="jxl",
        description="libjxl, lossy, effort 7",
        format="JXL",
        settings=(0, 5, 15, 25, 35, 45, 55, 65, 75, 82, 88, 92, 95),
        options={"effort": 7, "num_threads": 1},
        plugin="pillow_jxl",
        package="pillow-jxl-plugin",
    ),
)
