"""VMAF, by an ffmpeg that carries libvmaf: that of the package imageio-ffmpeg, or the system's."""

import json
import shutil
import subprocess
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

VMAF_MIN_SIDE = 32


@cache
def vmaf_ffmpeg() -> str | None:
    """The program to run, ``None`` where there is none with libvmaf."""
    candidates = [shutil.which("ffmpeg")]
    if find_spec("imageio_ffmpeg") is not None:
        candidates.insert(0, import_module("imageio_ffmpeg").get_ffmpeg_exe())
    for program in filter(None, candidates):
        listing = subprocess.run([program, "-hide_banner", "-filters"], capture_output=True, text=True).stdout
        if " libvmaf " in listing:
            return program
    return None


def vmaf_of_picture(original: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """VMAF of a single picture, RGB uint8 [H, W, 3]; ``None`` without ffmpeg or below 32 pixels a side."""
    height, width, _ = original.shape
    if vmaf_ffmpeg() is None or min(height, width) < VMAF_MIN_SIDE:
        return None
    with TemporaryDirectory() as folder:
        files = Path(folder) / "original", Path(folder) / "decoded"
        for file, pixels in zip(files, (original, decoded), strict=True):
            file.write_bytes(pixels.tobytes())
        return vmaf(*files, width, height, "rgb24")


def vmaf(original: Path, decoded: Path, width: int, height: int, pixel_format: str) -> float:
    """Mean VMAF (model v0.6.1) over the frames of two files of bare samples; needs :func:`vmaf_ffmpeg`.

    Samples as RGB are converted to limited-range BT.601 by ffmpeg, which is what the model was trained on.
    Raises RuntimeError when ffmpeg fails.
    """
    raw = ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-i"]
    log = original.with_name("vmaf.json")
    graph = f"libvmaf=log_fmt=json:n_threads=1:log_path={log.name}"
    if pixel_format == "rgb24":
        graph = f"[0:v]format=yuv444p[a];[1:v]format=yuv444p[b];[a][b]{graph}"
    command = [vmaf_ffmpeg() or "ffmpeg", "-v", "error", "-nostdin", *raw, decoded.name, *raw, original.name]
    done = subprocess.run([*command, "-lavfi", graph, "-f", "null", "-"], cwd=original.parent, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"ffmpeg could not measure VMAF: {done.stderr.decode(errors='replace').strip()}")
    return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])
