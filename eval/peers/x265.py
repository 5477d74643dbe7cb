"""x265 as an intra codec in 4:4:4, the free encoder nearest to BPG and HM. Runs through PyAV's own libx265.

What is counted is the raw HEVC stream of one picture (parameter sets and slice, no container, no encoder banner).
The conversion between RGB and YCbCr is ours: BT.601, full range, in float, rounded once each way.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import pyav
from .base import Pixels

KR, KG, KB = 0.299, 0.587, 0.114
TO_YCBCR = np.array(
    [
        [KR, KG, KB],
        [-KR / (2 - 2 * KB), -KG / (2 - 2 * KB), 0.5],
        [0.5, -KG / (2 - 2 * KR), -KB / (2 - 2 * KR)],
    ]
)
CENTRE = np.array([0.0, 128.0, 128.0])


@dataclass(frozen=True)
class X265Intra:
    """One intra picture a file; the setting is the quantiser, 51 (small) to 0 (large)."""

    name: str = "x265-444"
    description: str = "one intra picture, 4:4:4 8 bit, preset slower, tune psnr, constant quantiser"
    settings: tuple[float, ...] = (48, 45, 42, 39, 36, 33, 30, 27, 24, 21, 18)

    def missing(self) -> str | None:
        """PyAV's wheels carry libx265."""
        return pyav.missing_encoder("libx265")

    def version(self) -> str:
        """PyAV's version and that of libavcodec in it."""
        return pyav.version()

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """Return the stream in Annex B form."""
        import av

        planes = np.rint(pixels @ TO_YCBCR.T + CENTRE).clip(0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(planes.transpose(2, 0, 1)), format="yuv444p")
        encoder = av.CodecContext.create("libx265", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv444p"
        encoder.framerate = 25
        encoder.options = {"preset": "slower", "tune": "psnr", "x265-params": _parameters(int(setting))}
        with pyav.quiet():
            packets = [*encoder.encode(frame), *encoder.encode(None)]
        return b"".join(bytes(packet) for packet in packets)

    def decode(self, data: bytes) -> Pixels:
        """Decode the one picture."""
        import av

        decoder = av.CodecContext.create("hevc", "r")
        assert isinstance(decoder, av.VideoCodecContext)
        with pyav.quiet():
            packets = [*decoder.parse(data), *decoder.parse(b"")]
            frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
        planes: NDArray[np.uint8] = frames[0].to_ndarray(format="yuv444p").transpose(1, 2, 0)
        rgb: NDArray[np.float64] = (planes - CENTRE) @ np.linalg.inv(TO_YCBCR).T
        return np.rint(rgb).clip(0, 255).astype(np.uint8)


def _parameters(quantiser: int) -> str:
    """``ipratio`` 1 keeps the intra picture at the quantiser that was asked for."""
    return f"qp={quantiser}:ipratio=1:keyint=1:info=0:log-level=none:pools=none:frame-threads=1:range=full"
