"""What denoising gains: ``python -m vaecompress_eval.denoise PICTURES... [--crop 256] [--sigmas 15,25,50]``.

Adds white noise, clipped to 8 bits, and prints two Markdown tables of PSNR against the clean pictures: with the noise
known to all, and estimated by each (ours by its own estimate, the others by scikit-image's). Non-local means is
scikit-image's; BM3D (``bm3d_rgb``) is there where its package is: pip install bm3d (for non-commercial use only).
``--rates`` prints instead the BD-rate of ``encode --denoise`` against encoding what the others made.
"""

import argparse
import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from skimage.restoration import denoise_nl_means, estimate_sigma

from vaecompress.apply.denoise import Denoiser
from vaecompress.apply.noise import estimate_noise
from vaecompress.apply.sample import grid
from vaecompress.bitstream import Container
from vaecompress.codec.picture import psnr_db
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.errors import CorruptError, UsageError
from vaecompress.media.image import Image
from vaecompress.models import registry
from vaecompress.train.data.sources import middle

from .console import ProgressBar, exit_code
from .measure.bd_rate import BdRateError, Point, bd_rate
from .measure.pictures import find_pictures, load_picture

Pixels = npt.NDArray[np.uint8]
Method = Callable[[Pixels, float], Pixels]

QUALITIES = (10, 25, 40, 55, 70)
NLM_STRENGTH, NLM_PATCH, NLM_DISTANCE = 0.8, 5, 6
"""What scikit-image's documentation takes for noise that is known."""


def noisy(pixels: Pixels, sigma: float, seed: int) -> Pixels:
    """Pixels with white noise of deviation ``sigma`` in levels, clipped and rounded to 8 bits."""
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def methods(model: str | None) -> dict[str, Method]:
    """The denoisers at hand, by name; each is told the noise."""
    ours = Denoiser(registry.load(model))
    found: dict[str, Method] = {"vaecompress": ours.denoise, "non-local means": _nl_means}
    if find_spec("bm3d") is not None:
        found["BM3D"] = _bm3d
    return found


def _nl_means(pixels: Pixels, sigma: float) -> Pixels:
    level = sigma / 255
    return _to_8_bit(
        denoise_nl_means(
            pixels / 255.0,
            patch_size=NLM_PATCH,
            patch_distance=NLM_DISTANCE,
            h=NLM_STRENGTH * level,
            sigma=level,
            fast_mode=True,
            channel_axis=2,
        )
    )


def _bm3d(pixels: Pixels, sigma: float) -> Pixels:
    import bm3d

    return _to_8_bit(bm3d.bm3d_rgb(pixels / 255.0, sigma / 255))


def _to_8_bit(samples: npt.NDArray[Any]) -> Pixels:
    return np.asarray(np.clip(np.rint(samples * 255), 0, 255), np.uint8)


def _estimate(name: str, pixels: Pixels) -> float:
    if name == "vaecompress":
        return estimate_noise(pixels)
    return float(estimate_sigma(pixels, average_sigmas=True, channel_axis=2))


class Scores:
    """PSNR by what it depends on, in a file of JSON lines: a run that was stopped goes on where it was."""

    def __init__(self, path: Path | None) -> None:
        """Raises CorruptError where the file holds anything else."""
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        try:
            self._found = {tuple(key): float(db) for key, db in map(json.loads, lines)}
        except (ValueError, TypeError) as error:
            raise CorruptError(f"{path}: is damaged; delete it, and all is measured again") from error

    def get(self, key: tuple[Any, ...]) -> float | None:
        """What is known of ``key``."""
        return self._found.get(key)

    def add(self, key: tuple[Any, ...], db: float) -> float:
        """Write down what was measured, and return it."""
        self._found[key] = db
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, db]) + "\n")
        return db


