"""Goals of videos: sample frames say which quality to begin with, and what each run of frames takes corrects it.

What is steered is an amount that rises with the quality and adds up over frames: bytes, or decibels.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate
from math import log2
from typing import Any, Protocol

from vaecompress.encoder.effort import EFFORTS, MIN_EFFORT, Effort
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.gop import ANCHOR_DISTANCE
from vaecompress.encoder.predicted_video import CodedFrame, Frame, Run
from vaecompress.encoder.quality_search import DB_A_QUALITY, LOG2_BYTES_A_QUALITY
from vaecompress.errors import GoalError
from vaecompress.format import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY
from vaecompress.media.video_source import VideoSource

MAX_SITES, RUNS_A_SITE = 4, 2
"""At most so many runs are samples, and one of so many."""

LOOKS = 3
"""Qualities at which samples are coded."""

CLOSE, CLOSE_RUN = 3, 6
"""Steps of quality that are not worth another look at samples, or between a run and those after it."""

MAX_SHIFT = 8
"""At most so many steps of quality are samples thought to be off everywhere."""

CARES = (0.1, 0.6, 3.0)
"""How much care to take, in turn, where a goal is missed."""

TRIES, LAST_TRIES = 3, 8
"""How often a run, and the last one, is coded at most."""

LEAST_RATE, LEAST_RATE_A_SECOND, MOST_RATE_A_SECOND, MOST_DB = 0.955, 0.96, 1.04, 0.15
"""What is near enough: shares of a size that is never exceeded and of a rate, and dB above a PSNR."""

Progress = Callable[[int, int | None], None]
_CodedRun = tuple[int, list[CodedFrame], Any]
"""Quality, frames, and what the next run needs of them."""


class MissedError(GoalError):
    """The last run could not make up for what those before it took: to be tried again, with more care."""


class Coder(Protocol):
    """Codes a video run by run."""

    def runs(self, frames: Iterable[Frame]) -> Iterator[Run]:
        """The frames, in runs that are coded together."""
        ...

    def code(self, run: Run, before: Any, quality: int, effort: Effort) -> tuple[list[CodedFrame], Any]:
        """The coded frames of a run, and what the next one needs of them; ``before``: of the run before."""
        ...


class Bytes:
    """The bytes of frames and of their entries in the directory: a step of quality multiplies them."""

    usual_slope = LOG2_BYTES_A_QUALITY

    def of(self, frame: CodedFrame) -> float:
        """What a frame takes."""
        return frame.file_bytes

    def moved(self, amount: float, steps: float, frames: int, slope: float) -> float:
        """What frames that take ``amount`` take some steps of quality higher."""
        return float(amount * 2 ** (slope * steps))

    def steps(self, before: float, after: float, frames: int, slope: float) -> float:
        """How many steps of quality lie between two amounts."""
        return log2(after / before) / slope


class Decibels:
    """The PSNR of frames: a step of quality adds to it."""

    usual_slope = DB_A_QUALITY

    def of(self, frame: CodedFrame) -> float:
        """What a frame has."""
        return frame.counted_db

    def moved(self, amount: float, steps: float, frames: int, slope: float) -> float:
        """What frames that have ``amount`` have some steps of quality higher."""
        return amount + slope * steps * frames

    def steps(self, before: float, after: float, frames: int, slope: float) -> float:
        """How many steps of quality lie between two amounts."""
        return (after - before) / (slope * frames)


@dataclass(frozen=True)
class Window:
    """What all frames are to take. Of bytes the ``most`` must hold, of decibels the ``least``."""

    measure: Bytes | Decibels
    least: float
    most: float

    def holds(self, amount: float) -> bool:
        """Whether this is near enough."""
        return self.least <= amount <= self.most

    def keeps(self, amount: float) -> bool:
        """Whether this keeps the goal, however far from it."""
        return amount >= self.least if isinstance(self.measure, Decibels) else amount <= self.most

    def inner(self, care: float) -> "Window":
        """What to aim at, so that the last run can still correct it; ``care`` 0.1 and more."""
        width = self.most - self.least
        if isinstance(self.measure, Decibels):
            return Window(self.measure, self.least + care * width, self.most - 0.1 * width + care * width)
        return Window(self.measure, self.least + 0.2 * width - care * width, self.most - care * width)


@dataclass(frozen=True)
class Survey:
    """What a first look at a source finds: its runs (whether they start a group, frames), its stamps, its duration."""

    runs: tuple[tuple[bool, int], ...]
    stamps: tuple[int, ...]
    seconds: Fraction | None

    @classmethod
    def of(cls, coder: Coder, source: VideoSource, progress: Progress | None = None) -> "Survey":
        """Read all frames once."""
        runs, stamps = [], []
        for run in coder.runs(source):
            runs.append((run.starts, len(run.frames)))
            stamps += [stamp for _, stamp in run.frames]
            if progress:
                progress(len(stamps), source.frame_count)
        usual = stamps[-1] - stamps[-2] if len(stamps) > 1 else 0
        span = stamps[-1] - stamps[0] + (source.last_duration or usual)
        return cls(tuple(runs), tuple(stamps), span * source.time_base if span > 0 else None)

    def window(self, goal: Goal, pixels: int, other_bytes: int, sound_bytes: int) -> Window:
        """What frames of ``pixels`` pixels may take; ``other_bytes`` is the rest of the file, ``sound_bytes`` of it.

        Raises GoalError where nothing is left for frames, or a rate is asked of what has no duration.
        """
        frames = len(self.stamps)
        if goal.psnr_db is not None:
            return Window(Decibels(), goal.psnr_db * frames, (goal.psnr_db + MOST_DB) * frames)
        if goal.kbps is not None:
            if self.seconds is None:
                raise GoalError("one frame that lasts no time has no rate: give --size or -q")
            bytes_asked = float(goal.kbps * 125 * self.seconds)
            other_bytes -= sound_bytes
            least, most = bytes_asked * LEAST_RATE_A_SECOND, bytes_asked * MOST_RATE_A_SECOND
        else:
            most = float(goal.max_bytes(pixels * frames) or 0)
            least = most * LEAST_RATE
        if most <= other_bytes:
            raise GoalError(f"{most:.0f} bytes are out of reach: {other_bytes} are taken without any frame")
        return Window(Bytes(), least - other_bytes, most - other_bytes)


@dataclass(frozen=True)
class _Taken:
    """What a run took at a quality, and how many steps of quality that was off what was expected."""

    amount: float
    quality: int
    frames: int
    off: float


class Steering:
    """Codes a source to a window, in one pass after a look at samples."""

    def __init__(self, coder: Coder, source: VideoSource, effort: Effort, survey: Survey, window: Window) -> None:
        self._coder, self._source, self._effort, self._survey = coder, source, effort, survey
        self._window, self._measure = window, window.measure
        self._slope = self._measure.usual_slope
        self._frames_left: list[int] = _sums_to_the_end([length for _, length in survey.runs])
        self._total = self._shift = 0.0
        self._weighted_quality = 0
        self._look()

    @property
    def quality(self) -> int:
        """The mean over the frames, to stand in the header."""
        return max(MIN_QUALITY, round(self._weighted_quality / self._frames_left[0]))

    def encode(self, care: float) -> Iterator[CodedFrame]:
        """The coded frames, in order; ``care`` is what the last run is left to correct, as a share of the window.

        Raises GoalError where the goal is out of reach, MissedError where it is worth another try.
        """
        self._total, self._shift, self._weighted_quality = 0.0, 0.0, 0
        aim, quality, before = self._window.inner(care), self._reference, None
        for index, run in enumerate(self._coder.runs(self._source)):
            quality = self._within(aim, quality, partial(self._outlook, index, None, False))
            code = self._last if index == len(self._survey.runs) - 1 else partial(self._any, aim, index)
            quality, coded, before = code(run, before, quality)
            self._total += sum(map(self._measure.of, coded))
            self._weighted_quality += quality * len(coded)
            yield from coded

    def _outlook(self, index: int, taken: _Taken | None, stays: bool, quality: int) -> float:
        """What all frames will take, with runs from ``index`` on at a quality.

        The first of them was ``taken``; it ``stays`` as it is, or is coded at that quality again.
        """
        shift, now = self._shift, 0.0
        if taken is not None:
            steps = 0 if stays else quality - taken.quality
            now = self._measure.moved(taken.amount, steps, taken.frames, self._slope)
            shift, index = shift + self._learnt(taken), index + 1
        return self._total + now + self._rest(index, quality + shift)

    def _rest(self, index: int, quality: float) -> float:
        """What the runs from ``index`` on are expected to take."""
        expected, frames = self._expected_left[index], self._frames_left[index]
        return self._measure.moved(expected, quality - self._reference, frames, self._slope)

    def _learnt(self, taken: _Taken) -> float:
        """What a run tells of those to come, in steps of quality: little, for they may show something else."""
        off = max(-MAX_SHIFT, min(taken.off, MAX_SHIFT))
        return (off - self._shift) / 2 * min(1.0, taken.frames / ANCHOR_DISTANCE)

    def _within(self, window: Window, quality: int, total: Callable[[int], float]) -> int:
        """The quality nearest to ``quality`` with which the ``total`` lies in a window, or nearest to its middle."""
        totals = {each: total(each) for each in range(MIN_QUALITY, MAX_QUALITY + 1)}
        if inside := [each for each in totals if window.holds(totals[each])]:
            return min(inside, key=lambda each: abs(each - quality))
        middle = (window.least + window.most) / 2
        return min(totals, key=lambda each: abs(totals[each] - middle))

    def _any(self, aim: Window, index: int, run: Run, before: Any, quality: int) -> _CodedRun:
        """A run that others follow; coded again where what it takes would mean quite another quality for those."""
        expected, frames = self._expected_left[index] - self._expected_left[index + 1], len(run.frames)
        for _ in range(TRIES):
            coded, after = self._coder.code(run, before, quality, self._effort)
            amount = sum(map(self._measure.of, coded))
            guess = self._measure.moved(expected, quality - self._reference, frames, self._slope)
            taken = _Taken(amount, quality, frames, self._measure.steps(guess, amount, frames, self._slope))
            others = self._within(aim, quality, partial(self._outlook, index, taken, True))
            better = self._within(aim, quality, partial(self._outlook, index, taken, False))
            if abs(others - quality) <= CLOSE_RUN or better == quality:
                break
            quality = better
        self._shift += self._learnt(taken)
        return taken.quality, coded, after

    def _last(self, run: Run, before: Any, quality: int) -> _CodedRun:
        """The last run, at the best quality that keeps the goal."""
        window, frames, best = self._window, len(run.frames), None
        low, high = MIN_QUALITY - 1, MAX_QUALITY + 1  # known to be too little, and too much
        for _ in range(LAST_TRIES):
            coded, after = self._coder.code(run, before, quality, self._effort)
            amount = sum(map(self._measure.of, coded))
            if window.keeps(self._total + amount):
                best = quality, coded, after
            if window.holds(self._total + amount):
                break
            low, high = (quality, high) if self._total + amount < window.least else (low, quality)
            if high - low == 1:
                break
            wanted = max((window.least + window.most) / 2 - self._total, 1.0)
            steps = self._measure.steps(amount, wanted, frames, self._slope)
            quality = min(max(quality + round(steps), low + 1), high - 1)
        if best is None:
            raise self._missed(frames)
        return best

    def _missed(self, frames: int) -> GoalError:
        """Why the last run, of so many frames, could not keep the goal."""
        edge = MIN_QUALITY if isinstance(self._measure, Bytes) else MAX_QUALITY
        kind = GoalError if self._weighted_quality == edge * (self._frames_left[0] - frames) else MissedError
        if isinstance(self._measure, Bytes):
            return kind(f"{self._window.most:.0f} bytes for all frames are out of reach: quality {edge} takes more")
        return kind(f"{self._window.least / self._frames_left[0]:g} dB is out of reach: quality {edge} stays below it")

    def _look(self) -> None:
        """Code samples at a few qualities: which to begin with, what runs take there, and what a step brings."""
        sites = list(self._sites())
        quality = DEFAULT_QUALITY
        seen: dict[int, float] = {}
        for _ in range(LOOKS):
            amounts = {index: self._sampled(before, run, quality) for index, before, run in sites}
            expected = []
            for index, (starts, length) in enumerate(self._survey.runs):
                nearest = min(amounts, key=partial(_distance, index))
                expected.append(amounts[nearest][starts] * length)
            self._reference, self._expected_left = quality, _sums_to_the_end(expected)
            seen[quality] = self._expected_left[0]
            if len(seen) > 1:
                (first, less), *_, (last, more) = sorted(seen.items())
                slope = self._measure.steps(less, more, self._frames_left[0], 1.0) / (last - first)
                self._slope = min(max(slope, self._measure.usual_slope / 3), self._measure.usual_slope * 3)
            better = self._within(self._window, quality, partial(self._rest, 0))
            if abs(better - quality) <= CLOSE or better in seen:
                break
            quality = better

    def _sites(self) -> Iterator[tuple[int, Frame, Run]]:
        """Runs spread over the source, with their index and the frame before each."""
        predicted = [index for index, (starts, _) in enumerate(self._survey.runs) if not starts]
        among: Sequence[int] = predicted or range(len(self._survey.runs))
        count = max(1, min(len(among) // RUNS_A_SITE, MAX_SITES))
        ends = list(accumulate(self._survey.runs[index][1] for index in among))
        wanted = {among[bisect_right(ends, (2 * site + 1) * ends[-1] // (2 * count))] for site in range(count)}
        before: Frame | None = None
        for index, run in enumerate(self._coder.runs(self._source)):
            if index in wanted:
                yield index, before or run.frames[0], run
            if index == max(wanted):
                break
            before = run.frames[-1]

    def _sampled(self, before: Frame, run: Run, quality: int) -> dict[bool, float]:
        """What a frame takes that starts a group (True), and one that is predicted (False)."""
        first = run if run.starts else Run(True, [before])
        alone, state = self._coder.code(first, None, quality, EFFORTS[MIN_EFFORT])
        found = {True: sum(map(self._measure.of, alone)) / len(alone)}
        if not run.starts:
            coded, _ = self._coder.code(run, state, quality, EFFORTS[MIN_EFFORT])
            found[False] = sum(map(self._measure.of, coded)) / len(coded)
        return found


def _sums_to_the_end(values: Sequence[Any]) -> list[Any]:
    """For each place, and the one after the last, the sum of the values from there on."""
    return list(accumulate(reversed(values), initial=0))[::-1]


def _distance(one: int, other: int) -> int:
    return abs(one - other)
