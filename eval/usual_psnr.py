"""What PSNR each quality usually gives: ``python -m vaecompress_eval.usual_psnr PICTURES... [--crop 256]``.

Prints the median over the pictures, coded by networks only, at eleven qualities; ``vaecompress/encoder/tools/usual.py``
has what it printed of the pictures of models' validation. ``--write`` puts it on the card of the model, where that is
another one's.
"""

import argparse
from pathlib import Path
from statistics import median

from vaecompress.encoder.goal import Goal
from vaecompress.encoder.still import ImageEncoder
from vaecompress.encoder.tools.usual import CARD_MEMBER
from vaecompress.errors import UsageError
from vaecompress.media.image import Image
from vaecompress.models import file as model_file
from vaecompress.models import registry
from vaecompress.train.data.sources import middle

from .console import ProgressBar, exit_code, path_argument
from .measure.pictures import find_pictures, load_picture

QUALITIES = (1, *range(10, 101, 10))


def usual_psnr(sources: list[Path], model: str | None, crop: int | None) -> dict[int, float]:
    """Median PSNR in dB by quality, of pictures or of their middle ``crop`` x ``crop``. Raises VaecompressError."""
    codec, bar = ImageEncoder(registry.load(model)), ProgressBar()
    paths = [path for source in sources for path in find_pictures(source)]
    found: dict[int, list[float]] = {quality: [] for quality in QUALITIES}
    for index, path in enumerate(paths):
        bar(index, len(paths), path.name)
        pixels = load_picture(path).pixels
        image = Image(pixels if crop is None else middle(pixels, crop))
        for quality, values in found.items():
            values.append(codec.encode(image, Goal(quality=quality)).psnr_db)
    bar.close()
    return {quality: median(values) for quality, values in found.items()}


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=path_argument, help="pictures, or folders of them")
    parser.add_argument("--model", help="a name or a model file; the default model without")
    parser.add_argument("--write", action="store_true", help="put it on the card of --model, a model file")
    parser.add_argument("--crop", type=int, help="take the middle N x N of each picture")
    options = parser.parse_args()
    return exit_code(lambda: _print(options))


def _print(options: argparse.Namespace) -> None:
    if options.write and options.model is None:
        raise UsageError("--write goes with --model")
    found = {q: round(db, 1) for q, db in usual_psnr(options.sources, options.model, options.crop).items()}
    print(", ".join(f"{quality}: {psnr_db:.1f}" for quality, psnr_db in found.items()))
    if options.write:
        write(registry.path_of(options.model), found)


def write(path: Path, usual: dict[int, float]) -> None:
    """Put the PSNR in dB that is usual at each quality on the card of a model file."""
    file = model_file.load(path)
    card = {**file.card, CARD_MEMBER: [list(pair) for pair in usual.items()]}
    path.write_bytes(model_file.serialise(card, file.networks, file.arrays))


if __name__ == "__main__":
    raise SystemExit(main())
