"""Pictures and a codec small enough for tests."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image


def natural(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth field with edges and some grain, uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [60 * np.sin(x / (7 + c) + seed) + 50 * np.cos(y / (11 - c)) + 30 * (x > y) for c in range(3)]
    noise = rng.normal(0, 6, (height, width, 3))
    return (128 + np.stack(waves, axis=2) + noise).clip(0, 255).astype(np.uint8)


def write_pictures(folder: Path, count: int = 2) -> None:
    """``count`` PNG files of 48x40 pixels."""
    for index in range(count):
        Image.fromarray(natural(40, 48, index)).save(folder / f"picture{index}.png")


@dataclass
class Quantiser:
    """Uniform quantisation and deflate: a codec of two lines that counts its calls."""

    name: str = "quantiser"
    description: str = "steps and deflate"
    settings: tuple[float, ...] = (64, 48, 32, 24, 16, 8)
    command: str | None = None
    calls: list[float] = field(default_factory=list)
    refuse: float | None = None

    def missing(self) -> str | None:
        return self.command

    def version(self) -> str:
        return "1"

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        self.calls.append(setting)
        if setting == self.refuse:
            raise RuntimeError("no thanks\nsecond line")
        height, width, _ = pixels.shape
        head = bytes([height, width, int(setting)])
        return head + zlib.compress((pixels // int(setting)).tobytes())

    def decode(self, data: bytes) -> np.ndarray:
        height, width, step = data[:3]
        levels = np.frombuffer(zlib.decompress(data[3:]), np.uint8).reshape(height, width, 3)
        return (levels.astype(int) * step + step // 2).clip(0, 255).astype(np.uint8)


def write_clip(path: Path, frames: int = 6, height: int = 48, width: int = 64) -> None:
    """A lossless 4:2:0 clip of a moving field, 25 frames a second."""
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        field_pixels = natural(height, width + frames)
        for index in range(frames):
            moved = np.ascontiguousarray(field_pixels[:, index : index + width])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24").reformat(format="yuv420p")))
        output.mux(stream.encode(None))
