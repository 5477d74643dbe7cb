"""What exactness costs: the same weights in float and in integer arithmetic.

``python -m vaecompress_eval.exact_cost FOLDER [--model light]`` prints bits a pixel, PSNR and the R-D loss of both, at
five qualities, on the middle 256x256 of each picture. Needs ``[train]``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from vaecompress.errors import InputError
from vaecompress.format import quality_lambda, quality_position
from vaecompress.models import registry
from vaecompress.train.data.sources import middles

from .measure.pictures import find_pictures, load_picture
from .peers.base import Pixels

QUALITIES = (10, 30, 50, 70, 90)
SIDE = 256


def crops(folder: Path) -> Pixels:
    """The middle 256x256 of every picture that is large enough, uint8 [N, 256, 256, 3]. Raises InputError."""
    found = middles([load_picture(path).pixels for path in find_pictures(folder)], SIDE)
    if not len(found):
        raise InputError(f"{folder}: holds no picture of at least {SIDE}x{SIDE} pixels")
    return found


def costs(batch: Pixels, model_name: str) -> list[tuple[int, list[tuple[float, float, float]]]]:
    """Of each quality: (bits a pixel, PSNR in dB, R-D loss) in float, then exact; means over the batch."""
    import jax
    import jax.numpy as jnp

    from vaecompress.export.restore import restore
    from vaecompress.train.objective import measure, rate_distortion

    model, variables = restore(registry.load(model_name).file)
    run = jax.jit(model.apply, static_argnames="exact_phase")
    levels = jnp.asarray(batch, jnp.float32)
    rows = []
    for quality in QUALITIES:
        position = jnp.full((len(batch),), quality_position(quality), jnp.float32)
        pair = []
        for exact in (False, True):
            measures = measure(levels, run(variables, levels, position, exact_phase=exact))
            loss = rate_distortion(measures, position)
            pair.append((float(measures.bpp.mean()), float(measures.psnr_db.mean()), float(loss.mean())))
        rows.append((quality, pair))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="light")
    options = parser.parse_args(arguments)
    print("quality  lambda   float: bpp   dB     loss    exact: bpp   dB     loss   loss, exact to float")
    for quality, (real, exact) in costs(crops(options.folder), options.model):
        cells = "   ".join(f"{bpp:10.4f} {psnr:6.2f} {loss:7.3f}" for bpp, psnr, loss in (real, exact))
        ratio = 100 * (exact[2] / real[2] - 1)
        print(f"{quality:7} {quality_lambda(quality_position(quality)):7.4f} {cells} {ratio:+10.2f} %")


if __name__ == "__main__":
    main()
