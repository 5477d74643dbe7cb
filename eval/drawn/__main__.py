"""Draws them, and holds our files against other codecs': ``python -m vaecompress_eval.drawn FOLDER [--draw-only]``.

The folder gets eight screenshots, four pieces of flat artwork, and icons, patterns and flat pages, as PNG. Two Markdown
tables are printed: pages and artwork against AVIF 4:4:4 at speed 6, at the same PSNR, and the small ones against
lossless WebP in bytes. Needs the extra ``eval``.
"""

import argparse
from pathlib import Path

from ..console import exit_code, path_argument
from .artwork import ARTWORK
from .compare import exact_table, large_table
from .pages import PAGES
from .small import SMALL


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=path_argument, help="where the pictures are written")
    parser.add_argument("--draw-only", action="store_true", help="measure nothing")
    options = parser.parse_args()
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    large = {make.__name__.replace("_", "-"): make for make in (*PAGES, *ARTWORK)}
    for name, make in {**large, **SMALL}.items():
        make().save(folder / f"{name}.png", optimize=True)
    if not options.draw_only:
        print(large_table([folder / f"{name}.png" for name in large]))
        print(exact_table([folder / f"{name}.png" for name in SMALL]), end="")


if __name__ == "__main__":
    raise SystemExit(main())
