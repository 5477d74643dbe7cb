"""What an encoding aims at: a quality, a size, a rate or a PSNR."""

import math
from dataclasses import astuple, dataclass

from vaecompress.errors import UsageError
from vaecompress.format import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY


@dataclass(frozen=True)
class Goal:
    """Exactly one of: ``quality`` 1..100, ``size_bytes`` and ``bpp`` (whole file), ``psnr_db``, ``kbps`` (of a video).

    A size or ``bpp`` is never exceeded; a PSNR, of a video its frames' mean, is never missed. ``kbps`` are kilobits a
    second without sound, kept within 5 %. Raises UsageError on anything else.
    """

    quality: int | None = None
    size_bytes: int | None = None
    bpp: float | None = None
    psnr_db: float | None = None
    kbps: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in astuple(self) if value is not None]
        if len(given) != 1:
            raise UsageError("give exactly one of quality, size, bpp, psnr and kbps")
        if any(isinstance(value, float) for value in (self.quality, self.size_bytes)):
            raise UsageError(f"the goal is {given[0]}: quality and size are integers")
        if not math.isfinite(given[0]):
            raise UsageError(f"the goal is {given[0]}: must be a finite number")
        if self.quality is not None and self.quality not in range(MIN_QUALITY, MAX_QUALITY + 1):
            raise UsageError(f"quality is {self.quality}: must be an integer from {MIN_QUALITY} to {MAX_QUALITY}")
        if not given[0] > 0:
            raise UsageError(f"the goal is {given[0]}: must be above zero")

    @classmethod
    def from_options(
        cls,
        quality: int | None,
        size_bytes: int | None,
        bpp: float | None,
        psnr_db: float | None,
        kbps: float | None = None,
    ) -> "Goal":
        """The goal of options that may all be None: the default quality then."""
        given = (quality, size_bytes, bpp, psnr_db, kbps)
        return cls(quality=DEFAULT_QUALITY) if all(value is None for value in given) else cls(*given)

    def max_bytes(self, pixels: int) -> int | None:
        """The largest file this goal allows for ``pixels`` pixels. Raises UsageError for kilobits a second."""
        if self.kbps is not None:
            raise UsageError("a picture has no duration: kilobits a second are for videos")
        return int(min(self.bpp * pixels / 8, 1 << 62)) if self.bpp is not None else self.size_bytes
