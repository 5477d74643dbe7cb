"""Cutting a big picture into overlapping tiles, so that memory stays bounded.

Each tile has a core, the part whose results are kept, inside a padded box, the part that is computed. Where the halo
between the two is at least the reach of the computation, the cores put together equal the whole computed at once.
Units are the caller's: pixels or positions of any latent grid.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vaecompress.errors import UsageError


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices, to index an array [height, width, ...]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: "Box") -> "Box":
        """Return this box in coordinates that start at the top left of ``outer``."""
        return Box(self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left)

    def scaled(self, numerator: int, denominator: int = 1) -> "Box":
        """Return this box on a grid ``numerator / denominator`` times as fine; exact where the box is aligned."""
        top, left, bottom, right = (
            edge * numerator // denominator for edge in (self.top, self.left, self.bottom, self.right)
        )
        return Box(top, left, bottom, right)


@dataclass(frozen=True)
class Tile:
    """``core``: what to keep. ``padded``: what to compute; contains the core."""

    core: Box
    padded: Box


def tiles(height: int, width: int, core: int, halo: int, multiple: int = 1) -> Iterator[Tile]:
    """Yield tiles whose cores cover [height, width] exactly once, row by row.

    ``height``: rows of the picture. ``width``: columns of the picture. ``core``: side of a core; those at the right and
    bottom end may be smaller. ``halo``: how far the padded box reaches beyond its core, clipped to the picture.
    ``multiple``: every edge lies on a multiple of this, or on the picture's own edge. Raises UsageError (``core`` or
    ``halo`` is no multiple of ``multiple``, or there is nothing to cut).
    """
    if min(height, width, core, multiple) < 1 or halo < 0 or core % multiple or halo % multiple:
        raise UsageError(f"cannot cut {width}x{height} into tiles of {core}, halo {halo}, on a grid of {multiple}")
    for top in range(0, height, core):
        for left in range(0, width, core):
            kept = Box(top, left, min(top + core, height), min(left + core, width))
            yield Tile(kept, _grown(kept, halo, height, width))


def _grown(box: Box, halo: int, height: int, width: int) -> Box:
    return Box(
        max(box.top - halo, 0),
        max(box.left - halo, 0),
        min(box.bottom + halo, height),
        min(box.right + halo, width),
    )