def tables(
    pictures: Sequence[Pixels], sigmas: Sequence[float], seeds: int, model: str | None, kept: Path | None = None
) -> str:
    """Both tables; PSNR of single pictures goes into the file ``kept``, and is taken from there."""
    found, bar, done, scores = methods(model), ProgressBar(), 0, Scores(kept)
    means: dict[tuple[bool, float, str], list[float]] = {}
    total = 2 * len(pictures) * len(sigmas) * seeds * len(found)
    for clean in pictures:
        digest = hashlib.sha256(clean.tobytes()).hexdigest()
        for sigma, seed, blind in itertools.product(sigmas, range(seeds), (False, True)):
            source = noisy(clean, sigma, seed)
            means.setdefault((blind, sigma, "noisy"), []).append(psnr_db(clean, source))
            for name, method in found.items():
                key = (digest, sigma, seed, blind, name, model)
                if (db := scores.get(key)) is None:
                    level = _estimate(name, source) if blind else sigma
                    db = scores.add(key, psnr_db(clean, method(source, level)))
                means.setdefault((blind, sigma, name), []).append(db)
                done += 1
                bar(done, total, f"sigma {sigma:g}, {name}")
    bar.close()
    lines = []
    for blind in (False, True):
        lines += [
            "| noise " + ("estimated" if blind else "known") + " | " + " | ".join(["noisy", *found]) + " |",
            "| ---: |" + " ---: |" * (1 + len(found)),
        ]
        for sigma in sigmas:
            cells = [f"{fmean(means[blind, sigma, name]):.2f} dB" for name in ("noisy", *found)]
            lines.append(f"| {sigma:g} | " + " | ".join(cells) + " |")
        lines.append("")
    if "BM3D" not in found:
        lines.append("BM3D is not installed: pip install bm3d (for non-commercial use only).\n")
    return "\n".join(lines)


def rates(pictures: Sequence[Pixels], sigmas: Sequence[float], model: str | None) -> str:
    """BD-rates of ``encode --denoise`` against ``encode`` of what the others made, PSNR against the clean pictures."""
    encoder, (own, *others) = ImageEncoder(registry.load(model)), methods(model).items()
    bar, done = ProgressBar(), 0
    lines = ["| noise | " + " | ".join(f"against {name}, then encode" for name, _ in others) + " |"]
    lines.append("| ---: |" + " ---: |" * len(others))
    for sigma in sigmas:
        curves: dict[str, list[Point]] = {}
        for name, method in (own, *others):
            made = [(clean, method(noisy(clean, sigma, 0), sigma)) for clean in pictures]
            for quality in QUALITIES:
                points = [_point(encoder, *pair, quality) for pair in made]
                rate, quality_db = (fmean(values) for values in zip(*points, strict=True))
                curves.setdefault(name, []).append(Point(rate, quality_db))
                done += 1
                bar(done, len(sigmas) * (1 + len(others)) * len(QUALITIES), f"sigma {sigma:g}, {name}")
        gains = [_gain(curves[own[0]], curves[name]) for name, _ in others]
        lines.append(f"| {sigma:g} | " + " | ".join(gains) + " |")
    bar.close()
    return "\n".join(lines) + "\n"


def picture(clean: Pixels, sigma: float, model: str | None) -> Pixels:
    """Side by side: ``clean`` under noise, what each method makes of it, and itself."""
    source = noisy(clean, sigma, 0)
    shown = [source, *(method(source, sigma) for method in methods(model).values()), clean]
    return grid(shown, len(shown))


def _point(encoder: ImageEncoder, clean: Pixels, source: Pixels, quality: int) -> tuple[float, float]:
    """Bits a pixel of ``source`` encoded, and PSNR of what that decodes to against ``clean``."""
    encoded = encoder.encode(Image(source), Goal(quality=quality))
    with Container.open(encoded.data) as container:
        return encoded.bpp, psnr_db(clean, encoder.decode(container).pixels)


def _gain(test: Sequence[Point], anchor: Sequence[Point]) -> str:
    try:
        return f"{bd_rate(test, anchor).percent:+.1f} %"
    except BdRateError:
        return "not comparable"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", type=Path, nargs="+", help="files or folders of clean pictures")
    parser.add_argument("--sigmas", default="15,25,50", help="comma separated, in 8-bit levels")
    parser.add_argument("--seeds", type=int, default=1, help="draws of noise for each picture")
    parser.add_argument("--crop", type=int, metavar="SIDE", help="only the middle SIDE x SIDE of every picture")
    parser.add_argument("--model", help="name or path of a model file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the first picture and noise instead")
    parser.add_argument("--rates", action="store_true", help="BD-rates of encode --denoise instead of the two tables")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="keep what is measured; go on from there next time")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _print(options))


def _print(options: argparse.Namespace) -> None:
    try:
        sigmas = [float(word) for word in options.sigmas.split(",")]
    except ValueError:
        raise UsageError(f"--sigmas {options.sigmas}: give numbers such as 15,25,50") from None
    pictures = [load_picture(path).pixels for source in options.pictures for path in find_pictures(source)]
    if options.crop is not None:
        pictures = [middle(pixels, options.crop) for pixels in pictures]
    if options.picture is not None:
        PIL.Image.fromarray(picture(pictures[0], sigmas[0], options.model)).save(options.picture, quality=90)
    elif options.rates:
        print(rates(pictures, sigmas, options.model), end="")
    else:
        print(tables(pictures, sigmas, options.seeds, options.model, options.scores), end="")


if __name__ == "__main__":
    raise SystemExit(main())
