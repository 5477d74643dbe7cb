"""Which quality a goal asks for: a size or rate is never exceeded, a PSNR never missed."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from math import ceil, floor, log2
from typing import Protocol

from vaecompress.bitstream import PicturePayload
from vaecompress.codec.picture import Pixels, Reconstruction, psnr_db
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.effort import EFFORTS, Effort, Progress
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.errors import GoalError
from vaecompress.format import MAX_QUALITY, MIN_QUALITY

QUALITIES_AT_FULL_EFFORT = 3
"""A goal is looked for with little effort; so many qualities are then tried with all of it."""

DB_A_QUALITY, LOG2_BYTES_A_QUALITY = 0.13, 0.04
"""What a step of quality usually brings, to begin with; what was measured of a picture then replaces it."""

LOOKS_ALONG_LINES, OVERSHOOT = 4, 1.2
"""Looks until bisection takes over, and how much further than expected one goes to find the goal's other side."""

SizeOf = Callable[[int, PicturePayload], int]


class Trial(Protocol):
    """One picture encoded at one quality; decoded again at once, or only where that is asked for."""

    @property
    def quality(self) -> int:
        """1..100."""
        ...

    @property
    def unchecked(self) -> PicturePayload:
        """The payload before its checksum is known: as long as that of :attr:`result`."""
        ...

    @property
    def result(self) -> Reconstruction:
        """The payload, and what decoding it gives."""
        ...

    @property
    def psnr_db(self) -> float:
        """Of what decoding gives."""
        ...


class Trials(Protocol):
    """Encodes one picture at any quality."""

    def __call__(self, quality: int, effort: Effort, progress: Progress | None) -> Trial:
        """A trial at ``quality`` 1..100; ``progress`` is told the steps of an effort that has some."""
        ...


class LearnedTrials:
    """Of pixels [height, width, 1 or 3] coded by networks; decoded again ``at_once``, or where that is asked for."""

    def __init__(self, codec: PictureEncoder, pixels: Pixels, at_once: bool) -> None:
        self._codec, self._pixels, self._at_once = codec, pixels, at_once

    def __call__(self, quality: int, effort: Effort, progress: Progress | None) -> "LearnedTrial":
        """See :class:`Trials`."""
        return LearnedTrial(self._codec, self._pixels, quality, effort, progress, self._at_once)


class LearnedTrial:
    """A :class:`Trial` of networks."""

    def __init__(
        self,
        codec: PictureEncoder,
        pixels: Pixels,
        quality: int,
        effort: Effort,
        progress: Progress | None,
        at_once: bool,
    ) -> None:
        self.quality = quality
        self._codec, self._pixels = codec, pixels
        found = codec.search(pixels, quality, effort, progress)
        self._coded = codec.latents.encode(found)
        if at_once:
            self.result = codec.finish(pixels, self._coded, quality, found)

    @property
    def unchecked(self) -> PicturePayload:
        """The payload before its checksum is known: as long as that of :attr:`result`."""
        return PicturePayload(0, bytes(1) + self._coded)

    @cached_property
    def result(self) -> Reconstruction:
        """The payload, and what decoding it gives."""
        return self._codec.finish(self._pixels, self._coded, self.quality)

    @cached_property
    def psnr_db(self) -> float:
        """Of what decoding gives."""
        return psnr_db(self._pixels, self.result.pixels)


class QualitySearch:
    """Finds the best trial of a picture of ``area`` pixels for a goal.

    ``size_of`` is the size of a file with a payload at a quality.
    """

    def __init__(self, trials: Trials, goal: Goal, area: int, size_of: SizeOf) -> None:
        self._trials, self._goal, self._size_of = trials, goal, size_of
        self._max_bytes = goal.max_bytes(area)

    def find(self, effort: Effort, progress: Progress | None = None) -> Trial:
        """The best trial that meets the goal. Raises GoalError when none does."""
        if self._goal.quality is not None:
            return self._trials(self._goal.quality, effort, progress)
        default = replace(EFFORTS[DEFAULT_EFFORT], weights=effort.weights)
        quick = min(effort, default, key=lambda one: one.rounds)
        found = self._nearest(quick)
        return found if quick == effort else self._raised(found, effort, progress)

    def _meets(self, trial: Trial) -> bool:
        return (self._excess(trial) >= 0) == (self._goal.psnr_db is not None)

    def _excess(self, trial: Trial) -> float:
        """How far a trial is above the goal, in steps of quality: not negative if it has the PSNR, or is too large."""
        if self._goal.psnr_db is not None:
            return (trial.psnr_db - self._goal.psnr_db) / DB_A_QUALITY
        return log2(self._size(trial) / ((self._max_bytes or 0) + 1)) / LOG2_BYTES_A_QUALITY

    def _size(self, trial: Trial) -> int:
        return self._size_of(trial.quality, trial.unchecked)

    def _nearest(self, effort: Effort) -> Trial:
        """The highest quality that fits a size, or the lowest that reaches a PSNR."""
        trials: dict[int, Trial] = {}

        def excess(quality: int) -> float:
            trials[quality] = self._trials(quality, effort, None)
            return self._excess(trials[quality])

        quality = first_not_negative(excess, MIN_QUALITY, MAX_QUALITY)
        if self._goal.psnr_db is not None:
            if quality > MAX_QUALITY:
                raise GoalError(f"{self._goal.psnr_db:g} dB is out of reach: quality {MAX_QUALITY} stays below it")
        else:
            quality -= 1
            if quality < MIN_QUALITY:
                least = self._size(trials[MIN_QUALITY])
                raise GoalError(
                    f"{self._max_bytes or 0} bytes are out of reach: quality {MIN_QUALITY} already takes {least}"
                )
        return trials[quality]

    def _raised(self, found: Trial, effort: Effort, progress: Progress | None) -> Trial:
        """The best of ``found`` and of the qualities around it that meet the goal with all effort."""
        onwards = 1 if self._goal.psnr_db is None else -1
        best, quality, direction = found, found.quality, 0
        for _ in range(QUALITIES_AT_FULL_EFFORT):
            trial = self._trials(quality, effort, progress)
            met = self._meets(trial)
            if met and self._is_better(trial, best):
                best = trial
            direction = direction or (onwards if met else -onwards)
            quality += direction
            if met == (direction != onwards) or not MIN_QUALITY <= quality <= MAX_QUALITY:
                break
        return best

    def _is_better(self, trial: Trial, best: Trial) -> bool:
        if self._goal.psnr_db is not None:
            return self._size(trial) < self._size(best)
        return trial.psnr_db > best.psnr_db


def first_not_negative(excess: Callable[[int], float], least: int, most: int) -> int:
    """The lowest x in least..most from which on ``excess(x)`` is not negative, most + 1 where it always is.

    ``excess`` rises by about one a step. A line through the nearest values on both sides says where to look next; after
    a few such looks it is the middle.
    """
    low, high = least, most + 1
    known: dict[int, float] = {}
    x = (low + high) // 2
    while low < high:
        known[x] = max(-most, min(excess(x), most))
        if known[x] >= 0:
            high = x
        else:
            low = x + 1
        below, above = known.get(low - 1), known.get(high)
        if len(known) > LOOKS_ALONG_LINES:
            x = (low + high) // 2
        elif below is not None and above is not None:
            x = low - 1 + ceil((high - low + 1) * below / (below - above))
        else:
            x -= floor(OVERSHOOT * known[x]) + 1
        x = max(low, min(x, high - 1))
    return low
