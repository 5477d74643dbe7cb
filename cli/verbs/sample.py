"""Draw pictures from what a model expects: textures, not objects; or what it knows of a picture, or between two."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecompress.errors import UsageError

from ..console import Console
from ..jobs.inputs import output_path
from ..jobs.outputs import check_output, writing
from ..options import add_json_argument, add_quiet_argument, path, positive_integer, quality

if TYPE_CHECKING:
    from vaecompress.codec.picture import Pixels

_SIZE = (192, 256)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.usage = (
        "vaecompress sample -o grid.png [-n 8] [--size 256x192] [-q 50] [--temperature 0.8] [--seed 1]\n"
        "       vaecompress sample --like photo.png -o grid.png [-n 8]\n"
        "       vaecompress sample --between a.png b.png -o walk.png [-n 8]"
    )
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help="the grid to write")
    parser.add_argument("-f", "--force", action="store_true", help="replace an output that exists")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--like", type=path, metavar="PICTURE", help="keep hyper-latents and lowest frequencies of it, draw the rest"
    )
    what.add_argument(
        "--between", type=path, nargs=2, metavar="PICTURE", help="walk from one to another; the second is scaled"
    )
    parser.add_argument("-n", "--count", type=positive_integer, default=8, metavar="N", help="pictures (8)")
    parser.add_argument("--columns", type=positive_integer, default=4, metavar="N", help="pictures in a row (4)")
    parser.add_argument("--size", type=size, metavar="WxH", help="of each picture drawn from nothing (256x192)")
    parser.add_argument("-q", "--quality", type=quality, default=50, metavar="1..100", help="quality (50)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T", help="below 1: likelier ones (1)")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds, equal pictures (0)")
    parser.add_argument("--model", metavar="NAME", help="a name that 'vaecompress models' lists, or a .vcm file")
    add_json_argument(parser)
    add_quiet_argument(parser)


def size(text: str) -> tuple[int, int]:
    """``256x192`` as (height, width)."""
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 256x192")
    return int(match[2]), int(match[1])


def run(options: argparse.Namespace) -> int:
    """Draw; returns the exit code. Raises UsageError for options that do not go together."""
    from vaecompress.apply.sample import Sampler, grid
    from vaecompress.limits import Limits
    from vaecompress.media.image import Image
    from vaecompress.media.image_write import format_of, write_image
    from vaecompress.models import registry

    console, output = Console.of(options), output_path(options.output)
    if output is None:
        raise UsageError("the grid is a file: name it with -o")
    if options.size is not None and (options.like or options.between):
        raise UsageError("--size goes with pictures drawn from nothing")
    if options.seed < 0:
        raise UsageError(f"seed is {options.seed}: must be 0 or more")
    format = format_of(output)
    check_output(output, options.force)
    height, width = options.size or _SIZE
    Limits().check_size(width * options.columns, height * -(-options.count // options.columns))
    sampler = Sampler(registry.load(options.model), options.quality, options.temperature, options.seed)
    notes: list[str] = []
    if options.between:
        first, second = (_read(one) for one in options.between)
        second, notes = _scaled_like(first, second)
        pictures = sampler.between(first, second, options.count)
    else:
        model = None if options.like is None else _read(options.like)
        pictures = []
        for _ in range(options.count):
            pictures.append(sampler.draw(height, width) if model is None else sampler.like(model))
            console.progress(len(pictures), options.count, "pictures")
    with writing(output, options.force) as part:
        write_image(Image(grid(pictures, min(options.columns, options.count))), part, format)
    console.notes(options.output, notes)
    record: dict[str, Any] = {"output": options.output, "count": len(pictures), "seed": options.seed, "notes": notes}
    console.done(f"{options.output}  {len(pictures)} pictures, seed {options.seed}", record)
    return 0


def _read(source: Path) -> "Pixels":
    from vaecompress.media.image_read import read_image

    return read_image(source)[0].pixels


def _scaled_like(first: "Pixels", second: "Pixels") -> tuple["Pixels", list[str]]:
    """The second picture in the size of the first, and a note where it had another."""
    import numpy as np
    from PIL import Image

    height, width = first.shape[:2]
    if second.shape[:2] == (height, width):
        return second, []
    picture = Image.fromarray(second if second.shape[2] == 3 else second[:, :, 0])
    scaled = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    return scaled, [f"second picture of {second.shape[1]}x{second.shape[0]} scaled to {width}x{height}"]
