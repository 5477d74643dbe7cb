"""Measure video codecs: YUV and RGB PSNR and the rest frame by frame, kbit/s, frames a second."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ..console import Bar
from ..measure.clips import Clip, ClipFrame, Planes, load_clip
from ..measure.metrics import Quality, missing_measures, ms_ssim, psnr, similarity_db, ssim, ssimulacra2
from ..measure.results import Result, ResultCache
from ..measure.summary import mean_of
from ..measure.vmaf import vmaf
from ..peers.video import VideoPeer
from .pictures import Medium, Run, run_medium

PERFECT_DB = 100.0
"""What a frame without any error counts for in a mean."""

YUV_WEIGHTS = (6 / 8, 1 / 8, 1 / 8)


def run_clips(clips: Sequence[Path], peers: Sequence[VideoPeer], cache: ResultCache, progress: Bar) -> Run:
    """Measure every clip with every peer at every setting; see :func:`vaecompress_eval.run.pictures.run_medium`."""
    return run_medium(Medium(load_clip, measure_clip), clips, peers, cache, progress)


def measure_clip(clip: Clip, peer: VideoPeer, version: str, setting: float) -> Result:
    """Encode, decode and measure once, against the clip's own frames; raises whatever the codec raises.

    The seconds of encoding include reading the source's frames.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coded"
        started = time.perf_counter()
        peer.encode(clip, setting, file)
        encode_s = time.perf_counter() - started
        stopwatch = _Stopwatch(peer.decode(clip, file))
        frames, quality = _measure_frames(clip, stopwatch, Path(folder))
        return Result(
            picture=clip.name,
            picture_sha256=clip.sha256,
            width=clip.width,
            height=clip.height,
            codec=peer.name,
            version=version,
            options=peer.description,
            setting=setting,
            file_bytes=file.stat().st_size,
            encode_s=round(encode_s, 4),
            decode_s=round(stopwatch.seconds, 4),
            quality=quality,
            frames=frames,
            duration_s=float(frames / clip.frame_rate),
        )


def psnr_yuv(original: Planes, decoded: Planes) -> float:
    """(6 Y + U + V) / 8 of one frame, in dB."""
    planes = zip(YUV_WEIGHTS, original, decoded, strict=True)
    return sum(weight * _capped(psnr(a, b)) for weight, a, b in planes)


class _Stopwatch:
    """Frames, and the seconds that were spent on getting them."""

    def __init__(self, frames: Iterator[ClipFrame]) -> None:
        self._frames = frames
        self.seconds = 0.0

    def __iter__(self) -> Iterator[ClipFrame]:
        return self

    def __next__(self) -> ClipFrame:
        started = time.perf_counter()
        try:
            return next(self._frames)
        finally:
            self.seconds += time.perf_counter() - started


def _measure_frames(clip: Clip, decoded: Iterator[ClipFrame], folder: Path) -> tuple[int, Quality]:
    """The number of frames and the mean of every measure; raises ValueError when frames are missing or too many."""
    has_vmaf = "VMAF" not in missing_measures()
    files = folder / "original.yuv", folder / "decoded.yuv"
    qualities = []
    with ExitStack() as stack:
        outputs = [stack.enter_context(file.open("wb")) for file in files] if has_vmaf else []
        for pair in zip(clip.frames(), decoded, strict=True):
            qualities.append(_measure_frame(*pair))
            for output, frame in zip(outputs, pair, strict=False):
                _append(output, frame)
    score = vmaf(*files, clip.width, clip.height, "yuv420p") if has_vmaf else None
    return len(qualities), _mean(qualities, score)


def _measure_frame(original: ClipFrame, decoded: ClipFrame) -> Quality:
    return Quality(
        psnr_rgb_db=_capped(psnr(original.rgb, decoded.rgb)),
        psnr_luma_db=_capped(psnr(original.planes[0], decoded.planes[0])),
        ssim=ssim(original.rgb, decoded.rgb),
        ms_ssim=ms_ssim(original.rgb, decoded.rgb),
        ms_ssim_db=None,
        ssimulacra2=ssimulacra2(original.rgb, decoded.rgb),
        psnr_yuv_db=psnr_yuv(original.planes, decoded.planes),
    )


def _mean(frames: Sequence[Quality], score: float | None) -> Quality:
    similarity = mean_of(frame.ms_ssim for frame in frames)
    return Quality(
        psnr_rgb_db=mean_of(frame.psnr_rgb_db for frame in frames),
        psnr_luma_db=mean_of(frame.psnr_luma_db for frame in frames),
        ssim=mean_of(frame.ssim for frame in frames),
        ms_ssim=similarity,
        ms_ssim_db=None if similarity is None else similarity_db(similarity),
        ssimulacra2=mean_of(frame.ssimulacra2 for frame in frames),
        vmaf=score,
        psnr_yuv_db=mean_of(frame.psnr_yuv_db for frame in frames),
    )


def _capped(value_db: float | None) -> float:
    return PERFECT_DB if value_db is None else min(value_db, PERFECT_DB)


def _append(file: BinaryIO, frame: ClipFrame) -> None:
    for plane in frame.planes:
        file.write(plane.tobytes())
